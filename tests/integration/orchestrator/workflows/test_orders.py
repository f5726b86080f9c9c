"""Orders from their first sight to the books."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from integration.orchestrator.workflows.shop import NOW, Shop, eur, order, visit
from kiki.commerce.events import OrderDeleted, OrderTouch, Refund, RefundObserved
from kiki.orchestrator.workflows.identities import identities

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def half(refund_id: str = "r1") -> Refund:
    return Refund(refund_id=refund_id, amount=eur("59.50"), refunded_at=NOW)


async def test_a_paid_order_with_a_click_and_a_promoted_product_is_booked(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(order(touch=visit("Autumn", NOW - 10 * DAY)))
    row = await shop.row("orders", order_id="1")
    assert (row["verdict"], row["confidence"], row["campaign_id"]) == ("incremental", Decimal("0.8"), "k1")
    (booked,) = await shop.calls("RecordIncrementalRevenue")
    assert (booked.net_sales.units, booked.order_amount.units, booked.decision_seq) == (100, 119, 1)
    assert [(each.signal, each.campaign_id) for each in booked.touchpoints] == [("click", "k1"), ("promoted", "k1")]
    assert await shop.methods() == ["UpdateCustomerLTV", "TriggerPostPurchaseFlow", "RecordIncrementalRevenue"]


async def test_a_click_31_days_before_leaves_a_review_and_no_booking(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(order(touch=visit("autumn", NOW - 31 * DAY)))
    row = await shop.row("orders", order_id="1")
    assert (row["verdict"], row["confidence"]) == ("touched", Decimal("0.3"))
    assert (await shop.row("reviews", order_id="1"))["status"] == "open"
    assert await shop.calls("RecordIncrementalRevenue") == []


async def test_an_approved_review_is_booked_at_the_time_of_approval(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(order(touch=visit("autumn", NOW - 31 * DAY)))
    shop.now = NOW + 40 * DAY
    decision = {"order_id": "1", "approved": True, "actor": "user:7", "reason": "known customer"}
    await shop.fact("review_decided", {"orders": [decision]})
    (booked,) = await shop.calls("RecordIncrementalRevenue")
    assert booked.paid_at.ToDatetime(tzinfo=dt.UTC) == shop.now
    assert (await shop.row("reviews", order_id="1"))["status"] == "approved"
    await shop.fact("review_decided", {"orders": [decision]})
    assert len(await shop.calls("RecordIncrementalRevenue")) == 1


async def test_an_order_that_was_approved_before_it_was_paid_counts_by_its_payment(shop: Shop) -> None:
    """Approved in November, paid in December: it belongs to December's statement, not to a month that may be closed."""
    await shop.register(products=["p1"])
    told = order(touch=visit("autumn", NOW - 31 * DAY), paid=False)
    await shop.tell(told)
    decision = {"order_id": "1", "approved": True, "actor": "user:7", "reason": "known customer"}
    await shop.fact("review_decided", {"orders": [decision]})
    assert await shop.calls("RecordIncrementalRevenue") == []
    paid_at = NOW + 15 * DAY
    await shop.tell(msgspec.structs.replace(told, paid_at=paid_at, updated_at=paid_at))
    (booked,) = await shop.calls("RecordIncrementalRevenue")
    assert booked.paid_at.ToDatetime(tzinfo=dt.UTC) == paid_at
    earlier = NOW + 5 * DAY
    await shop.tell(msgspec.structs.replace(told, paid_at=earlier, updated_at=earlier))
    _, anew = await shop.calls("RecordIncrementalRevenue")
    assert anew.paid_at.ToDatetime(tzinfo=dt.UTC) == earlier, "which turned out to be November"


async def test_somebody_elses_campaign_does_not_touch(shop: Shop) -> None:
    await shop.register()
    await shop.tell(order(touch=visit("their-newsletter", NOW - DAY)))
    assert (await shop.row("orders", order_id="1"))["verdict"] == "none"


async def test_a_half_refund_told_twice_is_recorded_once(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(order(touch=visit("autumn", NOW - 10 * DAY)))
    await shop.tell(RefundObserved(order_id="1", refund=half()))
    await shop.tell(order(touch=visit("autumn", NOW - 10 * DAY), updated_at=NOW, refunds=[half()]))
    (refund,) = await shop.calls("RecordRefund")
    assert (refund.refund_id, refund.amount.units, refund.amount.nanos) == ("r1", 59, 500_000_000)
    assert (await shop.row("orders", order_id="1"))["refunded_minor"] == 5950


async def test_a_refund_before_its_order_waits_and_is_recorded_after_the_revenue(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(RefundObserved(order_id="1", refund=half()))
    assert (await shop.row("order_refunds", order_id="1"))["pending"] is True
    await shop.tell(order(touch=visit("autumn", NOW - 10 * DAY)))
    methods = [name for name in await shop.methods() if name.startswith("Record")]
    assert methods == ["RecordIncrementalRevenue", "RecordRefund"]
    assert (await shop.row("order_refunds", order_id="1"))["pending"] is False


async def test_created_and_updated_of_one_purchase_count_once(shop: Shop) -> None:
    await shop.register(products=["p1"])
    told = order(touch=visit("autumn", NOW - 10 * DAY))
    await shop.tell(told, told)
    await shop.tell(told)
    methods = await shop.methods()
    assert sorted(methods) == ["RecordIncrementalRevenue", "TriggerPostPurchaseFlow", "UpdateCustomerLTV"]
    assert (await shop.row("customers"))["orders_count"] == 1


async def test_payment_told_by_an_older_update_still_counts(shop: Shop) -> None:
    await shop.register(products=["p1"])
    touch = visit("autumn", NOW - 10 * DAY)
    await shop.tell(order(paid=False, updated_at=NOW, touch=touch))
    assert await shop.calls("RecordIncrementalRevenue") == []
    await shop.tell(order(paid=True, updated_at=NOW - HOUR / 2, touch=touch))
    assert len(await shop.calls("RecordIncrementalRevenue")) == 1
    assert [each.decision_seq for each in await shop.calls("UpdateCustomerLTV")] == [1, 2]


async def test_a_cancelled_paid_order_is_reversed_wholly(shop: Shop) -> None:
    await shop.register(products=["p1"])
    touch = visit("autumn", NOW - 10 * DAY)
    await shop.tell(order(touch=touch))
    await shop.tell(order(touch=touch, updated_at=NOW, cancelled_at=NOW))
    (cancelled,) = await shop.calls("RecordRefund")
    assert (cancelled.refund_id, cancelled.kind) == ("cancellation", 2)


async def test_a_deleted_order_is_reversed_and_booked_again_when_it_comes_back(shop: Shop) -> None:
    await shop.register(products=["p1"])
    touch = visit("autumn", NOW - 10 * DAY)
    await shop.tell(order(touch=touch))
    await shop.tell(OrderDeleted(order_id="1"))
    await shop.tell(order(touch=touch, updated_at=NOW + HOUR))
    books = [name for name in await shop.methods() if "Revenue" in name]
    assert books == ["RecordIncrementalRevenue", "ReverseOrderRevenue", "RecordIncrementalRevenue"]
    assert [each.decision_seq for each in await shop.calls("RecordIncrementalRevenue")] == [1, 3]


async def test_history_and_tests_neither_bill_nor_mail(shop: Shop) -> None:
    await shop.register(products=["p1"])
    touch = visit("autumn", NOW - 70 * DAY)
    await shop.tell(order("old", placed_at=NOW - 65 * DAY, touch=touch), origin="sync")
    await shop.tell(order("test", touch=visit("autumn", NOW - DAY), is_test=True))
    assert await shop.methods() == ["UpdateCustomerLTV"]


async def test_nothing_is_mailed_for_an_order_placed_three_days_ago(shop: Shop) -> None:
    await shop.tell(order(placed_at=NOW - 3 * DAY))
    assert await shop.methods() == ["UpdateCustomerLTV"]


async def test_a_customer_whom_we_acquired_counts_for_later_orders_only(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(order("1", touch=visit("autumn", NOW - 10 * DAY)))
    await shop.tell(order("2", placed_at=NOW - HOUR / 2, product_id="p1"))
    second = await shop.row("orders", order_id="2")
    assert second["confidence"] == Decimal("1.0")
    await shop.tell(order("1", touch=visit("autumn", NOW - 10 * DAY), updated_at=NOW, cancelled_at=NOW))
    await shop.tell(order("3", placed_at=NOW - HOUR / 4, product_id=None))
    third = await shop.row("orders", order_id="3")
    assert third["confidence"] == Decimal("0.5"), "the click remains, the acquisition was reversed"


async def test_a_late_touchpoint_reopens_the_order(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(order())
    assert (await shop.row("orders", order_id="1"))["confidence"] == Decimal("0.3")
    found = identities(shop.sealer, shop.store_id, email="ADA@example.com ")
    entry = {
        "touchpoint_id": "t1",
        "at": (NOW - 2 * DAY).isoformat(),
        "kind": "click",
        "source": "server",
        "campaign_id": "k1",
        "identities": [{"kind": kind, "value": value.hex()} for _, kind, value in found],
    }
    await shop.fact("touchpoints_added", {"touchpoints": [entry]})
    row = await shop.row("orders", order_id="1")
    assert (row["verdict"], row["confidence"], row["attribution_revision"]) == ("incremental", Decimal("0.8"), 2)
    assert len(await shop.calls("RecordIncrementalRevenue")) == 1
    assert (await shop.row("reviews", order_id="1"))["status"] == "superseded"
    await shop.fact("touchpoints_added", {"touchpoints": [entry]})
    assert len(await shop.rows("attributions")) == 2


async def test_an_anonymous_click_counts_once_the_visitor_orders(shop: Shop) -> None:
    await shop.register(products=["p1"])
    found = identities(shop.sealer, shop.store_id, first_party_id="visitor-9")
    entry = {
        "touchpoint_id": "t1",
        "at": (NOW - 2 * DAY).isoformat(),
        "kind": "click",
        "source": "server",
        "utm_id": "77",
        "identities": [{"kind": kind, "value": value.hex()} for _, kind, value in found],
    }
    await shop.fact("touchpoints_added", {"touchpoints": [entry]})
    await shop.tell(order("0", placed_at=NOW - 50 * DAY, product_id=None))
    await shop.tell(order(touch=OrderTouch(first_party_id="visitor-9")))
    assert (await shop.row("orders", order_id="1"))["confidence"] == Decimal("0.8")
    assert len({row["customer_key"] for row in await shop.rows("orders")}) == 1


async def test_upsell_follows_the_new_value_once(shop: Shop) -> None:
    await shop.tell(order())
    (row,) = await shop.rows("customers")
    valued = {
        "customer_key": row["customer_key"],
        "order_id": "1",
        "ltv_minor": 12345,
        "ltv_currency": "EUR",
        "confidence": 0.4,
        "churn_risk": 0.25,
        "segment": "medium",
    }
    await shop.fact("customer_valued", {"customers": [valued]})
    await shop.fact("customer_valued", {"customers": [valued]})
    (upsell,) = await shop.calls("TriggerUpsellFlow")
    assert (upsell.lifetime_value.units, upsell.customer.email) == (123, "ada@example.com")
    assert (await shop.row("customers"))["churn_risk"] == Decimal("0.25")


async def test_an_edit_after_payment_books_anew(shop: Shop) -> None:
    await shop.register(products=["p1"])
    touch = visit("autumn", NOW - 10 * DAY)
    await shop.tell(order(touch=touch))
    await shop.tell(order(touch=touch, updated_at=NOW, net="150.00", total="178.50"))
    first, second = await shop.calls("RecordIncrementalRevenue")
    assert (first.net_sales.units, second.net_sales.units, second.decision_seq) == (100, 150, 2)


async def test_one_bad_item_leaves_no_effect_and_the_others_are_decided(shop: Shop) -> None:
    good, bad = shop.item(order("1")), shop.item(order("2"))
    stranger = msgspec.structs.replace(shop.item(order("3")), store_id=99)
    failures = await shop.decide([good, stranger, bad])
    assert [(failure.delivery_id, failure.error.reason) for failure in failures] == [
        (stranger.delivery_id, "STORE_NOT_FOUND")
    ]
    assert {row["order_id"] for row in await shop.rows("orders")} == {"1", "2"}


async def test_nothing_personal_stands_in_clear(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(order(touch=visit("autumn", NOW - DAY)))
    async with shop.database.connection() as connection:
        tables = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('commerce', 'calls', 'events')"
        )
        for table in tables:
            for row in await connection.fetch(f"SELECT * FROM {table[0]}.{table[1]}"):
                text = repr(tuple(row)).lower()
                assert "ada@example.com" not in text, table[1]
                assert "'ada'" not in text, table[1]
                assert "a-webhook-secret" not in text, table[1]


async def test_an_order_whose_delete_came_first_is_not_billed_until_newer_state_says_so(shop: Shop) -> None:
    await shop.register(products=["p1"])
    touch = visit("autumn", NOW - 10 * DAY)
    await shop.tell(OrderDeleted(order_id="1"))
    await shop.tell(order(touch=touch))
    row = await shop.row("orders", order_id="1")
    assert (row["number"], row["deleted_at"], row["verdict"]) == ("#1", NOW, "incremental")
    assert await shop.methods() == ["UpdateCustomerLTV"]
    await shop.tell(order(touch=touch, updated_at=NOW + HOUR))
    assert len(await shop.calls("RecordIncrementalRevenue")) == 1


async def test_a_rejected_review_stays_rejected_when_the_order_is_decided_anew(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(order())
    rejected = {"order_id": "1", "approved": False, "actor": "user:7", "reason": "a friend"}
    await shop.fact("review_decided", {"orders": [rejected]})
    await shop.register(products=[])
    await shop.fact("orders_reopened", {"order_ids": ["1"]})
    assert (await shop.row("reviews"))["status"] == "rejected"
    assert (await shop.row("orders"))["verdict"] == "touched", "it was promoted when the order was placed"


async def test_an_approved_first_order_vouches_for_the_next_one(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(order("1"))
    approved = {"order_id": "1", "approved": True, "actor": "user:7"}
    await shop.fact("review_decided", {"orders": [approved]})
    await shop.tell(order("2", placed_at=NOW - HOUR / 2))
    assert (await shop.row("orders", order_id="2"))["confidence"] == Decimal("0.8")


async def test_history_is_no_news(shop: Shop) -> None:
    await shop.tell(order("old", placed_at=NOW - 65 * DAY), origin="sync")
    async with shop.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM events.log") == 0
