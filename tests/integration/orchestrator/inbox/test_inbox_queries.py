"""What the portal shows of deliveries, and replays."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from integration.orchestrator.rig import SEALER, Rig, delivery
from kiki.kit.errors import InvalidInput, NotFound, Unavailable
from kiki.orchestrator.inbox.queries import DeliveryFilter, get_delivery, list_deliveries, replay, replay_filtered


async def _statuses(rig: Rig, wanted: DeliveryFilter) -> list[str]:
    async with rig.database.connection() as connection:
        return [view.status for view in await list_deliveries(connection, wanted)]


async def test_statuses_are_told_apart(rig: Rig) -> None:
    rig.decider.failing["order:bad"] = Unavailable("not now")
    await rig.store([delivery(1, 1), delivery(1, 2, entity="order:bad"), delivery(1, 3, topic="unknown")])
    await rig.store([delivery(1, 4, body=b"broken")])
    async with rig.worker(retry_attempts=1000):
        await rig.until("SELECT count(*) FROM inbox.outcomes", 3)
        await rig.until("SELECT count(*) FROM inbox.parked", 1)
    await rig.store([delivery(1, 5)])
    assert sorted(await _statuses(rig, DeliveryFilter())) == ["dead", "ignored", "parked", "settled", "waiting"]
    for status in ("dead", "ignored", "parked", "settled", "waiting"):
        assert await _statuses(rig, DeliveryFilter(status=status)) == [status]
        assert await _statuses(rig, DeliveryFilter(status=status, store_id=2)) == []


async def test_filters_and_pages(rig: Rig) -> None:
    await rig.store([delivery(1 + n % 2, n, topic="orders" if n % 3 else "products") for n in range(30)])
    async with rig.database.connection() as connection:
        page = await list_deliveries(connection, DeliveryFilter(store_id=1), limit=10)
        rest = await list_deliveries(connection, DeliveryFilter(store_id=1, before_id=page[-1].delivery_id), limit=10)
        assert len(page) == 10
        assert len(rest) == 5
        assert len(await list_deliveries(connection, DeliveryFilter(topic="products"))) == 10
        soon = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
        assert await list_deliveries(connection, DeliveryFilter(received_from=soon)) == []
    with pytest.raises(InvalidInput):
        DeliveryFilter(status="lost")


async def test_detail_opens_the_body(rig: Rig) -> None:
    await rig.store([delivery(1, 1, body=b'{"n": 1}')])
    delivery_id = await rig.value("SELECT delivery_id FROM inbox.deliveries")
    async with rig.database.connection() as connection:
        detail = await get_delivery(connection, SEALER, delivery_id)
        assert detail.body == b'{"n": 1}'
        assert detail.headers == {"x-topic": "orders"}
        with pytest.raises(NotFound):
            await get_delivery(connection, SEALER, delivery_id + 1)


async def test_dead_letter_is_replayed_once(rig: Rig) -> None:
    rig.decider.failing["order:1"] = InvalidInput("cannot be", reason="NEVER")
    await rig.store([delivery(1, 1)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM inbox.dead_letters", 1)
    rig.decider.failing.clear()
    delivery_id = await rig.value("SELECT delivery_id FROM inbox.deliveries")

    async def ask() -> int:
        async with rig.database.transaction() as connection:
            return await replay(connection, [delivery_id], requested_by="test")

    assert sum(await asyncio.gather(ask(), ask(), ask())) == 1
    async with rig.worker():
        await rig.until("SELECT count(*) FROM inbox.outcomes WHERE run = 1 AND status = 'settled'", 1)
    assert await rig.value("SELECT count(*) FROM effects") == 1
    assert await rig.value("SELECT count(*) FROM inbox.dead_letters WHERE resolved_at IS NULL") == 0
    async with rig.database.connection() as connection:
        detail = await get_delivery(connection, SEALER, delivery_id)
        assert [(run.run, run.status) for run in detail.runs] == [(0, "dead"), (1, "settled")]
        assert detail.view.status == "settled"


async def test_replay_by_filter(rig: Rig) -> None:
    await rig.store([delivery(1, n, body=b"broken %d" % n) for n in range(7)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM inbox.dead_letters", 7)
    async with rig.database.transaction() as connection:
        assert await replay_filtered(connection, DeliveryFilter(status="dead"), limit=3, requested_by="test") == 3
        assert await replay_filtered(connection, DeliveryFilter(status="dead"), requested_by="test") == 4
    assert await _statuses(rig, DeliveryFilter(status="dead")) == []
    assert await _statuses(rig, DeliveryFilter(status="waiting")) == ["waiting"] * 7
