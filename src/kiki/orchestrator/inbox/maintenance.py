"""Partitions ahead of time and retention; runs on one worker at a time."""

from __future__ import annotations

import datetime as dt

from kiki.kit.database import Connection, Database
from kiki.kit.logging import get_logger
from kiki.orchestrator.settings import OrchestratorSettings

_log = get_logger(__name__)

PARTITIONED = ("deliveries", "outcomes")
DAYS_AHEAD = 7
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
_FORGET = {
    "delivery_keys": "WITH old AS (SELECT ctid FROM inbox.delivery_keys WHERE received_at < $1 LIMIT $2)"
    " DELETE FROM inbox.delivery_keys WHERE ctid = ANY(ARRAY(SELECT ctid FROM old))",
    "dead_letters": "WITH old AS (SELECT ctid FROM inbox.dead_letters WHERE received_at < $1 LIMIT $2)"
    " DELETE FROM inbox.dead_letters WHERE ctid = ANY(ARRAY(SELECT ctid FROM old))",
    "history": "WITH old AS (SELECT ctid FROM calls.history WHERE answered_at < $1 LIMIT $2)"
    " DELETE FROM calls.history WHERE ctid = ANY(ARRAY(SELECT ctid FROM old))",
    "log": "WITH old AS (SELECT ctid FROM events.log WHERE occurred_at < $1 LIMIT $2)"
    " DELETE FROM events.log WHERE ctid = ANY(ARRAY(SELECT ctid FROM old))",
}


async def maintain(database: Database, settings: OrchestratorSettings, now: dt.datetime) -> None:
    """Make the coming days' partitions, drop expired ones, forget expired rows."""
    today = now.astimezone(dt.UTC).date()
    for table in PARTITIONED:
        await make_partitions(database, table, [today + dt.timedelta(days=n) for n in range(DAYS_AHEAD + 1)])
        await _drop_expired(database, table, today - dt.timedelta(days=settings.delivery_days))
    for name, days in (
        ("delivery_keys", settings.key_days),
        ("dead_letters", settings.delivery_days),
        ("history", settings.history_days),
        ("log", settings.event_days),
    ):
        await _forget(database, name, now - dt.timedelta(days=days))


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
    await connection.execute("SET LOCAL lock_timeout = '3s'")
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
    )
    await connection.execute(
        f"ALTER TABLE inbox.{table} ATTACH PARTITION inbox.{name}"
        f" FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
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


async def _forget(database: Database, name: str, before: dt.datetime) -> None:
    while True:
        async with database.connection() as connection:
            status = await connection.execute(_FORGET[name], before, _DELETED_AT_ONCE)
        if int(status.rpartition(" ")[2]) < _DELETED_AT_ONCE:
            return


async def _existing(connection: Connection, table: str) -> set[str]:
    return {row[0] for row in await connection.fetch(_EXISTING, table)}


def _bounds(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    return start, start + dt.timedelta(days=1)
