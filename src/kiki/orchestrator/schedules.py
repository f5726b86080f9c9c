"""Periodic jobs: each runs on one worker at a time, under a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg

from kiki.kit.clock import monotonic
from kiki.kit.database import Connection, Database
from kiki.kit.errors import RETRYABLE, KikiError
from kiki.kit.logging import get_logger
from kiki.orchestrator.inbox.failures import LeaseLost, database_away
from kiki.orchestrator.inbox.job_runs import hold_back, note_failure, note_success
from kiki.orchestrator.inbox.leases import Leases, Place

_NOTED_EVERY_SECONDS = 60.0
"""How often a job that keeps succeeding says so in the database."""
_HELD_LOOK_SECONDS = 60.0
"""How often a job that is held back looks whether it still is."""
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is due every so often.

    `run` locks the lease in each transaction that it commits (`await guard.lock(connection)`). It runs at least
    once per interval while a worker lives, and may run again after a crash. What is `irrevocable` waits for a day after
    the database's clock made a jump of more than a day, or nobody ran it for as long (`held_until`).
    """

    name: str
    every_seconds: float
    run: Callable[[Guard], Awaitable[None]]
    irrevocable: bool = False


class Guard:
    """Transactions that commit only while the lease is held."""

    def __init__(self, database: Database, leases: Leases, place: Place, token: int) -> None:
        self.database = database
        self._leases = leases
        self._place = place
        self._token = token

    async def lock(self, connection: Connection) -> None:
        """Lock the lease until the transaction ends. Raises `LeaseLost` when another worker has it."""
        await self._leases.lock(connection, {self._place: self._token})


def job_places(jobs: Sequence[Job]) -> list[Place]:
    """What the jobs lease."""
    return [Place(f"job.{job.name}", 0, 0) for job in jobs]


class Schedule:
    """Runs one job for as long as this worker holds its lease."""

    def __init__(self, job: Job, *, database: Database, leases: Leases) -> None:
        self._job = job
        self._place = Place(f"job.{job.name}", 0, 0)
        self._database = database
        self._leases = leases
        self.last_success_at: float | None = None
        self._noted: tuple[str, float] | None = None

    async def run(self) -> None:
        """Until cancelled; a run that fails is repeated at the next turn."""
        while True:
            token = self._leases.usable(self._place.queue).get(self._place)
            if token is None:
                await asyncio.sleep(min(1.0, self._job.every_seconds))
                continue
            try:
                if self._job.irrevocable and await self._is_held():
                    await asyncio.sleep(max(self._job.every_seconds, _HELD_LOOK_SECONDS))
                    continue
                with self._leases.using([self._place]):
                    await self._job.run(Guard(self._database, self._leases, self._place, token))
                self.last_success_at = monotonic()
                await self._note("")
            except LeaseLost:
                _log.info("job_lease_lost", job=self._job.name)
            except RETRYABLE as error:
                if not database_away(error):
                    _log.warning(
                        "job_postponed",
                        job=self._job.name,
                        reason=error.reason,
                        retry_seconds=self._job.every_seconds,
                    )
                    await self._note(error.reason)
            except Exception as error:  # noqa: BLE001  A job attempt: it is due again at the next turn.
                if not database_away(error):
                    _log.error("job_failed", job=self._job.name, error=type(error).__name__)
                    await self._note(error.reason if isinstance(error, KikiError) else type(error).__name__)
            await asyncio.sleep(self._job.every_seconds)

    async def _is_held(self) -> bool:
        async with self._database.transaction() as connection:
            until = await hold_back(connection, self._job.name)
        if until is not None:
            _log.warning("job_held", job=self._job.name, until=until.isoformat(), reason="the clock made a jump")
        return until is not None

    async def _note(self, problem: str) -> None:
        """Keep how the job stands where an operator's metrics look: at every change, and once a minute."""
        now = monotonic()
        if self._noted and self._noted[0] == problem and now - self._noted[1] < _NOTED_EVERY_SECONDS:
            return
        try:
            async with self._database.connection() as connection:
                if problem:
                    await note_failure(connection, self._job.name, self._job.every_seconds, problem)
                else:
                    await note_success(connection, self._job.name, self._job.every_seconds)
        except (KikiError, asyncpg.PostgresError, TimeoutError) as error:
            if not database_away(error):
                _log.warning("job_not_noted", job=self._job.name, error=type(error).__name__)
            return
        self._noted = (problem, now)
