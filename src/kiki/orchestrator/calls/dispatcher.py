"""Makes the calls of one agent in one lane: oldest first, in chunks, each entity in order, each answer booked once.

An agent that is away delays only its own calls: the dispatcher backs off and the rows stay. The database is the only
retrier on this path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from kiki.kit.clock import Clock, monotonic
from kiki.kit.database import Database
from kiki.kit.errors import (
    DeadlineExceeded,
    KikiError,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from kiki.kit.logging import get_logger
from kiki.kit.sealing import Sealer
from kiki.orchestrator.calls.booking import Booking, Result
from kiki.orchestrator.calls.chunks import Call, Chunk, EntityKey, form_chunks
from kiki.orchestrator.calls.protocol import BatchCaller, EventsOf, FollowUp
from kiki.orchestrator.calls.queue import CallQueue
from kiki.orchestrator.inbox.failures import LeaseLost, as_failure, backoff_seconds, database_away
from kiki.orchestrator.inbox.floor import Floor
from kiki.orchestrator.inbox.leases import Leases, Place
from kiki.orchestrator.inbox.wakeups import wait_for
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.settings import OrchestratorSettings

_log = get_logger(__name__)

AGENTS = ("syncvalue", "syncflow", "syncledger", "synccreate", "syncengage", "syncshield")
AUDITOR = "syncshield"
"""Who is told what happened, not what to do: its calls may gather even in the lane for stock."""
_AWAY = (Unavailable, ResourceExhausted, Unauthenticated, PermissionDenied)
_RETRIED_ENTITIES = 100
_POLL_FACTOR = 10


def call_places() -> list[Place]:
    """Everything of the calls that is leased."""
    return [Place(f"calls.{agent}", 0, int(lane)) for agent in AGENTS for lane in Lane]


@dataclass(frozen=True, slots=True)
class Flow:
    """What flows back from answers."""

    follow_up: FollowUp
    events_of: EventsOf


class Dispatcher:
    """One agent, one lane."""

    def __init__(
        self,
        agent: str,
        lane: Lane,
        *,
        database: Database,
        sealer: Sealer,
        leases: Leases,
        caller: BatchCaller,
        flow: Flow,
        floor: Floor,
        wakeup: asyncio.Event,
        settings: OrchestratorSettings,
        clock: Clock,
    ) -> None:
        self.agent = agent
        self.lane = lane
        self._place = Place(f"calls.{agent}", 0, int(lane))
        self._database = database
        self._leases = leases
        self._caller = caller
        self._floor = floor
        self._wakeup = wakeup
        self._settings = settings
        self._queue = CallQueue(agent, lane, sealer)
        self._booking = Booking(
            self._queue,
            database=database,
            sealer=sealer,
            leases=leases,
            place=self._place,
            follow_up=flow.follow_up,
            events_of=flow.events_of,
            settings=settings,
            clock=clock,
        )
        if agent == AUDITOR:
            self._pace = settings.audit_pace_seconds
        else:  # None for stock work but its audit.
            self._pace = 0.0 if lane is Lane.LIVE_STOCK else settings.call_pace_seconds
        # Eighteen dispatchers poll; notifications wake them, so that they may look ten times less often than the inbox.
        self._poll_seconds = min(1.0, settings.poll_seconds * _POLL_FACTOR)
        self._began = 0.0
        self._token: int | None = None
        self._waiting: dict[int, Call] = {}
        self._in_flight: dict[int, Call] = {}
        self._busy: set[EntityKey] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._from = 0
        self._more = False
        self._due = True
        self._looked_at = 0.0
        self._stale = False
        self._failures = 0
        self._resume_at = 0.0
        self._chunk_items = settings.chunk_items
        self.answered = 0

    @property
    def away(self) -> bool:
        """Whether the agent did not answer the last time."""
        return self._failures > 0

    async def run(self) -> None:
        """Until cancelled; what is under way is given up and its rows stay."""
        failures = 0
        try:
            while True:
                try:
                    await self._round()
                    failures = 0
                except Exception as error:  # noqa: BLE001  A job attempt: the rows stay and are looked at again.
                    failures += 1
                    if not database_away(error):
                        _log.error(
                            "dispatch_round_failed", agent=self.agent, lane=self.lane.name, error=type(error).__name__
                        )
                    await asyncio.sleep(backoff_seconds(failures, base=0.1, cap=2.0))
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _round(self) -> None:
        if not await self._own():
            await wait_for(self._wakeup, self._poll_seconds)
            return
        pause = max(self._resume_at, self._began + (0.0 if self._more else self._pace)) - monotonic()
        if pause > 0:
            await asyncio.sleep(pause)
        self._due |= self._wakeup.is_set() or self._stale or monotonic() >= self._looked_at + self._poll_seconds
        self._wakeup.clear()
        room = self._room()
        started = False
        if room > 0:
            await self._read(room)
            started = await self._start_retries(room)
            started = await self._start(self._room()) or started
        if not (started or self._stale) or self._room() <= 0:
            await self._rest()

    async def _own(self) -> bool:
        """Whether the lease is ours; on a new one, what was in hand is forgotten."""
        token = self._leases.usable(self._place.queue, int(self.lane)).get(self._place)
        if token is None:
            return False
        if token != self._token:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._waiting.clear()
            async with self._database.connection() as connection:
                self._booking.loaded(await self._queue.parked_entities(connection))
            self._token, self._due = token, True
        return True

    def _room(self) -> int:
        """How many more chunks may be sent; one at a time while the agent is away."""
        most = 1 if self._failures else self._settings.chunks_in_flight
        return most - len(self._tasks)

    async def _rest(self) -> None:
        """Until something arrives, a chunk ends, or the poll is due."""
        woken = asyncio.create_task(self._wakeup.wait())
        try:
            until = {woken, *self._tasks}
            await asyncio.wait(until, timeout=self._poll_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()

    async def _read(self, room: int) -> None:
        if self._stale:
            self._waiting.clear()  # What was given up has to be read again before what follows it.
            self._stale = False
        wanted = self._chunk_items * (room + 1) - len(self._waiting)
        if wanted <= 0 or not self._due:
            return
        final, self._looked_at = self._floor.final, monotonic()
        self._from = min(self._from, final + 1)
        known = [*self._waiting, *self._in_flight]
        async with self._database.connection() as connection:
            read = await self._queue.read(connection, self._from, wanted, known)
        self._from = max(self._from, min([final + 1, *known, *(call.seq for call in read)]))
        self._more = self._due = len(read) >= min(wanted, self._chunk_items)
        if not self._stale:  # Else something was given up meanwhile, which must not be overtaken by what was read.
            self._waiting.update((call.seq, call) for call in read)

    async def _start(self, room: int) -> bool:
        if room <= 0 or not self._waiting or self._token is None or self._stale:
            return False
        if not await self._set_followers_aside(self._token):
            return False
        waiting = [self._waiting[seq] for seq in sorted(self._waiting)]
        limits = {"items": self._chunk_items, "size": self._settings.chunk_bytes, "most": room}
        chunks = form_chunks(waiting, self._busy, **limits)
        for chunk in chunks:
            self._launch(chunk)
        return bool(chunks)

    async def _set_followers_aside(self, token: int) -> bool:
        """Whether what still waits may be sent: not when something before it was given up meanwhile.

        While calls are set aside one under way may fail, and what follows it is then held as well.
        """
        while held := self._booking.held_among(self._waiting.values()):
            await self._booking.set_aside(token, held)
            if self._stale:
                return False
            for call in held:
                del self._waiting[call.seq]
        return True

    async def _start_retries(self, room: int) -> bool:
        if self._failures and self._waiting:
            return False  # One of those that wait tells whether the agent is back; else a held one has to.
        due = [key for key in self._booking.due(_RETRIED_ENTITIES) if key not in self._busy]
        if not due or room <= 0:
            return False
        async with self._database.connection() as connection:
            heads = await self._queue.parked_heads(connection, due)
        self._booking.forget(set(due) - {call.key for call in heads})
        chunks = form_chunks(heads, self._busy, items=self._chunk_items, size=self._settings.chunk_bytes, most=room)
        for chunk in chunks:
            self._launch(chunk)
        return bool(chunks)

    def _launch(self, chunk: Chunk) -> None:
        self._began = monotonic()
        for call in chunk.calls:
            self._waiting.pop(call.seq, None)
            self._in_flight[call.seq] = call
            self._busy.add(call.key)
        task = asyncio.create_task(self._deliver(chunk, self._token or 0))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, chunk: Chunk, token: int) -> None:
        try:
            with self._leases.using([self._place]):
                await self._fail_unreadable(chunk.calls, token)
                if calls := [call for call in chunk.calls if call.problem is None]:
                    await self._send(chunk.method, calls, token)
        except LeaseLost:
            self._stale = True
            _log.warning("chunk_dropped_lease_lost", agent=self.agent, lane=self.lane.name)
        except Exception as error:  # noqa: BLE001  A job attempt: the rows stay and are looked at again.
            if not database_away(error):
                _log.error("chunk_failed", agent=self.agent, method=chunk.method, error=type(error).__name__)
            self._resume_at = monotonic() + backoff_seconds(1, base=0.2, cap=0.2)
            self._stale = True
        finally:
            for call in chunk.calls:
                self._in_flight.pop(call.seq, None)
                self._busy.discard(call.key)

    async def _fail_unreadable(self, calls: Sequence[Call], token: int) -> None:
        failed = [Result(call, None, call.problem) for call in calls if call.problem is not None]
        if failed:
            await self._book(token, failed)

    async def _send(self, method: str, calls: Sequence[Call], token: int) -> None:
        try:
            results = await self._call(method, calls)
        except _AWAY as error:
            await self._agent_away(method, calls, token, error)
            return
        except Exception as error:  # noqa: BLE001  A job attempt: a poisonous chunk is halved.
            if len(calls) > 1:
                middle = len(calls) // 2
                await self._send(method, calls[:middle], token)
                await self._send_rest(method, calls[middle:], token)
                return
            results = [Result(calls[0], None, as_failure(error))]
        self._agent_back()
        await self._book(token, results)

    async def _send_rest(self, method: str, calls: Sequence[Call], token: int) -> None:
        """What stands behind a failed call of its entity in the same chunk is set aside with it.

        When the agent went away over the first part, the rest is not sent either: it is read again, in order.
        """
        if self._failures:
            return
        held = self._booking.held_among(calls)
        if held:
            await self._booking.set_aside(token, held)
            calls = [call for call in calls if call not in held]
        if calls:
            await self._send(method, calls, token)

    async def _book(self, token: int, results: Sequence[Result]) -> None:
        """Book; answers that cannot be booked together are booked apart, and one that cannot be booked has failed."""
        try:
            self.answered += await self._booking.book(token, results)
        except Exception as error:
            gone = isinstance(error, KikiError) and error.reason == "CALL_GONE"
            if isinstance(error, LeaseLost) or database_away(error) or gone:
                raise
            if len(results) > 1:
                middle = len(results) // 2
                await self._book(token, results[:middle])
                await self._book(token, results[middle:])
            elif results[0].error is None:
                await self._booking.book(token, [Result(results[0].call, None, as_failure(error))])
            else:
                raise

    async def _call(self, method: str, calls: Sequence[Call]) -> list[Result]:
        requests = [request for call in calls for request in call.requests]
        outcomes = list(await self._caller.call_batch(self.agent, method, requests))
        results, position = [], 0
        for call in calls:
            mine = outcomes[position : position + len(call.requests)]
            position += len(call.requests)
            error = next((outcome.error for outcome in mine if outcome.error is not None), None)
            response = call.response(mine[0].response or b"") if len(mine) == 1 and error is None else b""
            results.append(Result(call, None, error) if error is not None else Result(call, response, None))
        return results

    def _agent_back(self) -> None:
        if self._failures:
            _log.info("agent_back", agent=self.agent, lane=self.lane.name)
        self._failures = 0
        self._chunk_items = min(self._settings.chunk_items, self._chunk_items * 2)

    async def _agent_away(self, method: str, calls: Sequence[Call], token: int, error: KikiError) -> None:
        """Back off; a single call that alone ran out of time is set aside, since it may be what hangs the agent."""
        self._failures += 1
        self._stale = True
        if self._failures == 1:
            _log.warning("agent_away", agent=self.agent, lane=self.lane.name, method=method, reason=error.reason)
        if isinstance(error, DeadlineExceeded):
            self._chunk_items = max(1, len(calls) // 2)
            if len(calls) == 1:
                await self._booking.book(token, [Result(calls[0], None, error)], counted=False)
        cap = self._settings.agent_backoff_cap_seconds
        self._resume_at = monotonic() + backoff_seconds(self._failures, base=0.1, cap=cap)
