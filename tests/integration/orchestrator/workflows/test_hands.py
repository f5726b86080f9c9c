"""Hands on a product's ads: what SyncFlow hears of them, command after command, and when they end."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from integration.orchestrator.workflows.shop import NOW, Shop, product
from kiki.council.syncflow import convert, guard
from kiki.council.syncflow.domain import Hand, Pause, ProductState, Resume
from kiki.rpc.v1 import syncflow_pb2 as pb

MINUTE = dt.timedelta(minutes=1)
_READERS: dict[Any, Any] = {
    pb.PauseProductCampaignsRequest: convert.pause,
    pb.ResumeProductCampaignsRequest: convert.resume,
}


async def command(shop: Shop, name: str, expires_at: dt.datetime | None = None) -> None:
    await shop.fact(
        "products_commanded",
        {
            "product_ids": ["p1"],
            "command": name,
            "actor": "user:7",
            "reason": "launch day",
            "expires_at": expires_at.isoformat() if expires_at else None,
        },
    )


async def at_flow(shop: Shop, now: dt.datetime) -> list[ProductState]:
    """How SyncFlow's rules take the calls so far: the state after each."""
    state = ProductState(store_id=shop.store_id, product_id="p1")
    states: list[ProductState] = []
    for request in await shop.calls("PauseProductCampaigns", "ResumeProductCampaigns"):
        decision: Any = _READERS[type(request)](request)
        after: ProductState | None = None
        if isinstance(decision, Pause):
            after = guard.pause(state, decision)
        elif isinstance(decision, Resume):
            after = guard.resume(state, decision)
        state = guard.expire_hand(after or state, now)
        states.append(state)
    return states


@pytest.mark.parametrize("commands", [("resume",), ("pause", "resume"), ("resume", "hold"), ("hold", "resume")])
async def test_ads_ordered_to_run_stop_when_the_order_is_released_and_nothing_is_left(
    shop: Shop, commands: tuple[str, ...]
) -> None:
    await shop.tell(product(quantity=0), origin="sync")
    for name in commands:
        await command(shop, name)
    assert (await at_flow(shop, NOW))[-1].hand is Hand.RUN
    await command(shop, "release")
    assert (await at_flow(shop, NOW))[-1].hand is Hand.NONE
    assert (await at_flow(shop, NOW))[-1].paused


@pytest.mark.parametrize("commands", [("pause",), ("pause", "hold"), ("resume", "pause"), ("pause", "hold", "hold")])
async def test_ads_paused_by_hand_run_again_when_the_hand_is_released(shop: Shop, commands: tuple[str, ...]) -> None:
    await shop.tell(product(quantity=9), origin="sync")
    for name in commands:
        await command(shop, name)
    assert (await at_flow(shop, NOW))[-1].hand is Hand.PAUSE
    await command(shop, "release")
    assert not (await at_flow(shop, NOW))[-1].paused
    assert await shop.rows("holds") == []


async def test_a_hold_over_a_pause_lengthens_the_pause(shop: Shop) -> None:
    await shop.tell(product(quantity=9), origin="sync")
    await command(shop, "pause", NOW + MINUTE)
    await command(shop, "hold", NOW + 9 * MINUTE)
    last = (await at_flow(shop, NOW))[-1]
    assert (last.hand, last.hand_until) == (Hand.PAUSE, NOW + 9 * MINUTE)
    hold = await shop.row("holds")
    assert (hold["kind"], hold["expires_at"]) == ("pause", NOW + 9 * MINUTE)
    await command(shop, "hold")
    assert (await at_flow(shop, NOW))[-1].hand_until is None


async def test_a_product_that_sold_out_under_a_hand_never_runs_on_its_release(shop: Shop) -> None:
    await shop.tell(product(quantity=9), origin="sync")
    await command(shop, "pause")
    await shop.tell(product(quantity=0, at=NOW + MINUTE))
    await command(shop, "release")
    states = await at_flow(shop, NOW)
    assert [state.paused for state in states] == [True, True, True]
    assert states[-1].hand is Hand.NONE


async def test_what_was_due_is_done_by_a_worker_whose_clock_is_behind(shop: Shop) -> None:
    await shop.tell(product(quantity=0), origin="sync")
    await shop.tell(product(quantity=9, at=NOW + MINUTE))
    due = (await shop.row("product_states"))["resume_at"]
    shop.now = due - dt.timedelta(seconds=1)
    await shop.fact("resumes_due", {"product_ids": ["p1"], "due": [due.isoformat()]})
    assert len(await shop.calls("ResumeProductCampaigns")) == 1
    await command(shop, "hold", due + MINUTE)
    shop.now = due + MINUTE - dt.timedelta(seconds=1)
    await shop.fact("holds_expired", {"product_ids": ["p1"], "due": [due.isoformat()]})
    assert len(await shop.rows("holds")) == 1, "another hand by now"
    await shop.fact("holds_expired", {"product_ids": ["p1"], "due": [(due + MINUTE).isoformat()]})
    assert await shop.rows("holds") == []
