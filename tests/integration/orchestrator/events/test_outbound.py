"""The event log is gapless per store, and subscribers are told in order, signed."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from integration.orchestrator.rig import SEALER, Rig
from kiki.kit.errors import InvalidInput
from kiki.orchestrator.events.log import LogEvent, append
from kiki.orchestrator.events.queries import list_after
from kiki.orchestrator.events.signing import verify
from kiki.orchestrator.events.subscriptions import SubscriptionRepository

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@dataclass
class Receiver:
    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@asynccontextmanager
async def _receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode().split("\r\n")[1:-2]
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
            body = await reader.readexactly(int(headers["content-length"]))
            receiver.received.append((headers, body))
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
            writer.close()
            return

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield receiver


def _event(store_id: int, n: int, kind: str = "OrderCreated") -> LogEvent:
    return LogEvent(store_id, kind, f"order:{n}", b"", AT)


async def test_numbers_are_gapless_per_store_under_concurrency_and_rollbacks(rig: Rig) -> None:
    async def write(seed: int) -> None:
        for n in range(20):
            try:
                async with rig.database.transaction() as connection:
                    await append(connection, [_event(1 + (seed + n + k) % 3, n) for k in range(5)])
                    if (seed + n) % 4 == 0:
                        raise InvalidInput("rolled back")
            except InvalidInput:
                pass

    await asyncio.gather(*(write(seed) for seed in range(5)))
    for store_id in (1, 2, 3):
        rows = await rig.rows("SELECT seq FROM events.log WHERE store_id = $1 ORDER BY seq", store_id)
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
        assert rows


async def test_subscriber_gets_signed_events_in_order_and_again_after_a_failure(rig: Rig) -> None:
    subscriptions = SubscriptionRepository(SEALER)
    async with _receiver() as receiver, rig.worker():
        receiver.statuses = [200, 500]
        async with rig.database.transaction() as connection:
            made = await subscriptions.add(connection, store_id=1, url=receiver.url, types=["OrderCreated"])
            await append(connection, [_event(1, 1), _event(1, 2, "Other"), _event(1, 3), _event(2, 9), _event(1, 4)])
        await rig.until("SELECT cursor FROM events.subscriptions", 4)
    ids = [headers["webhook-id"] for headers, _ in receiver.received]
    assert ids == ["msg_1_1", "msg_1_3", "msg_1_3", "msg_1_4"]
    headers, body = receiver.received[0]
    stamp = int(headers["webhook-timestamp"])
    assert verify(made.secret, headers["webhook-id"], stamp, body, headers["webhook-signature"])
    assert not verify(made.secret, headers["webhook-id"], stamp, body + b" ", headers["webhook-signature"])
    assert json.loads(body)["subject"] == "order:1"


async def test_subscriber_that_is_gone_is_disabled(rig: Rig) -> None:
    subscriptions = SubscriptionRepository(SEALER)
    async with _receiver() as receiver, rig.worker():
        receiver.statuses = [410]
        async with rig.database.transaction() as connection:
            await subscriptions.add(connection, store_id=1, url=receiver.url)
            await append(connection, [_event(1, 1)])
        await rig.until("SELECT state FROM events.subscriptions", "disabled")


async def test_subscriber_that_fails_for_days_is_disabled(rig: Rig) -> None:
    subscriptions = SubscriptionRepository(SEALER)
    async with rig.database.transaction() as connection:
        made = await subscriptions.add(connection, store_id=1, url="https://example.com/x")
        await connection.execute("UPDATE events.subscriptions SET failing_since = now() - interval '6 days'")
        await subscriptions.fail(connection, made, delay_seconds=1, error="HTTP_500", disable_days=5)
        assert (await subscriptions.get(connection, 1, made.subscription_id)).state == "disabled"
        assert (await subscriptions.enable(connection, 1, made.subscription_id)).state == "active"


async def test_secret_is_sealed_and_bad_urls_are_refused(rig: Rig) -> None:
    subscriptions = SubscriptionRepository(SEALER)
    async with rig.database.transaction() as connection:
        made = await subscriptions.add(connection, store_id=1, url="https://example.com/x")
        assert made.secret.startswith("whsec_")
        assert made.secret.encode() not in await connection.fetchval("SELECT secret FROM events.subscriptions")
        with pytest.raises(InvalidInput):
            await subscriptions.add(connection, store_id=1, url="ftp://example.com")


async def test_a_feed_reads_on_from_a_number(rig: Rig) -> None:
    async with rig.database.transaction() as connection:
        await append(connection, [_event(1, n, "A" if n % 2 else "B") for n in range(10)])
        assert [e.seq for e in await list_after(connection, 1, 7)] == [8, 9, 10]
        assert [e.seq for e in await list_after(connection, 1, 0, types=["A"], limit=2)] == [2, 4]
