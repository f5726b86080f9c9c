"""Campaigns are registered and changed after orders came in: they count as they were registered then, or as is said."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from integration.orchestrator.workflows.shop import NOW, Shop, order, visit
from integration.orchestrator.workflows.test_evidence import stale
from integration.orchestrator.workflows.test_reopening import booked, causes, click, stands, waiting, work
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows import reopening

DAY = dt.timedelta(days=1)
OURS, TOUCHED, NOTHING = ("incremental", Decimal("0.8")), ("touched", Decimal("0.5")), ("none", Decimal(0))


async def buy(shop: Shop, order_id: str = "1", campaign: str = "autumn", **how: Any) -> None:
    """An order that comes in now, after a click yesterday."""
    given = {"placed_at": shop.now, "touch": visit(campaign, shop.now - DAY), "customer_id": order_id, **how}
    await shop.tell(order(order_id, email=f"{order_id}@example.com", **given))


async def again(shop: Shop, *order_ids: str) -> None:
    """A recalculation by hand."""
    await shop.fact("orders_reopened", {"order_ids": list(order_ids)})


async def closed(shop: Shop, month: str) -> None:
    async with shop.database.connection() as connection:
        await connection.execute(
            """INSERT INTO closing.months (store_id, month, ends_at, closes_at, due_at, state, reason, closed_at)
            VALUES ($1, $2, $3, $3, $3, 'closed', '', $3)""",
            shop.store_id,
            month,
            NOW,
        )


async def test_nobody_claims_a_past_order_by_registering_a_campaign(shop: Shop) -> None:
    await shop.register("other", utm_campaign="other", utm_id="1")
    await buy(shop)
    shop.now += DAY
    await shop.register(products=["p1"])
    assert (await work(shop), await stands(shop, "1")) == (0, NOTHING)
    await again(shop, "1")
    await click(shop, {"customer_id": "1"}, NOW - 2 * DAY)
    assert (await stands(shop, "1"), await causes(shop, "1"), await stale(shop)) == (NOTHING, [], [])
    await buy(shop, "2", placed_at=NOW - DAY, touch=visit("autumn", NOW - 2 * DAY))
    assert await stands(shop, "2") == OURS, "it came in after the registration"


async def test_nobody_claims_a_past_order_by_promoting_its_product(shop: Shop) -> None:
    await shop.register()
    await buy(shop)
    assert await stands(shop, "1") == TOUCHED
    shop.now += DAY
    await shop.register(products=["p1"])
    await again(shop, "1")
    assert (await stands(shop, "1"), await stale(shop)) == (TOUCHED, [])
    await buy(shop, "2")
    shop.now += DAY
    await shop.register()
    await again(shop, "2")
    assert await stands(shop, "2") == OURS, "it was promoted when the order was placed"


async def test_a_product_that_was_taken_out_for_a_while_was_not_promoted_then(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await buy(shop, "1")
    for order_id, products in (("2", ()), ("3", ("p1",)), ("4", ("p1",))):
        shop.now += DAY
        await shop.register(products=products)
        await buy(shop, order_id)
    found = [await stands(shop, name) for name in "1234"]
    assert found == [OURS, TOUCHED, OURS, OURS]
    shop.now += DAY
    await shop.register(products=["p1"])
    await again(shop, *"1234")
    assert [await stands(shop, name) for name in "1234"] == found
    rows = await shop.rows("campaign_products")
    assert len(rows) == 2, "one that goes on is not begun again"


async def test_changed_keys_lead_where_they_led(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await buy(shop, "1")
    shop.now += DAY
    await buy(shop, "2", "winter")
    assert await stands(shop, "2") == ("touched", Decimal("0.3"))
    shop.now += DAY
    await shop.register(products=["p1"], utm_campaign="winter", utm_id="78")
    await shop.register("k0", utm_campaign="autumn", utm_id="77")
    await buy(shop, "3", "winter")
    await buy(shop, "4", "autumn")
    await again(shop, *"1234")
    assert [(await stands(shop, name))[1] for name in "1234"] == [
        Decimal(each) for each in ("0.8", "0.3", "0.8", "0.8")
    ]
    shop.now += 2 * DAY
    await buy(shop, "5", "autumn")
    campaigns = {row["order_id"]: row["campaign_id"] for row in await shop.rows("orders")}
    assert campaigns == {"1": "k1", "2": "k1", "3": "k1", "4": "k1", "5": "k0"}, "who had the name at the click"
    assert await stale(shop) == []


async def test_an_earlier_time_that_is_named_reopens_the_orders_of_open_months(shop: Shop) -> None:
    await shop.register("other", utm_campaign="other", utm_id="1")
    october = NOW - 25 * DAY
    await closed(shop, "2026-10")
    await buy(shop, "1", placed_at=october, touch=visit("autumn", october - DAY))
    await buy(shop, "2")
    await buy(shop, "3", "elsewhere", product_id="p9")
    await buy(shop, "4", placed_at=NOW - 10 * DAY, touch=visit("autumn", NOW - 11 * DAY), paid=False)
    shop.now += DAY
    await shop.register(products=["p1"], effective_from=(NOW - 40 * DAY).isoformat())
    found = [(lane, fact.body["order_ids"]) for _, lane, fact in await waiting(shop)]
    assert found == [(Lane.BULK, ["4", "2"])], "one page, in the background"
    await work(shop)
    assert [await stands(shop, name) for name in "1234"] == [NOTHING, OURS, NOTHING, OURS]
    assert (await causes(shop, "2"), await booked(shop, "2"), await booked(shop, "4")) == (["registered"], True, False)
    assert await stale(shop) == ["1"], "a recalculation corrects a closed month, and shows its diff first"
    await shop.register(products=["p1"])
    assert await work(shop) == 0
    await again(shop, "2")
    assert await causes(shop, "2") == ["registered"]


async def test_an_earlier_time_holds_from_then_on_and_not_before(shop: Shop) -> None:
    await shop.register("other", utm_campaign="other", utm_id="1")
    await buy(shop, "1")
    shop.now += 2 * DAY
    await buy(shop, "2")
    shop.now += 2 * DAY
    await shop.register(products=["p1"], effective_from=(NOW + DAY).isoformat())
    await work(shop)
    assert [await stands(shop, name) for name in "12"] == [NOTHING, OURS]
    await shop.register(products=["p1"], effective_from=(NOW + 3 * DAY).isoformat())
    await work(shop)
    assert await stands(shop, "2") == OURS, "a later time takes nothing back"


async def test_a_long_history_is_gone_through_page_by_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reopening, "AT_ONCE", 4)
    await shop.register("other", utm_campaign="other", utm_id="1")
    for number in range(10):
        at = NOW - DAY if number < 6 else NOW
        await buy(shop, f"o{number}", placed_at=at, touch=visit("autumn", NOW - 2 * DAY))
    await shop.register(products=["p1"], effective_from=(NOW - DAY).isoformat())
    assert [len(fact.body["order_ids"]) for _, _, fact in await waiting(shop)] == [4, 0]
    await work(shop)
    assert {row["verdict"] for row in await shop.rows("orders")} == {"incremental"}
    assert await stale(shop) == []


async def test_a_campaign_that_ended_and_goes_on_promoted_nothing_in_between(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await buy(shop, "1")
    shop.now += DAY
    for _ in range(2):
        await shop.register(products=["p1"], ended=True)
    shop.now += DAY
    await buy(shop, "2")
    assert await stands(shop, "2") == TOUCHED
    shop.now += DAY
    await shop.register(products=["p1"], ended=True)
    await shop.register(products=["p1"])
    await buy(shop, "3")
    await again(shop, *"123")
    assert [await stands(shop, name) for name in "123"] == [OURS, TOUCHED, OURS]
    shop.now += DAY
    await shop.register(products=["p1"])
    await buy(shop, "4")
    await again(shop, *"1234")
    assert [await stands(shop, name) for name in "1234"] == [OURS, TOUCHED, OURS, OURS]
    assert len(await shop.rows("campaign_products")) == 2


async def test_an_earlier_time_that_is_named_says_that_an_ended_campaign_ran_on(shop: Shop) -> None:
    await shop.register(products=["p1"])
    shop.now += DAY
    await shop.register(products=["p1"], ended=True)
    shop.now += DAY
    await buy(shop, "1")
    shop.now += DAY
    await buy(shop, "2")
    shop.now += DAY
    await shop.register(products=["p1"], effective_from=(shop.now - DAY).isoformat())
    await work(shop)
    assert [await stands(shop, name) for name in "12"] == [TOUCHED, OURS]


async def test_a_promotion_begins_when_it_was_planned_to_though_it_was_taken_out_before(shop: Shop) -> None:
    begins = NOW + 10 * DAY
    planned = [{"product_id": "p1", "from_at": begins.isoformat(), "to_at": None}]
    for promotions in (planned, [], planned):
        await shop.register(promotions=promotions)
        shop.now += DAY
    await buy(shop, "1")
    assert await stands(shop, "1") == TOUCHED
    shop.now = begins
    await buy(shop, "2")
    await again(shop, *"12")
    assert [await stands(shop, name) for name in "12"] == [TOUCHED, OURS]
