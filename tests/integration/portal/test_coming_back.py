"""A shop that removed the app connects again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from integration.portal.running import KEY, Portal
from kiki.orchestrator.inbox.bodies import BODY_PURPOSE
from kiki.orchestrator.inbox.protocol import InternalFact
from kiki.orchestrator.workflows.stores import first_month_after

HEADERS = {"x-internal-api-key": KEY}
BODY = {"platform": "woocommerce", "store_key": "https://example.com", "currency": "EUR", "timezone": "Europe/Berlin"}
_ORDER = """
INSERT INTO commerce.orders (store_id, order_id, number, status, customer_key, placed_at, updated_at, triggered_at,
    currency, total_minor, net_minor, refunded_minor, is_test, live, lines_digest)
VALUES ($1, $2, '', 'paid', 'ada', $3, $3, '', 'EUR', 100, 100, 0, false, true, '')
"""


async def facts(portal: Portal) -> list[InternalFact]:
    rows = await portal.rows("SELECT store_id, topic, body FROM inbox.deliveries ORDER BY delivery_id")
    return [
        InternalFact.decode(
            row["topic"], portal.sealer.open_body(row["body"], store_id=row["store_id"], purpose=BODY_PURPOSE)
        )
        for row in rows
    ]


async def remove(portal: Portal, store_id: int, at: dt.datetime) -> None:
    async with portal.database.transaction() as connection:
        await connection.execute(
            "UPDATE commerce.store_connections SET status = 'uninstalled', uninstalled_at = $2 WHERE store_id = $1",
            store_id,
            at,
        )


async def connect(portal: Portal, **more: Any) -> Any:
    return await portal.http.post("/internal/stores", headers=HEADERS, json={**BODY, **more})


async def test_its_contract_follows_on_the_one_that_ended(portal: Portal) -> None:
    first = (await connect(portal)).json()["store_id"]
    now = dt.datetime.now(dt.UTC)
    removed = now - dt.timedelta(hours=1)
    await remove(portal, first, removed)
    async with portal.database.transaction() as connection:
        await connection.execute(_ORDER, first, "before", removed - dt.timedelta(hours=1))
        await connection.execute(_ORDER, first, "after", removed + dt.timedelta(minutes=1))
    answer = await connect(portal)
    assert (answer.status_code, answer.json()["store_id"]) == (201, first)
    _, ended, connected = await facts(portal)
    assert (ended.kind, ended.body["orders"]) == ("contract_ended", [{"order_id": "after"}])
    assert connected.kind == "store_connected"
    assert connected.body["effective_from"] == first_month_after(removed, now, "Europe/Berlin").text


async def test_a_new_shop_has_no_contract_to_follow_on(portal: Portal) -> None:
    await connect(portal)
    (connected,) = await facts(portal)
    assert "effective_from" not in connected.body


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"timezone": "Europe/Lisbon"}, "TIME_ZONE_FROZEN"), ({"currency": "USD"}, "CURRENCY_FROZEN")],
)
async def test_it_finds_its_books_as_it_left_them(portal: Portal, more: dict[str, str], reason: str) -> None:
    first = (await connect(portal)).json()["store_id"]
    await remove(portal, first, dt.datetime.now(dt.UTC))
    answer = await connect(portal, **more)
    assert (answer.status_code, answer.json()["reason"]) == (422, reason)
    assert len(await facts(portal)) == 1, "nothing is told of a shop that was refused"
