"""One batch, attempted: decided and settled in one transaction, halved when it is poisonous."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.errors import KikiError
from kiki.kit.logging import get_logger
from kiki.kit.sealing import Sealer
from kiki.orchestrator.calls.intents import CallIntent, queue_calls
from kiki.orchestrator.inbox import queue
from kiki.orchestrator.inbox.decoding import Work
from kiki.orchestrator.inbox.failures import (
    LeaseLost,
    as_failure,
    backoff_seconds,
    database_away,
    detail_of,
    momentary,
    retryable,
)
from kiki.orchestrator.inbox.leases import Leases, Place
from kiki.orchestrator.inbox.parking import Key, ParkedEntities, key_of
from kiki.orchestrator.inbox.protocol import Decider
from kiki.orchestrator.inbox.queue import Ending, Parking
from kiki.orchestrator.settings import OrchestratorSettings

_log = get_logger(__name__)
_MOMENTARY_ATTEMPTS = 4
FOLLOWS = "WAITS_FOR_EARLIER"
NO_DELAY = -1.0


class _DecideWithout(Exception):
    """Some runs failed and others that must follow them were decided: roll back, decide again without both."""

    def __init__(self, failures: Mapping[int, KikiError]) -> None:
        super().__init__()
        self.failures = failures


@dataclass(slots=True)
class _Plan:
    """What one transaction does."""

    work: Sequence[Work]
    endings: list[Ending] = field(default_factory=list)
    failed: dict[int, KikiError] = field(default_factory=dict)
    """By delivery id, known before the attempt."""
    held: list[Work] = field(default_factory=list)
    """Runs that wait behind a failing one."""
    calls: Sequence[CallIntent] = ()


class BatchRunner:
    """Brings batches of one lane to their ends; one at a time."""

    def __init__(
        self,
        *,
        database: Database,
        sealer: Sealer,
        leases: Leases,
        decider: Decider,
        parked: ParkedEntities,
        settings: OrchestratorSettings,
        clock: Clock,
        lane: int,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._leases = leases
        self._decider = decider
        self._parked = parked
        self._settings = settings
        self._clock = clock
        self._lane = lane

    async def run(
        self,
        tokens: Mapping[Place, int],
        work: Sequence[Work],
        endings: Sequence[Ending],
        calls: Sequence[CallIntent] = (),
        *,
        retrying: bool = False,
    ) -> None:
        """Finish or park every run. Raises `LeaseLost`, or `Unavailable` when the database is away.

        `retrying`: the runs are those of held entities, in order, so that being held does not stop them.
        """
        held = [] if retrying else [one for one in work if self._parked.get(one.entry) is not None]
        free = work if not held else [one for one in work if self._parked.get(one.entry) is None]
        plan = _Plan(free, list(endings), {}, held, calls)
        try:
            await self._attempt(tokens, plan)
        except Exception as error:
            if not self._poisonous(error) or not free:
                raise
            await self._halve(tokens, plan, error, retrying)

    async def _halve(self, tokens: Mapping[Place, int], plan: _Plan, error: Exception, retrying: bool) -> None:
        if plan.endings or plan.held or plan.calls:
            await self._attempt(tokens, _Plan((), plan.endings, {}, plan.held, plan.calls))
        work = plan.work
        if len(work) == 1:
            failure = as_failure(error)
            _log.warning(
                "delivery_attempt_failed",
                store_id=work[0].entry.store_id,
                delivery_id=work[0].entry.delivery_id,
                reason=failure.reason,
                error=type(error).__name__,
            )
            await self._attempt(tokens, _Plan((), [], {work[0].entry.delivery_id: failure}, list(work)))
            return
        middle = len(work) // 2
        await self.run(tokens, work[:middle], (), retrying=retrying)
        rest = work[middle:]
        if retrying:
            failed = {key_of(one.entry) for one in work[:middle] if self._still_parked(one)}
            rest = [one for one in rest if key_of(one.entry) not in failed]
        if rest:
            await self.run(tokens, rest, (), retrying=retrying)

    def _still_parked(self, one: Work) -> bool:
        held = self._parked.get(one.entry)
        return held is not None and one.entry.attempts > one.item.attempts

    @staticmethod
    def _poisonous(error: Exception) -> bool:
        if isinstance(error, LeaseLost) or database_away(error):
            return False
        return not (isinstance(error, KikiError) and error.reason == "RUN_GONE")

    async def _attempt(self, tokens: Mapping[Place, int], plan: _Plan) -> None:
        """Decide and settle, again without what fails together with what follows it, until it commits."""
        tries = 0
        while True:
            try:
                async with asyncio.timeout(self._settings.batch_deadline_seconds):
                    await self._transaction(tokens, plan)
                return
            except _DecideWithout as without:
                plan = _without(plan, without.failures)
            except Exception as error:
                tries += 1
                if not momentary(error) or tries >= _MOMENTARY_ATTEMPTS:
                    raise
                await asyncio.sleep(backoff_seconds(tries, base=0.02, cap=0.2))

    async def _transaction(self, tokens: Mapping[Place, int], plan: _Plan) -> None:
        async with self._leases.transaction(self._database, tokens) as connection:
            failures, calls = dict(plan.failed), plan.calls
            if plan.work:
                now = self._clock.now()
                decided = await self._decider.decide(connection, [one.item for one in plan.work], now)
                failures |= {failure.delivery_id: failure.error for failure in decided.failures}
                if len(failures) > len(plan.failed):
                    _refuse_overtaking(plan, failures)
                calls = [*decided.calls, *calls]
            wake = await queue_calls(connection, self._sealer, calls)
            changes = await self._settle(connection, plan, failures, wake)
        for key, (count, delay) in changes.items():
            if count:
                self._parked.hold(key, count=count, delay_seconds=delay)
            else:
                self._parked.free(key)

    async def _settle(
        self, connection: Connection, plan: _Plan, failures: Mapping[int, KikiError], wake: str
    ) -> dict[Key, tuple[int, float]]:
        endings, parkings = list(plan.endings), []
        delays: dict[Key, float] = {}
        touched: set[Key] = set()
        waiting = {one.entry.delivery_id for one in plan.held}
        for one in (*plan.work, *plan.held):
            error = failures.get(one.entry.delivery_id)
            if error is not None:
                outcome = self._failed(one, error)
                if isinstance(outcome, Ending):
                    endings.append(outcome)
                else:
                    parkings.append(outcome)
                    delays.setdefault(key_of(one.entry), outcome.delay_seconds)
                touched.add(key_of(one.entry))
            elif one.entry.delivery_id in waiting:
                parkings.append(Parking(one.entry, NO_DELAY, FOLLOWS, ""))
                touched.add(key_of(one.entry))
            else:
                endings.append(Ending(one.entry, "settled"))
                if one.entry.was_parked:
                    touched.add(key_of(one.entry))
        touched |= {key_of(e.entry) for e in plan.endings if e.entry.was_parked}
        await queue.finish(connection, self._lane, endings, wake)
        await queue.park(
            connection, self._lane, [p for p in parkings if not (p.entry.was_parked and p.delay_seconds < 0)]
        )
        return await self._still_held(connection, touched, delays)

    def _failed(self, one: Work, error: KikiError) -> Ending | Parking:
        attempts = one.item.attempts + 1
        one.entry.attempts = attempts
        held = self._parked.get(one.entry)
        crowded = held is not None and held.count > self._settings.parked_per_entity
        if not retryable(error) or attempts >= self._settings.retry_attempts or crowded:
            return Ending(one.entry, "dead", error.reason, detail_of(error))
        delay = backoff_seconds(attempts, base=self._settings.retry_base_seconds, cap=self._settings.retry_cap_seconds)
        return Parking(one.entry, delay, error.reason, detail_of(error))

    async def _still_held(
        self, connection: Connection, touched: set[Key], delays: Mapping[Key, float]
    ) -> dict[Key, tuple[int, float]]:
        """How much of each touched entity is held back now, and when it is due."""
        if not touched:
            return {}
        counts = await queue.parked_counts(connection, self._lane, sorted(touched))
        return {key: (counts.get(key, 0), delays.get(key, self._parked.remaining(key))) for key in touched}


def _refuse_overtaking(plan: _Plan, failures: Mapping[int, KikiError]) -> None:
    """Raise when a run was decided that stands behind a failing one of its entity."""
    failing: set[Key] = set()
    for one in plan.work:
        if one.entry.delivery_id in failures:
            failing.add(key_of(one.entry))
        elif key_of(one.entry) in failing:
            raise _DecideWithout(failures)


def _without(plan: _Plan, failures: Mapping[int, KikiError]) -> _Plan:
    failing: set[Key] = set()
    work, aside = [], []
    kept: dict[int, KikiError] = dict(plan.failed)
    for one in plan.work:
        key = key_of(one.entry)
        if key in failing:
            aside.append(one)
        elif one.entry.delivery_id in failures:
            failing.add(key)
            kept[one.entry.delivery_id] = failures[one.entry.delivery_id]
            aside.append(one)
        else:
            work.append(one)
    return _Plan(work, plan.endings, kept, [*aside, *plan.held], plan.calls)
