"""Booking what an agent answered: one transaction per chunk, under the lease's token."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kiki.kit.clock import Clock, monotonic
from kiki.kit.database import Database
from kiki.kit.errors import KikiError
from kiki.kit.logging import get_logger
from kiki.kit.sealing import Sealer
from kiki.orchestrator.calls.chunks import Call, EntityKey
from kiki.orchestrator.calls.protocol import AnsweredCall, EventsOf, FollowUp, InternalFactFor
from kiki.orchestrator.calls.queue import CallQueue, DeadCall, ParkedCall
from kiki.orchestrator.events.log import LogEvent, append
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key, store_deliveries
from kiki.orchestrator.inbox.failures import backoff_seconds, detail_of, momentary, retryable
from kiki.orchestrator.inbox.leases import Leases, Place
from kiki.orchestrator.inbox.protocol import INTERNAL_PLATFORM
from kiki.orchestrator.settings import OrchestratorSettings

_log = get_logger(__name__)
_FOLLOWS = "WAITS_FOR_EARLIER"
_MOMENTARY_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Result:
    """How one call ended: exactly one of response and error is set."""

    call: Call
    response: bytes | None
    error: KikiError | None


class Booking:
    """The books of one dispatcher, and which entities it holds back."""

    def __init__(
        self,
        queue: CallQueue,
        *,
        database: Database,
        sealer: Sealer,
        leases: Leases,
        place: Place,
        follow_up: FollowUp,
        events_of: EventsOf,
        settings: OrchestratorSettings,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._database = database
        self._sealer = sealer
        self._leases = leases
        self._place = place
        self._follow_up = follow_up
        self._events_of = events_of
        self._settings = settings
        self._clock = clock
        self._held: dict[EntityKey, tuple[int, float]] = {}
        self._hung: Counter[EntityKey] = Counter()
        """How often in a row the first call held of an entity ran out of time alone, which is no attempt."""
        self._one_at_a_time = asyncio.Lock()

    def loaded(self, held: Mapping[EntityKey, tuple[int, float]]) -> None:
        """Take over what the database holds back: (count, seconds until due) per entity."""
        now = monotonic()
        self._held = {key: (count, now + seconds) for key, (count, seconds) in held.items()}

    def held_among(self, calls: Iterable[Call]) -> list[Call]:
        """Those whose entity is held back."""
        return [call for call in calls if call.key in self._held] if self._held else []

    def due(self, limit: int) -> list[EntityKey]:
        """Held entities whose time has come."""
        if not self._held:
            return []
        now = monotonic()
        return [key for key, (_, due_at) in self._held.items() if due_at <= now][:limit]

    def forget(self, keys: Collection[EntityKey]) -> None:
        """Nothing is held back of these after all."""
        for key in keys:
            self._held.pop(key, None)

    async def set_aside(self, token: int, calls: Sequence[Call]) -> None:
        """Put calls behind the failing one of their entity."""
        parked = [ParkedCall(call, -1.0, _FOLLOWS, "") for call in calls]
        await self._commit(token, [], [], parked, {})

    async def book(self, token: int, results: Sequence[Result], *, counted: bool = True) -> int:
        """Settle, park or bury every call; how many were answered. `counted`: whether a failure is an attempt."""
        answered: list[AnsweredCall] = []
        done: list[Call] = []
        dead: list[DeadCall] = []
        parked: list[ParkedCall] = []
        delays: dict[EntityKey, float] = {}
        for result in results:
            if result.error is None:
                self._hung.pop(result.call.key, None)
                done.append(result.call)
                answered.append(AnsweredCall(result.call.intent, result.response or b""))
                continue
            ending = self._failed(result.call, result.error, counted)
            if isinstance(ending, DeadCall):
                dead.append(ending)
            else:
                parked.append(ending)
                delays[result.call.key] = ending.delay_seconds
        await self._commit(token, done, dead, parked, delays, answered)
        return len(done)

    def _failed(self, call: Call, error: KikiError, counted: bool) -> DeadCall | ParkedCall:
        if counted:
            call.attempts += 1
        count, _ = self._held.get(call.key, (0, 0.0))
        settings = self._settings
        over = call.attempts >= settings.retry_attempts or count > settings.parked_per_entity
        if counted and (over or not retryable(error)):
            _log.warning("call_dead", agent=call.intent.agent, method=call.intent.method, reason=error.reason)
            return DeadCall(call, error.reason, detail_of(error))
        if not counted:
            self._hung[call.key] += 1
        tries = max(1, call.attempts, self._hung[call.key])
        delay = backoff_seconds(tries, base=settings.retry_base_seconds, cap=settings.retry_cap_seconds)
        return ParkedCall(call, delay, error.reason, detail_of(error))

    async def _commit(
        self,
        token: int,
        done: Sequence[Call],
        dead: Sequence[DeadCall],
        parked: Sequence[ParkedCall],
        delays: Mapping[EntityKey, float],
        answered: Sequence[AnsweredCall] = (),
    ) -> None:
        touched = {call.key for call in done if call.was_parked} | {d.call.key for d in dead if d.call.was_parked}
        touched |= {p.call.key for p in parked}
        facts = self._follow_up(answered) if answered else ()
        events = self._events_of(answered) if answered else ()
        async with self._one_at_a_time:
            tries = 0
            while True:
                try:
                    counts = await self._write(token, done, dead, parked, facts, events, touched)
                    self._note(touched, counts, delays)
                    return
                except Exception as error:
                    tries += 1
                    if not momentary(error) or tries >= _MOMENTARY_ATTEMPTS:
                        raise
                    await asyncio.sleep(backoff_seconds(tries, base=0.02, cap=0.2))

    async def _write(
        self,
        token: int,
        done: Sequence[Call],
        dead: Sequence[DeadCall],
        parked: Sequence[ParkedCall],
        facts: Sequence[InternalFactFor],
        events: Sequence[LogEvent],
        touched: set[EntityKey],
    ) -> dict[EntityKey, int]:
        if done and not (dead or parked or facts or events or touched):
            async with self._database.connection() as connection:
                await self._queue.settle_alone(connection, done, self._leases.lease(self._place, token))
            return {}
        deliveries = self._deliveries(facts, done)
        if done and not (dead or parked or touched):
            async with self._database.transaction() as connection:
                await self._queue.settle_alone(connection, done, self._leases.lease(self._place, token))
                await store_deliveries(connection, self._sealer, deliveries)
                await append(connection, events)
            return {}
        async with self._leases.transaction(self._database, {self._place: token}) as connection:
            await self._queue.settle(connection, done, dead)
            await self._queue.park(connection, parked)
            await store_deliveries(connection, self._sealer, deliveries)
            counts = await self._queue.parked_counts(connection, touched) if touched else {}
            await append(connection, events)
            return counts

    def _note(
        self, touched: set[EntityKey], counts: Mapping[EntityKey, int], delays: Mapping[EntityKey, float]
    ) -> None:
        now = monotonic()
        for key in touched:
            count = counts.get(key, 0)
            if not count:
                self._held.pop(key, None)
                self._hung.pop(key, None)
                continue
            _, due_at = self._held.get(key, (0, now))
            self._held[key] = (count, now + delays[key] if key in delays else due_at)

    def _deliveries(self, facts: Sequence[InternalFactFor], done: Sequence[Call]) -> list[NewDelivery]:
        """Facts as internal deliveries; a call flows back once, so its number makes the key unique."""
        if not facts:
            return []
        now = self._clock.now()
        first = str(min(call.seq for call in done))
        deliveries = []
        for position, one in enumerate(facts):
            body = one.fact.encode()
            key = duplicate_key(
                one.fact.kind, f"{self._queue.agent}.{int(self._queue.lane)}", first, str(position), body
            )
            deliveries.append(
                NewDelivery(
                    store_id=one.store_id,
                    platform=INTERNAL_PLATFORM,
                    topic=one.fact.kind,
                    key=key,
                    received_at=now,
                    triggered_at="",
                    headers={},
                    signature="",
                    body=body,
                    lane=one.lane,
                    origin=INTERNAL_PLATFORM,
                )
            )
        return deliveries
