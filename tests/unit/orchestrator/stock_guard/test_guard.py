"""What can be bought, and what the guard does about it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.orchestrator.stock_guard.guard import PAUSED, RUNNING, Action, GuardRules, GuardState, judge
from kiki.orchestrator.stock_guard.stock import Level, StockView, VariantStock, is_sellable, units_of, view_of

T0 = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
RULES = GuardRules(low_stock_threshold=5, resume_damping=MINUTE)


def variant(
    *,
    active: bool = True,
    tracked: bool | None = True,
    may_oversell: bool | None = False,
    quantity: int | None = 3,
    status: str | None = None,
    levels: tuple[int | None, ...] = (),
    levels_at: dt.datetime = T0 + MINUTE,
    before: tuple[int, ...] | None = None,
    complete: bool = False,
) -> VariantStock:
    earlier = [()] * len(levels) if before is None else [((T0, each),) for each in before]
    told = tuple(Level(each, levels_at, was) for each, was in zip(levels, earlier, strict=True))
    return VariantStock(active, tracked, may_oversell, quantity, T0, status, told, complete)


@pytest.mark.parametrize(
    ("stock", "sellable"),
    [
        pytest.param(variant(), True, id="in-stock"),
        pytest.param(variant(quantity=0), False, id="empty"),
        pytest.param(variant(quantity=-4), False, id="oversold"),
        pytest.param(variant(quantity=0, tracked=False), True, id="untracked"),
        pytest.param(variant(quantity=-4, may_oversell=True), True, id="may-oversell"),
        pytest.param(variant(quantity=None, tracked=None, may_oversell=None), True, id="nothing-told"),
        pytest.param(variant(quantity=None, status="out_of_stock"), False, id="status-out"),
        pytest.param(variant(quantity=0, status="in_stock"), True, id="status-decides-over-quantity"),
        pytest.param(variant(quantity=0, status="on_backorder"), True, id="backorder"),
        pytest.param(variant(active=False), False, id="inactive"),
        pytest.param(variant(quantity=0, levels=(3, -3)), True, id="negatives-clamped-per-location"),
        pytest.param(variant(quantity=9, levels=(0, None), complete=True), False, id="all-levels-newer-decide"),
        pytest.param(variant(quantity=9, levels=(0, None)), True, id="some-levels-newer-do-not-hide-the-rest"),
        pytest.param(
            variant(quantity=9, levels=(0, 0), before=(5, 4)), False, id="all-levels-by-what-they-told-before"
        ),
        pytest.param(
            variant(quantity=9, levels=(0, 0), before=(5, 3)), True, id="some-levels-by-what-they-told-before"
        ),
        pytest.param(variant(quantity=None, levels=(0,)), False, id="levels-without-any-total-decide"),
        pytest.param(variant(quantity=0, levels=(2,)), True, id="a-level-that-came-back"),
        pytest.param(variant(quantity=3, levels=(3, 0), levels_at=T0), True, id="levels-of-the-totals-own-time"),
        pytest.param(variant(quantity=9, levels=(0,), levels_at=T0 - MINUTE), True, id="older-levels-do-not"),
        pytest.param(variant(quantity=0, levels=(3, -3), levels_at=T0 - MINUTE), True, id="levels-explain-the-total"),
    ],
)
def test_a_variant_is_sellable(stock: VariantStock, sellable: bool) -> None:
    assert is_sellable(stock) is sellable


@pytest.mark.parametrize(
    ("status", "deleted", "quantities", "reason"),
    [
        pytest.param("archived", False, [3], "product_deleted", id="archived"),
        pytest.param("draft", False, [3], "product_deleted", id="draft"),
        pytest.param("active", True, [3], "product_deleted", id="deleted"),
        pytest.param("active", False, [], "", id="nothing-known"),
        pytest.param("active", False, [0, 3], "", id="one-variant-left"),
        pytest.param("active", False, [0, -1], "out_of_stock", id="no-variant-left"),
    ],
)
def test_a_product_is_sellable(status: str, deleted: bool, quantities: list[int], reason: str) -> None:
    view = view_of(status=status, deleted=deleted, variants=[variant(quantity=each) for each in quantities])
    assert (view.sellable, view.reason) == (not reason, reason)


def test_units_that_are_not_limited_are_not_counted() -> None:
    view = view_of(status="active", deleted=False, variants=[variant(quantity=2), variant(tracked=False)])
    assert view.quantity is None
    assert units_of(variant(quantity=-2)) == 0


_stocks = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), min_size=1)
"""An item's true stock by location."""


@given(
    _stocks, st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans()), max_size=12), st.booleans()
)
def test_what_has_stock_anywhere_is_never_called_empty(
    stock: dict[str, int], changes: list[tuple[str, int, bool]], listed: bool
) -> None:
    """Each change tells its location's level, and the total where that is not late; who never changed told nothing.

    Empty is only what was so by the newest total, or by the levels of all locations; these tell the sum exactly.
    """
    now, total = T0, sum(stock.values())
    told: dict[str, list[tuple[dt.datetime, int | None]]]
    told = {name: [(now, units)] for name, units in stock.items()} if listed else {}
    total_at, at_total = now, dict(stock)
    for name, units, total_arrives in changes:
        now += MINUTE
        stock[name] = units
        told.setdefault(name, []).append((now, units))
        if total_arrives:
            total, total_at, at_total = sum(stock.values()), now, dict(stock)
        levels = tuple(Level(each[-1][1], each[-1][0], tuple(each[:-1])) for each in told.values())
        seen = VariantStock(True, True, False, total, total_at, None, levels, listed)
        silent = {
            name
            for name, units in at_total.items()
            if units and not any(at <= total_at for at, _ in told.get(name, ()))
        }
        if listed or total_arrives or not silent:
            assert units_of(seen) == sum(stock.values())
        if not is_sellable(seen):
            assert sum(stock.values()) == 0


_views = st.one_of(
    st.builds(StockView, st.just(False), st.sampled_from(["out_of_stock", "product_deleted"]), st.none()),
    st.builds(StockView, st.just(True), st.just(""), st.one_of(st.none(), st.integers(1, 30))),
)
_steps = st.lists(st.tuples(_views, st.integers(0, 180), st.booleans()), max_size=25)


@given(_steps)
def test_whatever_happens_the_guard_keeps_its_promises(steps: list[tuple[StockView, int, bool]]) -> None:
    state, now, wanted_running = GuardState(), T0, True
    for view, seconds, held in steps:
        now += dt.timedelta(seconds=seconds)
        before = state
        judgement = judge(state, view, held=held, now=now, rules=RULES)
        state = judgement.state
        if held:
            assert state == before
            assert not judgement.actions, "a hand is never overridden"
            continue
        if not view.sellable:
            assert state.ads == PAUSED, "unsellable: paused at once"
            assert state.resume_at is None
            assert Action.RESUME not in judgement.actions
        if Action.RESUME in judgement.actions:
            assert view.sellable
            assert before.ads == PAUSED
            assert before.resume_at is not None
            assert before.resume_at <= now, "resumes are damped"
        assert (Action.PAUSE in judgement.actions) == (before.ads == RUNNING and state.ads == PAUSED)
        wanted_running ^= Action.PAUSE in judgement.actions or Action.RESUME in judgement.actions
        assert wanted_running == (state.ads == RUNNING)
        again = judge(state, view, held=False, now=now, rules=RULES)
        assert again.state == state
        assert not again.actions, "asked again nothing follows"


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_bids_are_lowered_and_restored_in_turns(quantities: list[int]) -> None:
    state, lowered = GuardState(), False
    for quantity in quantities:
        judgement = judge(state, StockView(True, "", quantity), held=False, now=T0, rules=RULES)
        state = judgement.state
        for action in judgement.actions:
            assert action is (Action.RESTORE_BIDS if lowered else Action.LOWER_BIDS)
            lowered = not lowered
        assert not (quantity <= 5 and not lowered)
        assert not (quantity >= 10 and lowered)


def test_without_damping_a_resume_is_due_at_once() -> None:
    paused = GuardState(PAUSED, "out_of_stock")
    judgement = judge(
        paused, StockView(True, "", None), held=False, now=T0, rules=GuardRules(resume_damping=dt.timedelta(0))
    )
    assert judgement.actions == (Action.RESUME,)


def test_bids_go_back_when_the_store_no_longer_wants_them_lowered() -> None:
    lowered = GuardState(bids_lowered=True)
    off = GuardRules(low_stock_threshold=0)
    judged = judge(lowered, StockView(True, "", 2), held=False, now=T0, rules=off)
    assert (judged.actions, judged.state) == ((Action.RESTORE_BIDS,), GuardState())
    assert judge(judged.state, StockView(True, "", 2), held=False, now=T0, rules=off).actions == ()
