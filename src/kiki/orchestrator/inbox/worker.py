"""The loop of one lane: look, load, decode, decide; the next batch is prepared while one waits for PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kiki.kit.clock import Clock, monotonic
from kiki.kit.database import Database, Record
from kiki.kit.errors import KikiError
from kiki.kit.logging import get_logger
from kiki.kit.sealing import Sealer
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.inbox import queue
from kiki.orchestrator.inbox.audit import audits_of
from kiki.orchestrator.inbox.batch import BatchRunner
from kiki.orchestrator.inbox.decoding import Decoder, Work
from kiki.orchestrator.inbox.failures import LeaseLost, backoff_seconds, database_away
from kiki.orchestrator.inbox.floor import Floor
from kiki.orchestrator.inbox.leases import Leases, Place
from kiki.orchestrator.inbox.parking import ParkedEntities
from kiki.orchestrator.inbox.protocol import Decider
from kiki.orchestrator.inbox.queue import Ending, Entry
from kiki.orchestrator.inbox.stores import StoreContexts
from kiki.orchestrator.inbox.wakeups import wait_for
from kiki.orchestrator.lanes import PARTITIONS, Lane
from kiki.orchestrator.settings import OrchestratorSettings
from kiki.platforms.protocol import StoreContext

_log = get_logger(__name__)

QUEUE = "inbox"
BULK_BATCH = 100
_BULK_YIELDS_SECONDS = 0.25
_RETRIED_ENTITIES = 20
_RETRIED_PER_ENTITY = 50
_LEAST_ROOM = 20
_DECODED_AT_ONCE = 32
_GATHERED_STOCK = 4
_REST, _LONGEST_PACE_SECONDS = 3.0, 0.15
"""Two batches begin at least so many times the last one's duration apart, up to the longest pace."""
_STOCK_REST, _LONGEST_STOCK_PACE_SECONDS = 2.0, 0.1
_BUSY_SECONDS = 0.5
"""How long a lane in which there was something is looked at often: longer than the intake pauses between two rings."""
_BUSY_POLL_SECONDS = 0.03
_WATCHFUL_POLL_SECONDS = 0.1
"""Nothing tells a lane that it has got leases, or that what is held back is due."""


def inbox_places() -> list[Place]:
    """Everything of the inbox that is leased."""
    return [Place(QUEUE, partition, int(lane)) for lane in Lane for partition in range(PARTITIONS)]


@dataclass(frozen=True, slots=True)
class _Batch:
    tokens: dict[Place, int]
    entries: Sequence[Entry]
    work: Sequence[Work]
    endings: Sequence[Ending]
    calls: Sequence[CallIntent]
    looked_at: float


class Pressure:
    """Whether live work waits, so that bulk work lets it pass."""

    def __init__(self) -> None:
        self.live = False


class LaneWorker:
    """Works off one lane of the inbox on the places that this process holds."""

    def __init__(
        self,
        lane: Lane,
        *,
        database: Database,
        sealer: Sealer,
        leases: Leases,
        decoder: Decoder,
        decider: Decider,
        stores: StoreContexts,
        floor: Floor,
        wakeup: asyncio.Event,
        pressure: Pressure,
        settings: OrchestratorSettings,
        clock: Clock,
    ) -> None:
        self.lane = lane
        self._database = database
        self._leases = leases
        self._decoder = decoder
        self._stores = stores
        self._floor = floor
        self._wakeup = wakeup
        self._pressure = pressure
        self._settings = settings
        self._batch_size = min(settings.batch_size, BULK_BATCH) if lane is Lane.BULK else settings.batch_size
        self._parked = ParkedEntities()
        self._runner = BatchRunner(
            database=database,
            sealer=sealer,
            leases=leases,
            decider=decider,
            parked=self._parked,
            settings=settings,
            clock=clock,
            lane=int(lane),
        )
        self._deciding: asyncio.Task[None] | None = None
        self._in_flight: set[tuple[int, int]] = set()
        self._floors: dict[Place, int] = {}
        self._non_empty = 1
        self._began = 0.0
        self._began_with = 0
        self._took = 0.0
        """How long the last batch took from the look at the queue on: the busier everybody is, the more gathers."""
        self._backlogged = False
        self._busy_until = 0.0
        self.finished = 0

    async def run(self) -> None:
        """Until cancelled; the batch under way is then rolled back and its rows stay."""
        failures = 0
        try:
            while True:
                try:
                    await self._round()
                    failures = 0
                except LeaseLost:
                    _log.warning("batch_dropped_lease_lost", lane=self.lane.name)
                    await self._settle_down()
                except Exception as error:  # noqa: BLE001  An attempt: what failed it is told apart below.
                    failures += 1
                    if not database_away(error) and not _is_gone(error):
                        _log.error("lane_round_failed", lane=self.lane.name, error=type(error).__name__)
                    await self._settle_down()
                    await asyncio.sleep(backoff_seconds(failures, base=0.1, cap=2.0))
        finally:
            if self._deciding is not None:
                self._deciding.cancel()
                await asyncio.gather(self._deciding, return_exceptions=True)

    async def _settle_down(self) -> None:
        """Let the batch under way end, and forget what is in hand: the rows are still there."""
        if self._deciding is not None:
            await asyncio.gather(self._deciding, return_exceptions=True)
            self._deciding = None
        self._in_flight.clear()

    async def _round(self) -> None:
        usable = self._leases.usable(QUEUE, int(self.lane))
        await self._take_over_parked(usable)
        if self._parked.due(1):
            await self._finish_deciding()
            await self._retry_due(usable)
        batch = await self._prepare(usable) if usable else None
        if batch is None:
            if self._deciding is not None:
                await self._finish_deciding()
                return
            self._note_backlog(0)
            await wait_for(self._wakeup, self._until_next_look(usable))
            return
        await self._finish_deciding()
        if self.lane is Lane.BULK:
            await self._let_live_pass()
        self._begin(batch)
        if not self._backlogged:
            await self._finish_deciding()
        else:
            await asyncio.sleep(0)

    def _begin(self, batch: _Batch) -> None:
        self._began, self._began_with = batch.looked_at, len(batch.entries)
        self._deciding = asyncio.create_task(self._decide(batch))

    async def _finish_deciding(self) -> None:
        if self._deciding is not None:
            deciding, self._deciding = self._deciding, None
            await deciding

    async def _decide(self, batch: _Batch) -> None:
        places = list(batch.tokens)
        with self._leases.using(places):
            await self._runner.run(batch.tokens, batch.work, batch.endings, batch.calls)
        self._took = monotonic() - batch.looked_at
        self._in_flight.difference_update((e.place.partition, e.seq) for e in batch.entries)
        self.finished += len(batch.entries)

    async def _prepare(self, usable: Mapping[Place, int]) -> _Batch | None:
        pause = self._began + self._pace() - monotonic()
        if pause > 0 and not self._backlogged:
            await asyncio.sleep(pause)
        self._wakeup.clear()
        looked_at = monotonic()
        entries = await self._look(usable)
        if not entries:
            return None
        return await self._open(usable, entries, looked_at)

    def _until_next_look(self, usable: Mapping[Place, int]) -> float:
        """Where there was something a moment ago, more is likely, and nobody is rung for each delivery."""
        poll = self._settings.poll_seconds
        if not usable or len(self._parked):
            return min(poll, _WATCHFUL_POLL_SECONDS)
        return min(poll, _BUSY_POLL_SECONDS) if monotonic() < self._busy_until else poll

    def _pace(self) -> float:
        """The shortest time between two batches; none for stock work, unless it comes in numbers."""
        pace, rest, longest = self._settings.pace_seconds, _REST, _LONGEST_PACE_SECONDS
        if self.lane is Lane.LIVE_STOCK:
            if self._began_with < _GATHERED_STOCK:
                return 0.0
            pace, rest, longest = self._settings.stock_pace_seconds, _STOCK_REST, _LONGEST_STOCK_PACE_SECONDS
        return max(pace, min(rest * self._took, longest)) if pace else 0.0

    async def _look(self, usable: Mapping[Place, int]) -> list[Entry]:
        final = self._floor.final
        floors = {place: min(self._floors.get(place, 0), final + 1) for place in usable}
        busy = Counter(partition for partition, _ in self._in_flight)
        each = max(_LEAST_ROOM, self._batch_size * 5 // 4 // self._non_empty + 1)
        room = {place: each + busy[place.partition] for place in usable}
        async with self._database.connection() as connection:
            found = await queue.look(connection, int(self.lane), floors, room)
        first: dict[Place, int] = {}
        for entry in found:
            first.setdefault(entry.place, entry.seq)
        for place in usable:
            self._floors[place] = max(floors[place], min(final + 1, first.get(place, final + 1)))
        self._non_empty = max(1, len(first))
        waiting = [entry for entry in found if (entry.place.partition, entry.seq) not in self._in_flight]
        if waiting:
            self._busy_until = monotonic() + _BUSY_SECONDS
        self._note_backlog(len(waiting))
        return share_out(waiting, self._batch_size, self._settings.store_share)

    async def _open(self, usable: Mapping[Place, int], entries: Sequence[Entry], looked_at: float) -> _Batch:
        async with self._database.connection() as connection:
            rows = await queue.load(connection, entries)
            stores = await self._stores.get(connection, {entry.store_id for entry in entries})
        work, endings = await self._decode(entries, rows, stores)
        self._in_flight.update((entry.place.partition, entry.seq) for entry in entries)
        tokens = {place: usable[place] for place in {entry.place for entry in entries}}
        return _Batch(tokens, entries, work, endings, audits_of(entries, rows, self.lane), looked_at)

    async def _decode(
        self, entries: Sequence[Entry], rows: Mapping[int, Record], stores: Mapping[int, StoreContext]
    ) -> tuple[list[Work], list[Ending]]:
        """Decode in slices, so that stock work never waits for a whole batch's decoding."""
        work: list[Work] = []
        endings: list[Ending] = []
        for start in range(0, len(entries), _DECODED_AT_ONCE):
            part = range(start, min(start + _DECODED_AT_ONCE, len(entries)))
            decoded, ended = self._decoder.decode(entries, rows, stores, part)
            work += decoded
            endings += ended
            await asyncio.sleep(0)
        return work, endings

    async def _take_over_parked(self, usable: Mapping[Place, int]) -> None:
        gained = self._parked.missing(usable)
        if not gained:
            return
        async with self._database.connection() as connection:
            rows = await queue.parked_entities(connection, int(self.lane), gained)
        self._parked.loaded({place: usable[place] for place in gained}, rows)

    async def _retry_due(self, usable: Mapping[Place, int]) -> None:
        keys = [key for key in self._parked.due(_RETRIED_ENTITIES) if key[0] in usable]
        if not keys:
            return
        entries: list[Entry] = []
        async with self._database.connection() as connection:
            for place, store_id, entity in keys:
                held = await queue.parked_entries(connection, place, store_id, entity, _RETRIED_PER_ENTITY)
                if not held:
                    self._parked.free((place, store_id, entity))
                entries += held
            rows = await queue.load(connection, entries)
            stores = await self._stores.get(connection, {entry.store_id for entry in entries})
        if not entries:
            return
        entities = [entry.entity for entry in entries]
        work, endings = await self._decode(entries, rows, stores)
        for entry, entity in zip(entries, entities, strict=True):
            entry.entity = entity
        tokens = {place: usable[place] for place in {entry.place for entry in entries}}
        with self._leases.using(list(tokens)):
            await self._runner.run(tokens, work, endings, retrying=True)

    def _note_backlog(self, waiting: int) -> None:
        self._backlogged = waiting > self._batch_size
        if self.lane is not Lane.BULK:
            self._pressure.live = self._backlogged

    async def _let_live_pass(self) -> None:
        until = monotonic() + _BULK_YIELDS_SECONDS
        while self._pressure.live and monotonic() < until:  # noqa: ASYNC110  It looks again at most 25 times.
            await asyncio.sleep(0.01)


def share_out(entries: Sequence[Entry], size: int, share: int) -> list[Entry]:
    """At most `size`, oldest first; while several stores wait, at most `share` of each before the rest fills up."""
    if len(entries) <= size:
        return list(entries)
    taken: Counter[int] = Counter()
    first: list[Entry] = []
    rest: list[Entry] = []
    for entry in entries:
        taken[entry.store_id] += 1
        (first if taken[entry.store_id] <= share else rest).append(entry)
    chosen = [*first[:size], *rest[: max(0, size - len(first))]]
    chosen.sort(key=lambda entry: entry.seq)
    return chosen


def _is_gone(error: Exception) -> bool:
    return isinstance(error, KikiError) and error.reason == "RUN_GONE"
