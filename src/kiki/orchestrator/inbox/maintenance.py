"""Partitions ahead of time, and retention; runs on one worker at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import asyncpg

from kiki.kit.database import Connection, Database
from kiki.kit.errors import KikiError
from kiki.kit.logging import get_logger
from kiki.orchestrator.inbox.job_runs import find_run, held_until, note_hold
from kiki.orchestrator.settings import OrchestratorSettings

_log = get_logger(__name__)

PARTITIONED = ("deliveries", "outcomes")
DAYS_AHEAD = 7
EXPIRING = (
    ("inbox.delivery_keys", "received_at", "key_days"),
    ("inbox.dead_letters", "received_at", "delivery_days"),
    ("inbox.replays", "requested_at", "delivery_days"),
    ("calls.history", "answered_at", "history_days"),
    ("calls.dead", "died_at", "history_days"),
    ("events.log", "occurred_at", "event_days"),
)
"""Table, the time that its rows expire by, and the setting that holds the days."""
# Runs of a delivery are counted on while it is there, and its partition goes up to a day later.
_LONGER = {"inbox.replays": dt.timedelta(days=2)}
_DELETED_AT_ONCE = 5000

_DAYS_IN_DEFAULT = "SELECT DISTINCT (received_at AT TIME ZONE 'UTC')::date FROM inbox.{table}_default"
_EXISTING = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = ('inbox.' || $1)::regclass AND c.relname ~ '_[0-9]{8}$'
"""
_IN_USE = """
SELECT EXISTS (SELECT FROM inbox.queue WHERE received_at >= $1 AND received_at < $2)
    OR EXISTS (SELECT FROM inbox.parked WHERE received_at >= $1 AND received_at < $2)
"""
_OLD_ROWS = (
    "WITH old AS (SELECT ctid FROM {table} WHERE {column} < $1 LIMIT $2)"
    " DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM old))"
)
_MOVE_SECONDS = 3600
"""Rows that strayed are moved in one go, while those who read deliveries wait; the usual limits are for their work."""
_JOB = "maintenance"
_FAILURES = (KikiError, asyncpg.PostgresError, OSError, TimeoutError)

Step = tuple[str, Callable[[], Awaitable[None]]]


async def maintain(database: Database, settings: OrchestratorSettings, now: dt.datetime) -> None:
    """Make the coming days' partitions, drop expired ones, forget expired rows.

    Each step is tried, whatever became of the others; then the first failure is raised. Nothing is dropped or forgotten
    for a day after the clock made a jump of more than a day since the last run (`held_until`).
    """
    today = now.astimezone(dt.UTC).date()
    days = [today + dt.timedelta(days=n) for n in range(DAYS_AHEAD + 1)]
    steps: list[Step] = [(f"make {table}", partial(make_partitions, database, table, days)) for table in PARTITIONED]
    held = await _hold(database, now)
    if held is None:
        steps += _retention(database, settings, now)
    else:
        _log.warning("retention_held", until=held.isoformat(), reason="the clock made a jump")
    await _each(steps)


async def _hold(database: Database, now: dt.datetime) -> dt.datetime | None:
    async with database.transaction() as connection:
        run = await find_run(connection, _JOB)
        if run is None:
            return None
        held = held_until(now, run.succeeded_at, run.held_until)
        if held != run.held_until:
            await note_hold(connection, _JOB, held)
    return held


def _retention(database: Database, settings: OrchestratorSettings, now: dt.datetime) -> list[Step]:
    """Everything of the engine's own schemas that expires."""
    kept_from = now.astimezone(dt.UTC).date() - dt.timedelta(days=settings.delivery_days)
    steps: list[Step] = [(f"drop {table}", partial(_drop_expired, database, table, kept_from)) for table in PARTITIONED]
    for table, column, setting in EXPIRING:
        age = dt.timedelta(days=getattr(settings, setting)) + _LONGER.get(table, dt.timedelta())
        statement = _OLD_ROWS.format(table=table, column=column)
        steps.append((f"forget {table}", partial(_forget, database, statement, now - age)))
    return steps


async def _each(steps: Sequence[Step]) -> None:
    failed: Exception | None = None
    for name, step in steps:
        try:
            await step()
        except _FAILURES as error:
            _log.warning("maintenance_step_failed", step=name, error=type(error).__name__)
            failed = failed or error
    if failed is not None:
        raise failed


async def make_partitions(database: Database, table: str, days: list[dt.date]) -> None:
    """The days' partitions, each in a transaction of its own; rows that waited in the default partition move over."""
    async with database.connection() as connection:
        existing = await _existing(connection, table)
        strayed = [row[0] for row in await connection.fetch(_DAYS_IN_DEFAULT.format(table=table))]
    for day in sorted({*days, *strayed}):
        if f"{table}_{day:%Y%m%d}" not in existing:
            async with database.transaction() as connection:
                await _make(connection, table, day)


async def _make(connection: Connection, table: str, day: dt.date) -> None:
    name, default = f"{table}_{day:%Y%m%d}", f"{table}_default"
    start, end = _bounds(day)
    await connection.execute(f"SET LOCAL lock_timeout = '3s'; SET LOCAL statement_timeout = '{_MOVE_SECONDS}s'")
    await connection.execute(f"LOCK TABLE inbox.{default} IN ACCESS EXCLUSIVE MODE")
    await connection.execute(f"CREATE TABLE IF NOT EXISTS inbox.{name} (LIKE inbox.{table} INCLUDING ALL)")
    if table == "deliveries":
        await connection.execute(f"ALTER TABLE inbox.{name} SET (toast_tuple_target = 8160)")
        await connection.execute(
            f"ALTER TABLE inbox.{name} ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN headers SET STORAGE MAIN"
        )
    await connection.execute(
        f"WITH strayed AS (DELETE FROM inbox.{default} WHERE received_at >= $1 AND received_at < $2 RETURNING *)"
        f" INSERT INTO inbox.{name} SELECT * FROM strayed",
        start,
        end,
        timeout=_MOVE_SECONDS,
    )
    await connection.execute(
        f"ALTER TABLE inbox.{table} ATTACH PARTITION inbox.{name}"
        f" FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')",
        timeout=_MOVE_SECONDS,
    )
    _log.info("partition_made", table=name)


async def _drop_expired(database: Database, table: str, oldest_kept: dt.date) -> None:
    async with database.connection() as connection:
        existing = await _existing(connection, table)
    for name in sorted(existing):
        day = dt.datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=dt.UTC).date()
        if day >= oldest_kept:
            return
        async with database.transaction() as connection:
            if await connection.fetchval(_IN_USE, *_bounds(day)):
                _log.warning("partition_kept_in_use", table=name)
                continue
            await connection.execute("SET LOCAL lock_timeout = '3s'")
            await connection.execute(f"DROP TABLE inbox.{name}")
        _log.info("partition_dropped", table=name)


async def _forget(database: Database, statement: str, before: dt.datetime) -> None:
    while True:
        async with database.connection() as connection:
            status = await connection.execute(statement, before, _DELETED_AT_ONCE)
        if int(status.rpartition(" ")[2]) < _DELETED_AT_ONCE:
            return


async def _existing(connection: Connection, table: str) -> set[str]:
    return {row[0] for row in await connection.fetch(_EXISTING, table)}


def _bounds(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    return start, start + dt.timedelta(days=1)
