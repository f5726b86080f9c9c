"""A decision that stays the same on other evidence: told as a revision of its own, and not booked anew."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from integration.orchestrator.workflows.ruling import rules
from integration.orchestrator.workflows.shop import NOW, Shop, order, visit
from integration.orchestrator.workflows.test_touchpoints import clicks, confidence, run_job, touch
from kiki.commerce.events import CustomersMerged, OrderTouch
from kiki.commerce.history import Span
from kiki.commerce.stores import StoreRepository
from kiki.orchestrator.workflows.reading import read_page, read_shelf
from kiki.orchestrator.workflows.recalculating import outdated

DAY = dt.timedelta(days=1)
AGO = NOW - DAY


@pytest.fixture(autouse=True)
async def _campaign(shop: Shop) -> None:
    await shop.register(products=["p1"])


async def revisions(shop: Shop, order_id: str = "1") -> list[tuple[int, str, Decimal]]:
    rows = await shop.rows("attributions", order_id=order_id)
    return sorted((row["revision"], row["cause"], row["confidence"]) for row in rows)


async def bookings(shop: Shop) -> list[int]:
    return [call.decision_seq for call in await shop.calls("RecordIncrementalRevenue", "ReverseOrderRevenue")]


async def stale(shop: Shop) -> list[str]:
    async with shop.database.connection() as connection:
        shelf = await read_shelf(connection, await StoreRepository(shop.sealer).get(connection, shop.store_id))
        page = await read_page(
            connection, shelf, Span(shop.store_id), after="", limit=100, now=shop.now, sealer=shop.sealer
        )
    return outdated(page, shelf.view, exact=True)


async def test_a_merge_that_changes_the_evidence_only_is_told_and_not_booked(shop: Shop) -> None:
    await shop.tell(order(placed_at=AGO, touch=visit("autumn", AGO - DAY)))
    assert (await confidence(shop), await clicks(shop)) == (Decimal("0.8"), ["order:1"])
    await touch(shop, {"customer_id": "c2"}, name="t2", at=AGO - 2 * DAY, source="server")
    await shop.tell(CustomersMerged(kept_customer_id="c1", merged_customer_id="c2"))
    assert await stale(shop) == ["1"]
    await run_job(shop, "merges")
    assert (await confidence(shop), await clicks(shop)) == (Decimal("0.8"), ["t2", "order:1"])
    assert await revisions(shop) == [(1, "placed", Decimal("0.8")), (2, "recalculated", Decimal("0.8"))]
    row = await shop.row("orders", order_id="1")
    assert (row["attribution_revision"], row["booked_attribution"], row["booked_revision"]) == (2, 2, 1)
    assert await bookings(shop) == [1]
    assert await stale(shop) == []
    await shop.fact("orders_reopened", {"order_ids": ["1"]})
    assert len(await revisions(shop)) == 2, "the same on the same is no news"
    dearer = order(placed_at=AGO, updated_at=NOW, net="200.00", total="238.00")
    await shop.tell(dearer)
    assert await bookings(shop) == [1, 2], "what is booked anew is booked as ever"


async def test_an_unpaid_order_is_booked_once_when_it_is_paid(shop: Shop) -> None:
    await shop.tell(order(placed_at=AGO, paid=False, touch=visit("autumn", AGO - DAY)))
    await touch(shop, {"customer_id": "c1"}, name="t2", at=AGO - 2 * DAY, source="server")
    assert await revisions(shop) == [(1, "placed", Decimal("0.8")), (2, "touchpoint", Decimal("0.8"))]
    assert await bookings(shop) == []
    await shop.tell(order(placed_at=AGO, updated_at=NOW))
    (request,) = await shop.calls("RecordIncrementalRevenue")
    assert sorted(point.touchpoint_id for point in request.touchpoints if point.touchpoint_id) == ["order:1", "t2"]


async def test_a_review_that_waits_follows_the_newest_revision_without_another_alert(shop: Shop) -> None:
    await rules(shop, review_below="0.6")
    await shop.tell(order(placed_at=AGO, product_id="p2", touch=visit("autumn", AGO - DAY)))
    await touch(shop, {"customer_id": "c1"}, name="t2", at=AGO - 2 * DAY, source="server")
    assert await revisions(shop) == [(1, "placed", Decimal("0.5")), (2, "touchpoint", Decimal("0.5"))]
    review = await shop.row("reviews", order_id="1")
    assert (review["status"], review["revision"]) == ("open", 2)
    async with shop.database.connection() as connection:
        alerts = await connection.fetchval("SELECT count(*) FROM events.log WHERE type = 'ReviewOpenedEvent'")
    assert alerts == 1
    await shop.fact("review_decided", {"orders": [{"order_id": "1", "approved": True, "actor": "user:7"}]})
    newest = max(await shop.rows("attributions", order_id="1"), key=lambda row: row["revision"])
    assert (newest["revision"], newest["evidence"]["reviewed_revision"]) == (3, 2)


async def test_late_touchpoints_decide_the_first_order_before_those_that_rest_on_it(shop: Shop) -> None:
    """The second order sorts before the first one by its id."""
    first, second = AGO, AGO + DAY / 4
    await shop.tell(order("9", placed_at=first))
    await shop.tell(order("1", placed_at=second, product_id="p2"))
    await touch(shop, {"customer_id": "c1"}, name="t1", at=first - DAY, source="server")
    assert (await confidence(shop, "9"), await confidence(shop, "1")) == (Decimal("0.8"), Decimal(1))
    assert await stale(shop) == []


async def test_an_order_that_nothing_touches_leaves_no_trace_when_it_is_decided_anew(shop: Shop) -> None:
    await shop.tell(order(placed_at=AGO, product_id="p2", touch=OrderTouch(utm_source="news", utm_medium="email")))
    await shop.fact("orders_reopened", {"order_ids": ["1"]})
    assert await revisions(shop) == []
