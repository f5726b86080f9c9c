"""The event log is gapless per store, and subscribers are told in order, signed."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from integration.orchestrator.rig import SEALER, Rig
from kiki.kit.database import Connection, Database
from kiki.kit.errors import InvalidInput
from kiki.kit.http import HttpAnswer, OutboundHttp
from kiki.orchestrator.events.convert import event_types
from kiki.orchestrator.events.log import LogEvent, append
from kiki.orchestrator.events.queries import list_after
from kiki.orchestrator.events.signing import verify
from kiki.orchestrator.events.subscriptions import Subscribed, SubscriptionRepository

pytestmark = pytest.mark.slow

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@dataclass
class Receiver:
    url: str = ""
    statuses: list[int] = field(default_factory=list)
    headers: str = "content-length: 0\r\nconnection: close\r\n"
    tail: bytes = b""
    hold_seconds: float = 0.0
    """How long the connection stays open behind the answer."""
    wait_seconds: float = 0.0
    """How long the answer is waited for."""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def _receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode().split("\r\n")[1:-2]
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
            body = await reader.readexactly(int(headers["content-length"]))
            receiver.received.append((headers, body))
            receiver.heard.set()
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            await asyncio.sleep(receiver.wait_seconds)
            writer.write(f"HTTP/1.1 {status} X\r\n{receiver.headers}\r\n".encode() + receiver.tail)
            with suppress(ConnectionError):
                await writer.drain()
            await asyncio.sleep(receiver.hold_seconds)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            return

    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
        await subscriptions.fail(connection, made.subscription, delay_seconds=1, error="HTTP_500", disable_days=5)
        assert (await subscriptions.get(connection, 1, made.subscription.subscription_id)).state == "disabled"
        assert (await subscriptions.enable(connection, 1, made.subscription.subscription_id)).state == "active"


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


async def _subscribe(rig: Rig, store_id: int, url: str, events: int = 1, **how: Any) -> Subscribed:
    async with rig.database.transaction() as connection:
        made = await SubscriptionRepository(SEALER).add(connection, store_id=store_id, url=url, **how)
        await append(connection, [_event(store_id, n) for n in range(events)])
    return made


async def test_what_anybody_is_told_of_was_flushed_before(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    transaction, request = Database.transaction, OutboundHttp.request

    @asynccontextmanager
    async def noted(database: Database, *, durable: bool = False) -> AsyncIterator[Connection]:
        async with transaction(database, durable=durable) as connection:
            before = await connection.fetchval("SELECT pg_current_wal_insert_lsn()")
            yield connection
        if durable and await rig.value("SELECT pg_current_wal_flush_lsn() > $1", before):
            happened.append("flushed")

    async def told(http: OutboundHttp, *arguments: Any, **more: Any) -> HttpAnswer:
        happened.append("told")
        return await request(http, *arguments, **more)

    monkeypatch.setattr(Database, "transaction", noted)
    monkeypatch.setattr(OutboundHttp, "request", told)
    async with _receiver() as receiver, rig.worker():
        await _subscribe(rig, 1, receiver.url)
        await asyncio.wait_for(receiver.heard.wait(), 20)
    assert happened[:2] == ["flushed", "told"]


async def test_a_receiver_that_never_answers_delays_nobody_else(rig: Rig) -> None:
    async with _receiver() as hanging, _receiver() as well, rig.worker(outbound_timeout_seconds=60):
        hanging.wait_seconds = 60
        for _ in range(30):
            await _subscribe(rig, 1, hanging.url)
        async with asyncio.timeout(20):
            await hanging.heard.wait()
        made = await _subscribe(rig, 2, well.url, events=120)
        mine = "SELECT cursor FROM events.subscriptions WHERE subscription_id = $1"
        await rig.until(mine, 120, made.subscription.subscription_id, seconds=10)
        assert len(hanging.received) < 30, "one store's subscriptions take all places"


async def test_a_secret_that_does_not_open_stops_its_own_subscription_alone(rig: Rig) -> None:
    async with _receiver() as receiver, rig.worker():
        broken = await _subscribe(rig, 1, receiver.url)
        await rig.rows("UPDATE events.subscriptions SET secret = 'x', retry_at = NULL RETURNING store_id")
        well = await _subscribe(rig, 2, receiver.url)
        by_id = "FROM events.subscriptions WHERE subscription_id = $1"
        await rig.until(f"SELECT cursor {by_id}", 1, well.subscription.subscription_id, seconds=10)
        await rig.until(f"SELECT last_error {by_id}", "BAD_SEALED_VALUE", broken.subscription.subscription_id)


@pytest.mark.parametrize(
    ("headers", "tail"),
    [
        pytest.param("", b"ok", id="body without end"),
        pytest.param("content-length: 9000000\r\n", b"x" * 9_000_000, id="large body"),
        pytest.param("content-length: 10\r\n", b"ok", id="shorter than it says"),
        pytest.param("content-encoding: gzip\r\ncontent-length: 2\r\n", b"ok", id="not the coding it says"),
    ],
)
async def test_the_status_decides_whatever_body_follows(rig: Rig, headers: str, tail: bytes) -> None:
    async with _receiver() as receiver, rig.worker(outbound_timeout_seconds=5):
        receiver.headers, receiver.tail, receiver.hold_seconds = headers, tail, 60
        await _subscribe(rig, 1, receiver.url, events=2)
        await rig.until("SELECT cursor FROM events.subscriptions", 2, seconds=15)
    assert [headers["webhook-id"] for headers, _ in receiver.received] == ["msg_1_1", "msg_1_2"]


async def test_a_redirect_is_a_failure_and_not_followed(rig: Rig) -> None:
    async with _receiver() as receiver, _receiver() as other, rig.worker():
        receiver.statuses = [302]
        receiver.headers = f"location: {other.url}\r\ncontent-length: 0\r\nconnection: close\r\n"
        await _subscribe(rig, 1, receiver.url)
        await rig.until("SELECT cursor FROM events.subscriptions", 1)
    assert len(receiver.received) == 2
    assert not other.received


async def test_a_receiver_that_asks_for_a_pause_gets_it(rig: Rig) -> None:
    async with _receiver() as receiver, rig.worker():
        receiver.statuses = [429]
        receiver.headers = "retry-after: 600\r\ncontent-length: 0\r\nconnection: close\r\n"
        await _subscribe(rig, 1, receiver.url)
        await rig.until("SELECT attempts FROM events.subscriptions", 1)
        asked = "SELECT retry_at > now() + interval '9 minutes' FROM events.subscriptions"
        assert await rig.value(asked), "the receiver asked for ten minutes"


async def test_after_a_rotation_either_secret_verifies_for_a_day(rig: Rig) -> None:
    subscriptions = SubscriptionRepository(SEALER)
    async with _receiver() as receiver, rig.worker():
        first = await _subscribe(rig, 1, receiver.url, events=0)
        async with rig.database.transaction() as connection:
            second = await subscriptions.rotate(connection, *first.subscription.key)
            await append(connection, [_event(1, 1)])
        await rig.until("SELECT cursor FROM events.subscriptions", 1)
        await rig.rows("UPDATE events.subscriptions SET previous_until = now() RETURNING store_id")
        async with rig.database.transaction() as connection:
            await append(connection, [_event(1, 2)])
        await rig.until("SELECT cursor FROM events.subscriptions", 2)
    told = [
        [
            verify(made.secret, head["webhook-id"], int(head["webhook-timestamp"]), body, head["webhook-signature"])
            for made in (first, second)
        ]
        for head, body in receiver.received
    ]
    assert told == [[True, True], [False, True]]


async def test_a_subscription_goes_back_to_a_number_or_a_time_while_it_is_being_told(rig: Rig) -> None:
    subscriptions = SubscriptionRepository(SEALER)
    async with _receiver() as receiver, rig.worker():
        made = await _subscribe(rig, 1, receiver.url, events=2)
        await rig.until("SELECT cursor FROM events.subscriptions", 2)
        receiver.wait_seconds = 1.0
        async with rig.database.transaction() as connection:
            await append(connection, [_event(1, 3)])
        receiver.heard.clear()
        async with asyncio.timeout(20):
            await receiver.heard.wait()
        async with rig.database.transaction() as connection:
            moved = await subscriptions.move(connection, *made.subscription.key, after=1)
        assert moved.cursor == 1
        receiver.wait_seconds = 0.0
        await rig.until("SELECT cursor FROM events.subscriptions", 3)
        async with rig.database.transaction() as connection:
            await subscriptions.move(connection, *made.subscription.key, since=AT)
            with pytest.raises(InvalidInput):
                await subscriptions.move(connection, *made.subscription.key, after=4)
        await rig.until("SELECT cursor FROM events.subscriptions", 3)
    ids = [headers["webhook-id"][-1] for headers, _ in receiver.received]
    assert ids == ["1", "2", "3", "2", "3", "1", "2", "3"]


async def test_a_type_is_known_with_its_suffix_and_without_and_by_no_other_name(rig: Rig) -> None:
    async with _receiver() as receiver, rig.worker():
        async with rig.database.transaction() as connection:
            await append(connection, [_event(1, 1, "OrderAttributedEvent"), _event(1, 2, "OrderPaidEvent")])
            assert [e.seq for e in await list_after(connection, 1, 0, types=["OrderAttributed"])] == [1]
        await _subscribe(rig, 1, receiver.url, 0, types=["OrderAttributed"], from_seq=0)
        await rig.until("SELECT cursor FROM events.subscriptions", 2)
    assert [headers["webhook-id"] for headers, _ in receiver.received] == ["msg_1_1"]
    assert event_types(["OrderAttributed", "OrderAttributedEvent"]) == ["OrderAttributedEvent"]
    with pytest.raises(InvalidInput, match="OrderAttributedEvent"):
        event_types(["order.attributed"])
