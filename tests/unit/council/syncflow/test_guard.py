"""What a decision does to a product."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from kiki.council.syncflow import guard
from kiki.council.syncflow.domain import AdjustBids, Hand, Pause, PauseReason, ProductState, Resume, SetMargin

STATE = ProductState(store_id=1, product_id="1")
NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
MANUAL = frozenset({PauseReason.MANUAL})


def common(seq: int, **fields: Any) -> dict[str, Any]:
    return {"store_id": 1, "product_id": "1", "lane": 1, "decision_seq": seq, **fields}


def pause(state: ProductState, seq: int = 0, reason: PauseReason = PauseReason.OUT_OF_STOCK) -> ProductState | None:
    return guard.pause(state, Pause(**common(seq), reason=reason))


def resume(state: ProductState, seq: int = 0, **fields: Any) -> ProductState | None:
    return guard.resume(state, Resume(**common(seq), new_quantity=3, **fields))


def test_reasons_are_a_set_and_stock_ends_only_its_own() -> None:
    state = pause(pause(STATE) or STATE, reason=PauseReason.LOW_MARGIN)
    assert state is not None
    assert state.paused
    state = resume(state)
    assert state is not None
    assert (state.reasons, state.paused) == ({PauseReason.LOW_MARGIN}, True)


@pytest.mark.parametrize(("seq", "accepted"), [(4, False), (5, True), (6, True), (0, True)])
def test_a_lower_decision_number_is_ignored_and_none_is_always_applied(seq: int, accepted: bool) -> None:
    state = resume(STATE, 5)
    assert state is not None
    assert (pause(state, seq) is not None) is accepted


def test_stock_bids_and_margin_have_numbers_of_their_own() -> None:
    state = pause(STATE, 9)
    assert state is not None
    bids = AdjustBids(**common(3), quantity=1, low_stock_threshold=5, factor=Decimal("0.5"))
    assert guard.adjust_bids(state, bids) is not None
    margin = SetMargin(**common(3), margin=Decimal("0.1"), floor=Decimal("0.2"))
    assert guard.set_margin(state, margin) is not None


def test_the_guard_never_overrides_a_hand() -> None:
    run = resume(pause(STATE) or STATE, reasons=MANUAL)
    assert run is not None
    assert (run.hand, run.paused) == (Hand.RUN, False)
    again = pause(run, 99, PauseReason.PRODUCT_DELETED)
    assert again is not None
    assert not again.paused
    held = pause(STATE, reason=PauseReason.MANUAL)
    assert held is not None
    free = resume(held, 99)
    assert free is not None
    assert free.paused
    assert free.shown_reasons == [PauseReason.MANUAL]


@pytest.mark.parametrize(
    ("quantity", "factor"), [(0, "0.5"), (5, "0.5"), (6, "1")], ids=["none", "at-the-threshold", "over-it"]
)
def test_the_factor_applies_at_and_under_the_threshold(quantity: int, factor: str) -> None:
    bids = AdjustBids(**common(1), quantity=quantity, low_stock_threshold=5, factor=Decimal("0.5"))
    state = guard.adjust_bids(STATE, bids)
    assert state is not None
    assert state.factor == Decimal(factor)


@pytest.mark.parametrize(
    ("margin", "floor", "low"), [("0.19", "0.2", True), ("0.2", "0.2", False), ("-0.5", "0", False)]
)
def test_a_margin_under_the_floor_pauses(margin: str, floor: str, low: bool) -> None:
    state = guard.set_margin(STATE, SetMargin(**common(1), margin=Decimal(margin), floor=Decimal(floor)))
    assert state is not None
    assert state.paused is low


def test_an_order_by_hand_ends_when_its_time_is_over() -> None:
    until = NOW + dt.timedelta(hours=1)
    held = guard.pause(STATE, Pause(**common(0, expires_at=until), reason=PauseReason.MANUAL))
    assert held is not None
    assert guard.expire_hand(held, NOW) == held
    assert guard.expire_hand(held, until).hand is Hand.NONE
