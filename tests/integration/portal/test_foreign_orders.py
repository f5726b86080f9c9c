"""Orders in dollars and pounds of a shop that settles in euros: from the webhook to the statement, to the cent."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from e2e.payloads import woo_order
from integration.portal.experimenting import HEADERS, Rig, at
from integration.portal.running import SECRET, sign
from integration.portal.test_checked_statements import Table, checked, program
from kiki.orchestrator.inbox.protocol import InternalFact
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows.jobs import store_facts

__all__ = ["program"]
PATH = "/internal/exchange-rates"
CAMPAIGN = {
    "campaign_id": "autumn",
    "network": "google",
    "name": "Autumn",
    "utm_campaign": "autumn",
    "utm_id": "",
    "status": "active",
    "ended": False,
    "promotions": [{"product_id": "11", "from_at": None, "to_at": None}],
}
CLICK = [
    {"id": 1, "key": "_wc_order_attribution_utm_campaign", "value": "autumn"},
    {"id": 2, "key": "_wc_order_attribution_utm_source", "value": "google"},
    {"id": 3, "key": "_wc_order_attribution_utm_medium", "value": "cpc"},
]


async def deliver(rig: Rig, topic: str, number: int, **how: Any) -> None:
    """An order as WooCommerce tells it, placed and paid now unless it says otherwise."""
    now = rig.clock.now()
    email = f"{number}@customer.example"
    told = woo_order(number, **{"placed": now, "email": email, "currency": "USD", "meta_data": CLICK, **how})
    body = json.dumps(told).encode()
    headers = {
        "x-wc-webhook-signature": sign(body, SECRET),
        "x-wc-webhook-source": "https://autumn.example/",
        "x-wc-webhook-topic": topic,
    }
    answer = await rig.portal.http.post(f"/webhooks/woocommerce/{topic}", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    await rig.settled()


async def tell_rates(rig: Rig, day: str, **rates: str) -> dict[str, int]:
    """So much of each for one euro, as the central bank tells it."""
    rows = [{"base": "EUR", "quote": code, "day": day, "rate": rate} for code, rate in rates.items()]
    kept: dict[str, int] = await rig.send("PUT", PATH, {"source": "ecb", "rates": rows})
    return kept


async def missing(rig: Rig) -> list[tuple[str, str, int]]:
    rows = (await rig.send("GET", f"{PATH}/missing?store_id={rig.store_id}"))["missing"]
    return [(row["currency"], row["day"], row["orders"]) for row in rows]


async def all_booked(rig: Rig) -> None:
    """The worker's job has found what waits, and everything is told."""
    async with asyncio.timeout(30):
        while await rig.portal.rows("SELECT FROM commerce.waiting_orders"):
            await asyncio.sleep(0.1)
    await rig.settled()


async def month_of(rig: Rig, program: Path, month: int) -> Table:
    """The lines of a statement that a stranger has recomputed."""
    path = f"/reports/oaas/monthly/{rig.store_id}?year=2026&month={month}&format="
    table, report = [await rig.portal.http.get(path + form, headers=HEADERS) for form in ("csv", "json")]
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    said = f"everything adds up: {len(rows) - 1} lines, 0 without what they come from\n"
    assert checked(program, rows, report.json()) == (0, said)
    return rows


def told(row: dict[str, str]) -> Sequence[str]:
    columns = ("order_id", "kind", "exchange_rate", "rate_date", "rate_source", "incremental_revenue", "fee")
    return [row[name] for name in columns]


@pytest.mark.slow
async def test_foreign_orders_are_billed_to_the_cent_at_the_rate_of_their_day(rig: Rig, program: Path) -> None:
    await rig.send("PUT", f"/internal/contracts/{rig.store_id}", {"fee_rate": "0.2"})
    async with rig.portal.database.transaction() as connection:
        fact = InternalFact("campaigns_changed", {"campaigns": [CAMPAIGN]})
        now = rig.clock.now()
        await store_facts(connection, rig.portal.sealer, [(rig.store_id, fact)], lane=Lane.LIVE, now=now)
    await rig.settled()

    await rig.go(at(9, 3))
    assert (await tell_rates(rig, "2026-09-03", USD="1.1545"))["added"] == 1
    await deliver(rig, "order.created", 1)
    await rig.go(at(9, 4))
    await deliver(rig, "order.created", 2, currency="GBP")
    await deliver(rig, "order.created", 3, currency="GBP", status="pending")
    assert await missing(rig) == [("GBP", "2026-09-04", 1)]
    await deliver(rig, "order.updated", 3, currency="GBP", modified=at(9, 4).replace(minute=1))
    assert await missing(rig) == [("GBP", "2026-09-04", 2)]
    events = (await rig.send("GET", f"/internal/events/{rig.store_id}"))["events"]
    assert [event["data"]["order_id"] for event in events if event["type"] == "ExchangeRateMissingEvent"] == ["2"]
    (first, last) = await month_of(rig, program, 9)
    assert told(first) == ["1", "revenue", "0.866175833694", "2026-09-03", "ecb", "86.62", "17.32"]
    assert (last["incremental_revenue"], last["fee"]) == ("86.62", "17.32")

    await rig.go(at(10, 10))
    await rig.close(9)
    await tell_rates(rig, "2026-09-03", USD="1.9", GBP="0.9")
    assert await missing(rig) == [("GBP", "2026-09-04", 2)]
    await all_booked(rig)
    await deliver(rig, "order.updated", 1, placed=at(9, 3), modified=at(10, 10), refunds=[(9, "-59.50")])
    assert [told(row) for row in (await month_of(rig, program, 10))[:-1]] == [
        ["2", "revenue", "1.11111111111", "2026-09-03", "ecb", "111.11", "22.22"],
        ["3", "revenue", "1.11111111111", "2026-09-03", "ecb", "111.11", "22.22"],
        ["1", "refund", "0.866175833694", "2026-09-03", "ecb", "-43.31", "-8.66"],
    ]
    assert {row["corrects"] for row in (await month_of(rig, program, 10))[:-1]} == {"2026-09"}
    report = f"/reports/oaas/monthly/{rig.store_id}?year=2026&month=10&format=pdf"
    printed = await rig.portal.http.get(report, headers=HEADERS)
    assert printed.content.startswith(b"%PDF")
    shown = await rig.send("GET", f"/internal/orders/{rig.store_id}/2")
    counted = f"{PATH}/USD/EUR/2026-09-03?known_at="
    assert (await rig.send("GET", counted + "2026-09-05T00:00:00Z"))["rate"] == first["exchange_rate"]
    assert (await rig.send("GET", counted + "2026-10-11T00:00:00Z"))["rate"] == "0.526315789474"
    assert shown["exchange"] == {
        "settlement_currency": "EUR",
        "rate": "1.11111111111",
        "rate_date": "2026-09-03",
        "source": "ecb",
        "waits_for": None,
    }


@pytest.mark.slow
async def test_what_people_take_back_in_a_shop_is_corrected_to_the_cent(rig: Rig, program: Path) -> None:
    """A refund is deleted, an order is charged in another currency or brought back: in the month of then, checked."""
    await rig.send("PUT", f"/internal/contracts/{rig.store_id}", {"fee_rate": "0.2"})
    async with rig.portal.database.transaction() as connection:
        fact = InternalFact("campaigns_changed", {"campaigns": [CAMPAIGN]})
        await store_facts(connection, rig.portal.sealer, [(rig.store_id, fact)], lane=Lane.LIVE, now=rig.clock.now())
    await rig.settled()
    placed = at(9, 3)

    async def billed(month: int, second: int, **how: Any) -> str:
        told = {"placed": placed, "modified": rig.clock.now().replace(second=second), **how}
        await deliver(rig, "order.updated", 1, **told)
        return (await month_of(rig, program, month))[-1]["incremental_revenue"]

    await rig.go(placed)
    await tell_rates(rig, "2026-09-03", USD="2", GBP="0.5")
    await tell_rates(rig, "2026-09-04", USD="2", GBP="0.5")
    assert await billed(9, 1) == "50.00"
    assert await billed(9, 2, refunds=[(8, "-59.50"), (9, "-11.90")]) == "20.00"
    await rig.go(at(10, 10))
    await rig.close(9)
    assert await billed(10, 1, refunds=[(9, "-11.90")]) == "25.00"
    assert await billed(10, 2, refunds=[(9, "-11.90")], currency="GBP") == "160.00"
    assert await billed(10, 3, refunds=[(9, "-11.90")], currency="GBP", status="on-hold") == "-20.00"
    assert await billed(10, 4, refunds=[(9, "-11.90")], currency="EUR", status="cancelled") == "-20.00"
    assert await billed(10, 5, refunds=[], currency="EUR") == "80.00"
