"""SyncEngage is told when nothing is left of an order that it follows up."""

from __future__ import annotations

import datetime as dt

import pytest

from integration.orchestrator.workflows.shop import NOW, Shop, eur, order
from kiki.commerce.events import CommerceEvent, OrderDeleted, Refund, RefundObserved

MINUTE = dt.timedelta(minutes=1)
ALL = RefundObserved(order_id="1", refund=Refund(refund_id="r1", amount=eur("119.00"), refunded_at=NOW))
HALF = RefundObserved(order_id="1", refund=Refund(refund_id="r2", amount=eur("59.50"), refunded_at=NOW))


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(order(updated_at=NOW, cancelled_at=NOW), id="cancelled"),
        pytest.param(OrderDeleted(order_id="1"), id="deleted"),
        pytest.param(ALL, id="wholly refunded"),
    ],
)
async def test_an_order_of_which_nothing_is_left_is_not_followed_up_any_more(shop: Shop, told: CommerceEvent) -> None:
    await shop.tell(order())
    await shop.tell(told)
    await shop.tell(told)
    (cancelled,) = await shop.calls("CancelFlows")
    (followed,) = await shop.calls("TriggerPostPurchaseFlow")
    assert (cancelled.order_id, cancelled.customer_key) == ("1", followed.customer.customer_key)


async def test_half_a_refund_takes_nothing_back(shop: Shop) -> None:
    await shop.tell(order())
    await shop.tell(HALF)
    assert await shop.calls("CancelFlows") == []


async def test_what_was_never_followed_up_needs_no_taking_back(shop: Shop) -> None:
    await shop.tell(order(placed_at=NOW - dt.timedelta(days=3)))
    await shop.tell(order(placed_at=NOW - dt.timedelta(days=3), updated_at=NOW, cancelled_at=NOW + MINUTE))
    assert await shop.calls("CancelFlows") == []
