"""A worker around decisions and agents that tests can steer."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import msgspec

from kiki.kit.clock import SystemClock
from kiki.kit.database import Connection, Database
from kiki.kit.errors import InvalidInput, KikiError, Unavailable
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.calls.dispatcher import Flow
from kiki.orchestrator.calls.intents import CallIntent, enqueue
from kiki.orchestrator.calls.protocol import AnsweredCall, InternalFactFor
from kiki.orchestrator.component import Decisions, WorkerComponent, open_worker
from kiki.orchestrator.events.log import LogEvent
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key, store_deliveries
from kiki.orchestrator.inbox.protocol import Decided, ItemFailure, WorkItem
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.settings import OrchestratorSettings
from kiki.platforms.protocol import Headers, StoreContext

KEYRING = Keyring({1: bytes(range(32))})
SEALER = Sealer(KEYRING)
FAST = OrchestratorSettings(
    lease_seconds=2.0,
    batch_deadline_seconds=3.0,
    poll_seconds=0.05,
    pace_seconds=0.0,
    call_pace_seconds=0.0,
    audit_pace_seconds=0.0,
    stock_pace_seconds=0.0,
    retry_base_seconds=0.05,
    retry_cap_seconds=0.2,
    retry_attempts=4,
    outbound_allow_private=True,
)


class PlainPlatform:
    """A platform whose payloads are JSON objects `{"entity": …}`; the decider reads them from `triggered_at`."""

    name = "plain"
    topics = frozenset({"orders"})
    stock_topics: frozenset[str] = frozenset()
    alike: Mapping[str, str] = MappingProxyType({})

    def events(self, topic: str, body: bytes, _store: StoreContext) -> Sequence[Any]:
        if topic == "unknown":
            raise InvalidInput("nobody handles this", reason="UNKNOWN_TOPIC")
        try:
            return (msgspec.json.decode(body),)
        except msgspec.DecodeError:
            raise InvalidInput("got something else than JSON", reason="UNREADABLE_PAYLOAD") from None

    def envelope(self, headers: Headers) -> Any: ...

    def is_ping(self, headers: Headers, body: bytes) -> bool: ...

    def verify(self, body: bytes, signature: str | None, secrets: Sequence[str]) -> bool: ...

    def normalise_store_key(self, text: str) -> str | None: ...


class AnyStore:
    """Knows every store."""

    async def get(self, _connection: Connection, store_ids: Collection[int]) -> Mapping[int, StoreContext]:
        return {store_id: StoreContext(store_id, "EUR", "UTC") for store_id in store_ids}


class RecordingDecider:
    """Writes one effect row per delivery; fails, raises or calls as the payload or the test says."""

    def __init__(self) -> None:
        self.failing: dict[str, KikiError] = {}
        """By entity."""
        self.raising: dict[str, Exception] = {}
        """By body text `n`."""
        self.before_commit: Callable[[Connection, Sequence[WorkItem]], Any] | None = None
        self.calls_for: Callable[[WorkItem], Sequence[CallIntent]] | None = None
        self.batches: list[int] = []

    def entity(self, item: WorkItem) -> str:
        return _body(item).get("entity", f"delivery:{item.delivery_id}")

    async def decide(self, connection: Connection, items: Sequence[WorkItem], now: dt.datetime) -> Decided:
        assert now.tzinfo is not None
        self.batches.append(len(items))
        failures, done = [], []
        for item in items:
            body = _body(item)
            if (error := self.raising.get(str(body.get("n")))) is not None:
                raise error
            if (failure := self.failing.get(self.entity(item))) is not None:
                failures.append(ItemFailure(item.delivery_id, failure))
                continue
            done.append(item)
        await connection.execute(
            "INSERT INTO effects (store_id, delivery_id, entity, n)"
            " SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[])",
            [i.store_id for i in done],
            [i.delivery_id for i in done],
            [self.entity(i) for i in done],
            [int(_body(i).get("n", 0)) for i in done],
        )
        if self.before_commit is not None:
            await self.before_commit(connection, items)
        calls = [] if self.calls_for is None else [call for item in done for call in self.calls_for(item)]
        return Decided(failures, calls)


def _body(item: WorkItem) -> dict[str, Any]:
    if item.internal is not None:
        return item.internal.body
    return item.events[0] if item.events else {}  # type: ignore[return-value]  # The plain platform's events are objects.


@dataclass
class Answer:
    """What a fake agent says to one request."""

    response: bytes | None
    error: KikiError | None


@dataclass
class FakeAgents:
    """Agents that count what they accepted and fail as told."""

    accepted: Counter[bytes] = field(default_factory=Counter)
    order: list[bytes] = field(default_factory=list)
    chunks: list[tuple[str, str, int]] = field(default_factory=list)
    down: dict[str, KikiError] = field(default_factory=dict)
    item_errors: dict[bytes, list[KikiError]] = field(default_factory=dict)
    poison: dict[bytes, Exception] = field(default_factory=dict)
    delay_seconds: float = 0.0
    in_flight: Counter[bytes] = field(default_factory=Counter)

    async def call_batch(self, agent: str, method: str, requests: Sequence[bytes]) -> Sequence[Answer]:
        if agent in self.down:
            raise self.down[agent]
        for request in requests:
            if request in self.poison:
                raise self.poison[request]
        self.chunks.append((agent, method, len(requests)))
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        answers = []
        for request in requests:
            errors = self.item_errors.get(request)
            if errors:
                answers.append(Answer(None, errors.pop(0)))
                continue
            self.accepted[request] += 1
            self.order.append(request)
            # A batch of several kinds answers each item in the field in which it was asked.
            answers.append(Answer(request[:1] + b"\x02ok" if method == "BatchEngage" else b"ok:" + request[:64], None))
        return answers


def nothing_follows(_answered: Sequence[AnsweredCall]) -> Sequence[InternalFactFor]:
    return ()


def nothing_logged(_answered: Sequence[AnsweredCall]) -> Sequence[LogEvent]:
    return ()


def delivery(store_id: int, n: int, *, lane: Lane = Lane.LIVE, topic: str = "orders", **more: Any) -> NewDelivery:
    """A delivery whose body says which it is."""
    body = more.pop("body", None) or msgspec.json.encode({"n": n, "entity": more.pop("entity", f"order:{n}")})
    return NewDelivery(
        store_id=store_id,
        platform=more.pop("platform", "plain"),
        topic=topic,
        key=more.pop("key", None) or duplicate_key(topic, str(n), "", "", body),
        received_at=more.pop("received_at", None) or dt.datetime.now(dt.UTC),
        triggered_at="",
        headers={"x-topic": topic},
        signature="c2ln",
        body=body,
        lane=lane,
        origin=more.pop("origin", "webhook"),
        **more,
    )


def intent(n: int, *, agent: str = "syncvalue", method: str = "UpdateCustomerLTV", **more: Any) -> CallIntent:
    """A call that says which it is."""
    return CallIntent(
        store_id=more.get("store_id", 1),
        agent=agent,
        method=method,
        lane=more.get("lane", Lane.LIVE),
        entity=more.get("entity", f"customer:{n}"),
        subject=more.get("subject", f"order:{n}"),
        event_id=more.get("event_id", f"event-{n}"),
        request=more.get("request", b"request-%d" % n),
    )


class Rig:
    """A migrated database with an `effects` table, and workers on it."""

    def __init__(self, dsn: str, database: Database) -> None:
        self.dsn = dsn
        self.database = database
        self.decider = RecordingDecider()
        self.agents = FakeAgents()
        self.follow_up: Callable[[Sequence[AnsweredCall]], Sequence[InternalFactFor]] = nothing_follows
        self.events_of: Callable[[Sequence[AnsweredCall]], Sequence[LogEvent]] = nothing_logged
        self.settings = FAST

    async def store(self, deliveries: Sequence[NewDelivery]) -> list[bool]:
        async with self.database.transaction() as connection:
            return await store_deliveries(connection, SEALER, deliveries)

    async def enqueue(self, intents: Sequence[CallIntent]) -> None:
        async with self.database.transaction() as connection:
            await enqueue(connection, SEALER, intents)

    async def value(self, sql: str, *arguments: Any) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(sql, *arguments)

    async def rows(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        async with self.database.connection() as connection:
            return [tuple(row) for row in await connection.fetch(sql, *arguments)]

    @asynccontextmanager
    async def worker(self, **changes: Any) -> AsyncIterator[WorkerComponent]:
        settings = self.settings.model_copy(update=changes)
        async with open_worker(
            dsn=self.dsn,
            keyring=KEYRING,
            clients=self.agents,
            platforms={"plain": PlainPlatform()},
            decisions=Decisions(self.decider, Flow(self.follow_up, self.events_of)),
            settings=settings,
            clock=SystemClock(),
            stores=AnyStore(),
        ) as component:
            running = asyncio.create_task(component.run())
            try:
                yield component
            finally:
                running.cancel()
                (ended,) = await asyncio.gather(running, return_exceptions=True)
                if not isinstance(ended, asyncio.CancelledError):
                    raise AssertionError("the worker ended by itself") from ended

    @contextmanager
    def answer_lost(self, holds: str) -> Iterator[None]:
        """The first transaction of a worker after which a query gives true is committed, and its worker told it failed.

        Nothing else of its connections is lost.
        """
        transaction, lost = Database.transaction, False

        @asynccontextmanager
        async def losing(database: Database, *, durable: bool = False) -> AsyncIterator[Connection]:
            nonlocal lost
            async with transaction(database, durable=durable) as connection:
                yield connection
            if not lost and database is not self.database and await self.value(holds):
                lost = True
                raise Unavailable("the connection went as it committed", reason="DATABASE_UNAVAILABLE")

        with patch.object(Database, "transaction", losing):
            yield
        assert lost

    async def until(self, sql: str, wanted: Any, *arguments: Any, seconds: float = 20) -> None:
        """Wait until a query gives what is wanted."""
        got = None
        try:
            async with asyncio.timeout(seconds):
                while (got := await self.value(sql, *arguments)) != wanted:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{sql}: got {got}, wanted {wanted}") from None

    async def until_quiet(self, seconds: float = 30) -> None:
        """Wait until nothing waits anywhere."""
        await self.until(
            "SELECT (SELECT count(*) FROM inbox.queue) + (SELECT count(*) FROM inbox.parked)"
            " + (SELECT count(*) FROM calls.queue) + (SELECT count(*) FROM calls.parked)",
            0,
            seconds=seconds,
        )


@asynccontextmanager
async def open_rig(dsn: str) -> AsyncIterator[Rig]:
    async with Database.open(dsn, application_name="test", max_size=6) as database:
        async with database.connection() as connection:
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS effects (seq bigint GENERATED ALWAYS AS IDENTITY, store_id bigint,"
                " delivery_id bigint, entity text, n bigint)"
            )
        yield Rig(dsn, database)
