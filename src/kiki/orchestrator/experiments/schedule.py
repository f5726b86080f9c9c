"""What is due by itself: each month's reading of every experiment that still changes, and its log of exposures."""

from __future__ import annotations

import datetime as dt

from kiki.commerce.stores import StoreConnection, StoreRepository
from kiki.kit.clock import Clock
from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.kit.logging import get_logger
from kiki.kit.sealing import Sealer
from kiki.orchestrator.experiments import outcomes, repository, service
from kiki.orchestrator.experiments.plans import Experiment
from kiki.orchestrator.schedules import Guard, Job

_SETTLE = dt.timedelta(hours=6)
"""What came in late is waited for: a reading may be corrected only until the month is closed."""
_MAX_OPEN = 1_000
_EXPOSURES_EVERY_SECONDS = 6 * 3_600.0
"""Long before a touchpoint expires."""
_ACTOR = "schedule"
_log = get_logger(__name__)


def experiment_jobs(*, sealer: Sealer, clock: Clock) -> list[Job]:
    """The worker's jobs."""
    return [
        Job("experiment_readings", 600.0, _MonthEnd(sealer, clock).run, irrevocable=True),
        Job("experiment_exposures", _EXPOSURES_EVERY_SECONDS, _Exposures(clock).run),
    ]


class _MonthEnd:
    def __init__(self, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock
        self._stores = StoreRepository(sealer)

    async def run(self, guard: Guard) -> None:
        """Record what lacks, oldest month first."""
        now = self._clock.now()
        async with guard.database.connection() as connection:
            found = await repository.list_unfinished(connection, now, _MAX_OPEN)
        for experiment in found:
            async with guard.database.connection() as connection:
                store = await self._stores.get(connection, experiment.store_id)
            try:
                for month in service.months_over(experiment, store.timezone, now - _SETTLE):
                    await self._read(guard, experiment, store, month)
            except (FailedPrecondition, InvalidInput) as error:
                _log.warning(
                    "experiment_not_read",
                    store_id=experiment.store_id,
                    experiment_id=experiment.experiment_id,
                    reason=error.reason,
                )

    async def _read(self, guard: Guard, experiment: Experiment, store: StoreConnection, month: str) -> None:
        _, end = service.month_span(month, store.timezone)
        async with guard.database.transaction() as connection:
            known = await repository.find_latest_reading(connection, experiment, month)
            if known is not None and known.as_of >= end:
                return
            found = await service.find_outcomes(connection, experiment, store, end)
        reading = await service.compute(experiment, found, end, store.settled_in)
        async with guard.database.transaction() as connection:
            await guard.lock(connection)
            await service.record(
                connection, self._sealer, experiment, reading, month=month, actor=_ACTOR, now=self._clock.now()
            )


class _Exposures:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def run(self, guard: Guard) -> None:
        """Append what is new, an experiment at a time."""
        now = self._clock.now()
        async with guard.database.connection() as connection:
            found = await repository.list_unfinished(connection, now, _MAX_OPEN)
        for experiment in found:
            async with guard.database.transaction() as connection:
                await guard.lock(connection)
                added = await outcomes.record_exposures(connection, experiment, now)
            if added:
                _log.info(
                    "exposures_recorded",
                    store_id=experiment.store_id,
                    experiment_id=experiment.experiment_id,
                    exposures=added,
                )
