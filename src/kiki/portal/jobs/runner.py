"""Takes jobs one after another, under a lease, and settles each: succeeded, failed with a reason, or given back.

What reads shops waits for others most of the time: some such jobs go on beside each other, of different stores, and
hold nothing else up. This is the one layer of retries: an attempt that got on does not count, one that did not is
repeated a few times.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from kiki.kit.database import Connection, Database
from kiki.kit.errors import RETRYABLE, Conflict, KikiError
from kiki.kit.logging import get_logger
from kiki.portal.jobs import repository
from kiki.portal.jobs.repository import LEASE_SECONDS, Job

_POLL_SECONDS = 2.0
_RETRY_SECONDS = 5.0
_MAX_RETRIES = 5
_READ_AT_ONCE = 3
_log = get_logger(__name__)


class LeaseLost(Conflict):
    """Another portal took the job over; this one stops."""

    reason = "JOB_LEASE_LOST"


class NotYet(Exception):
    """The job waits for something: it is given back and taken again after `seconds`, and others go on meanwhile."""

    def __init__(self, message: str, *, reason: str, seconds: float) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.seconds = seconds


@dataclass(slots=True)
class Progress:
    """What a job's work reports to. Every step is one transaction: its effects and the progress, or neither."""

    database: Database
    job: Job
    owner: str
    done: int
    total: int | None
    cursor: str
    result: dict[str, Any] = field(default_factory=dict)
    moved: bool = False
    """Whether a step was written in this attempt."""

    @asynccontextmanager
    async def step(self) -> AsyncIterator[Connection]:
        """A transaction; at its end the fields above are written. Raises `LeaseLost` and writes nothing."""
        async with self.database.transaction() as connection:
            yield connection
            held = await repository.save_progress(
                connection,
                self.job,
                self.owner,
                done=self.done,
                total=self.total,
                cursor=self.cursor,
                result=self.result,
            )
            if not held:
                raise LeaseLost("the job has another owner now")
        self.moved = True


Work = Callable[[Job, Progress], Awaitable[str]]
"""Does a job from `progress.cursor` on; answers a sentence for people. Raises a `KikiError` to fail."""


class JobRunner:
    """One job at a time per portal, and beside it some that read shops; others wait, or another portal takes them."""

    def __init__(self, database: Database, kinds: Mapping[str, Work], reading: Collection[str] = ()) -> None:
        """`reading`: the kinds that wait for shops."""
        self._database = database
        self._kinds = dict(kinds)
        self._reading = frozenset(reading)
        self._claiming = asyncio.Lock()
        self._owner = uuid.uuid4().hex
        self._wakeup = asyncio.Event()

    async def add(self, *, store_id: int, kind: str, parameters: dict[str, Any], requested_by: str) -> Job:
        """Queue a job, or answer the open one of this kind."""
        async with self._database.transaction() as connection:
            job = await repository.add_job(
                connection, store_id=store_id, kind=kind, parameters=parameters, requested_by=requested_by
            )
        self._wakeup.set()
        return job

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._go_on(self._kinds.keys() - self._reading))
            for _ in range(_READ_AT_ONCE if self._reading else 0):
                group.create_task(self._go_on(self._reading))

    async def _go_on(self, kinds: Collection[str]) -> None:
        while True:
            try:
                async with self._claiming, self._database.transaction() as connection:
                    await repository.forget_uninstalled(connection)
                    job = await repository.claim_job(connection, self._owner, kinds)
                if job is not None:
                    await self._attempt(job)
                    continue
            except KikiError as error:
                _log.warning("jobs_not_taken", reason=error.reason)
            await self._wait(_POLL_SECONDS)

    async def _attempt(self, job: Job) -> None:
        progress = Progress(
            self._database,
            job,
            self._owner,
            done=job.done,
            total=job.total,
            cursor=job.cursor,
            result=dict(job.result),
        )
        renewal = asyncio.create_task(self._renew(job))
        try:
            message = await self._kinds[job.kind](job, progress)
        except LeaseLost:
            _log.warning("job_taken_over", job_id=job.job_id)
        except NotYet as waiting:
            await self._give_back(
                job, seconds=waiting.seconds, reason=waiting.reason, message=waiting.message, counted=False
            )
        except RETRYABLE as error:
            if progress.moved or job.attempts < _MAX_RETRIES:
                pause = _RETRY_SECONDS * (1 if progress.moved else job.attempts)
                _log.warning("job_interrupted", job_id=job.job_id, reason=error.reason, retry_seconds=pause)
                await self._give_back(job, seconds=pause, reason=error.reason, message=error.message)
            else:
                await self._give_up(job, error)
        except KikiError as error:
            await self._give_up(job, error)
        except asyncio.CancelledError:
            await asyncio.shield(self._give_back(job, counted=False))
            raise
        except Exception as error:  # noqa: BLE001  # a job attempt: one job's fault must not end the others
            _log.error("job_failed", job_id=job.job_id, error=type(error).__name__, exc_info=error)
            await self._finish(job, "failed", "INTERNAL", "an internal error; the log has the details")
        else:
            await self._finish(job, "succeeded", "", message)
        finally:
            renewal.cancel()

    async def _renew(self, job: Job) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            try:
                async with self._database.connection() as connection:
                    await repository.renew_lease(connection, job, self._owner)
            except KikiError as error:
                _log.warning("job_lease_not_renewed", job_id=job.job_id, reason=error.reason)

    async def _finish(self, job: Job, status: str, reason: str, message: str) -> None:
        async with self._database.transaction() as connection:
            await repository.finish_job(connection, job, self._owner, status=status, reason=reason, message=message)

    async def _give_up(self, job: Job, error: KikiError) -> None:
        _log.error("job_failed", job_id=job.job_id, reason=error.reason, attempts=job.attempts)
        await self._finish(job, "failed", error.reason, error.message)

    async def _give_back(self, job: Job, **how: Any) -> None:
        async with self._database.transaction() as connection:
            await repository.give_back(connection, job, self._owner, **how)

    async def _wait(self, seconds: float) -> None:
        self._wakeup.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wakeup.wait()
        except TimeoutError:
            pass
