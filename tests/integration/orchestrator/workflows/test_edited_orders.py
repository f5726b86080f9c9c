"""An order's lines are edited after it was decided: decision and books follow what it now consists of, once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from integration.orchestrator.workflows.shop import NOW, Shop, order, visit
from integration.orchestrator.workflows.test_evidence import stale
from integration.orchestrator.workflows.test_reopening import booked, causes, stands, work
from integration.orchestrator.workflows.test_touchpoints import entry
from kiki.commerce.events import OrderObserved
from kiki.orchestrator.inbox.protocol import InternalFact

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
PLACED = NOW - DAY
OURS, TOUCHED = ("incremental", Decimal("0.8")), ("touched", Decimal("0.5"))


def edited(hours: float = 1, **changed: Any) -> OrderObserved:
    """Order 1, which a click led to, as the shop tells it so long after it was placed."""
    given: dict[str, Any] = {
        "placed_at": PLACED,
        "updated_at": PLACED + hours * HOUR,
        "touch": visit("autumn", PLACED - DAY),
        **changed,
    }
    told: OrderObserved = order("1", **given)
    return told


@pytest.fixture(autouse=True)
async def _campaign(shop: Shop) -> None:
    await shop.register(products=["p1"])


async def told(shop: Shop) -> list[tuple[str, int]]:
    """What SyncLedger was told about the order: method and revision."""
    methods = ("RecordIncrementalRevenue", "ReverseOrderRevenue")
    return [(type(call).__name__.removesuffix("Request"), call.decision_seq) for call in await shop.calls(*methods)]


async def test_a_promoted_product_that_is_taken_out_takes_the_booking_back_once(shop: Shop) -> None:
    await shop.tell(edited(0))
    assert await stands(shop, "1") == OURS
    for _ in range(2):
        await shop.tell(edited(1, product_id="p2"))
    assert (await stands(shop, "1"), await causes(shop, "1")) == (TOUCHED, ["placed", "edited"])
    assert await told(shop) == [("RecordIncrementalRevenue", 1), ("ReverseOrderRevenue", 2)]
    assert not await booked(shop, "1")
    assert (await work(shop), await stale(shop)) == (0, [])


async def test_a_promoted_product_that_is_put_in_is_billed(shop: Shop) -> None:
    await shop.tell(edited(0, product_id="p2"))
    assert (await stands(shop, "1"), await told(shop)) == (TOUCHED, [])
    await shop.tell(edited(1, net="150.00", total="178.50"))
    assert await stands(shop, "1") == OURS
    (call,) = await shop.calls("RecordIncrementalRevenue")
    assert (call.decision_seq, call.net_sales.units, call.order_amount.units) == (1, 150, 178)
    assert await stale(shop) == []


async def test_an_edit_back_and_forth_in_one_batch_ends_where_it_ends(shop: Shop) -> None:
    await shop.tell(edited(0), edited(1, product_id="p2"), edited(2))
    assert await stands(shop, "1") == OURS
    assert await causes(shop, "1") == ["placed", "edited", "edited"]
    assert [revision for _, revision in await told(shop)] == [1, 2, 3]
    assert (await booked(shop, "1"), await stale(shop)) == (True, [])


async def test_other_amounts_are_booked_under_the_next_revision_and_decide_nothing(shop: Shop) -> None:
    await shop.tell(edited(0))
    await shop.tell(edited(1, net="60.00", total="71.40"))
    assert (await causes(shop, "1"), await stands(shop, "1")) == (["placed"], OURS)
    calls = await shop.calls("RecordIncrementalRevenue")
    assert [(call.decision_seq, call.net_sales.units) for call in calls] == [(1, 100), (2, 60)]


async def test_an_older_statement_with_other_lines_changes_nothing(shop: Shop) -> None:
    await shop.tell(edited(5))
    await shop.tell(edited(1, product_id="p2"))
    assert (await stands(shop, "1"), await told(shop)) == (OURS, [("RecordIncrementalRevenue", 1)])


async def test_an_older_statement_beside_a_contact_decides_by_the_lines_that_hold(shop: Shop) -> None:
    await shop.tell(edited(5))
    contact = entry(shop, {"customer_id": "c1"}, name="old", at=PLACED - 40 * DAY, source="server")
    fact = InternalFact("touchpoints_added", {"touchpoints": [contact]})
    assert not await shop.decide([shop.item(edited(1, product_id="p2")), shop.item(fact=fact)])
    assert (await stands(shop, "1"), await causes(shop, "1")) == (OURS, ["placed"])
    assert await stale(shop) == []


async def test_what_a_person_approved_stays_and_its_amount_follows(shop: Shop) -> None:
    await shop.tell(edited(0, touch=None))
    decision = {"order_id": "1", "approved": True, "actor": "ada", "reason": "known"}
    await shop.fact("review_decided", {"orders": [decision]})
    assert await booked(shop, "1")
    await shop.tell(edited(1, touch=None, product_id="p2", net="60.00", total="71.40"))
    assert (await booked(shop, "1"), (await causes(shop, "1"))[-1]) == (True, "approved")
    assert [call.net_sales.units for call in await shop.calls("RecordIncrementalRevenue")] == [100, 60]


async def test_a_first_order_that_is_no_longer_ours_reaches_the_later_ones(shop: Shop) -> None:
    first = edited(0, placed_at=NOW - 50 * DAY, updated_at=NOW - 50 * DAY, touch=visit("autumn", NOW - 51 * DAY))
    await shop.tell(first, order("2", placed_at=NOW - 5 * DAY))
    assert await stands(shop, "2") == OURS
    await shop.tell(edited(0, placed_at=NOW - 50 * DAY, updated_at=NOW - 49 * DAY, product_id="p2", touch=None))
    assert await work(shop) == 1
    assert await stands(shop, "2") == ("touched", Decimal("0.3"))
    assert not await booked(shop, "2")


async def test_the_shadow_says_what_it_would_bill_of_the_edited_order(shop: Shop) -> None:
    async with shop.database.connection() as connection:
        await connection.execute(
            "UPDATE commerce.store_connections SET settings = settings || $1::text::jsonb",
            msgspec.json.encode({"attribution_shadow": "linear"}).decode(),
        )
    await shop.tell(edited(0))
    shop.now += HOUR
    await shop.tell(edited(1, product_id="p2", net="60.00", total="71.40"))
    shadows = sorted(await shop.rows("attribution_shadows"), key=lambda row: row["decided_at"])
    assert [row["would_bill_minor"] for row in shadows] == [10_000, 6_000]
