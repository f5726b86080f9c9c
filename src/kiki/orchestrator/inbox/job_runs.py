"""When each periodic job of the workers last did its work, by the database's clock: what an operator is warned by."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from kiki.kit.database import Connection

_PROBLEM_LENGTH = 200
_GAP = dt.timedelta(days=1)
_HELD_FOR = dt.timedelta(days=1)

_SUCCEEDED = """
INSERT INTO inbox.job_runs (job, every_seconds, succeeded_at, problem) VALUES ($1, $2, clock_timestamp(), '')
ON CONFLICT (job) DO UPDATE SET every_seconds = excluded.every_seconds, succeeded_at = excluded.succeeded_at,
    problem = ''
"""
_FAILED = """
INSERT INTO inbox.job_runs (job, every_seconds, failed_at, problem) VALUES ($1, $2, clock_timestamp(), $3)
ON CONFLICT (job) DO UPDATE SET every_seconds = excluded.every_seconds, failed_at = excluded.failed_at,
    problem = excluded.problem
"""
_HOLD = """
INSERT INTO inbox.job_runs (job, every_seconds, held_until, problem) VALUES ($1, 0, $2, '')
ON CONFLICT (job) DO UPDATE SET held_until = excluded.held_until
"""
_LIST = """
SELECT job, every_seconds, succeeded_at, failed_at, problem, held_until,
       extract(epoch FROM clock_timestamp() - succeeded_at)::float8 AS age_seconds
FROM inbox.job_runs WHERE $1::text IS NULL OR job = $1 ORDER BY job
"""
_TRUST = """
UPDATE inbox.job_runs SET held_until = NULL, succeeded_at = clock_timestamp() WHERE held_until IS NOT NULL RETURNING job
"""


@dataclass(frozen=True, slots=True)
class JobRun:
    """How one job stands."""

    job: str
    every_seconds: float
    succeeded_at: dt.datetime | None
    """None: it never did."""
    failed_at: dt.datetime | None
    problem: str
    """Why the last run failed; empty when it succeeded."""
    held_until: dt.datetime | None
    """Until when nothing is forgotten, because the clock made a jump."""
    age_seconds: float | None
    """Since the last success, by the database's clock."""


async def note_success(connection: Connection, job: str, every_seconds: float) -> None:
    """The job did its work now."""
    await connection.execute(_SUCCEEDED, job, every_seconds)


async def note_failure(connection: Connection, job: str, every_seconds: float, problem: str) -> None:
    """The job failed now; `problem` is a reason or the name of an exception, nothing that holds data."""
    await connection.execute(_FAILED, job, every_seconds, problem[:_PROBLEM_LENGTH])


async def note_hold(connection: Connection, job: str, until: dt.datetime | None) -> None:
    """The job holds back what cannot be undone, or does so no more."""
    await connection.execute(_HOLD, job, until)


async def list_runs(connection: Connection) -> list[JobRun]:
    """All jobs that ever ran, by name."""
    return [JobRun(**dict(row)) for row in await connection.fetch(_LIST, None)]


async def find_run(connection: Connection, job: str) -> JobRun | None:
    """One job, if it ever ran."""
    row = await connection.fetchrow(_LIST, job)
    return None if row is None else JobRun(**dict(row))


async def hold_back(connection: Connection, job: str) -> dt.datetime | None:
    """Until when a job that cannot be undone has to wait, by the database's clock; noted where that changes."""
    run = await find_run(connection, job)
    if run is None:
        return None
    held = held_until(await connection.fetchval("SELECT clock_timestamp()"), run.succeeded_at, run.held_until)
    if held != run.held_until:
        await note_hold(connection, job, held)
    return held


async def trust_clock(connection: Connection) -> list[str]:
    """An operator says that the clock is right: what is held back goes on. The names of the jobs."""
    return sorted(row[0] for row in await connection.fetch(_TRUST))


def held_until(now: dt.datetime, succeeded_at: dt.datetime | None, held: dt.datetime | None) -> dt.datetime | None:
    """Until when nothing may be done that cannot be undone; None: now it may.

    A clock that jumps ahead makes everything look due and expired. Whether it jumped or the machine was off cannot be
    told, so what follows a gap of more than a day waits for a day, in which a wrong clock is seen and set.
    """
    jumped = succeeded_at is not None and now - succeeded_at > _GAP
    if held is None:
        return now + _HELD_FOR if jumped else None
    if jumped and succeeded_at is not None and succeeded_at >= held - _HELD_FOR:
        return now + _HELD_FOR  # Again, since this hold began.
    return held if held - _HELD_FOR <= now < held else None
