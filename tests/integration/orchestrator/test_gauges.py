"""What an operator is warned by: ages, counts and jobs as the database tells them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest

from kiki.kit.database import Database
from kiki.kit.telemetry import Metrics
from kiki.orchestrator.gauges import Gauges
from kiki.orchestrator.inbox.job_runs import note_failure, note_hold, note_success

_FILL = """
INSERT INTO inbox.queue (partition, lane, store_id, delivery_id, run, received_at, queued_at)
VALUES (0, 1, 1, 1, 0, now(), now() - interval '10 s');
INSERT INTO inbox.parked (store_id, delivery_id, run, partition, lane, seq, entity, received_at, queued_at, attempts,
                          reason, detail)
VALUES (1, 2, 0, 0, 1, 1, 'e', now(), now() - interval '2 h', 1, 'R', '');
INSERT INTO calls.queue (agent, lane, store_id, event_id, method, entity, subject, request, queued_at)
VALUES ('syncflow', 1, 1, 'e', 'm', 'e', 's', '', now() - interval '3 h');
INSERT INTO closing.months (store_id, month, ends_at, closes_at, due_at, state, reason)
VALUES (1, '2026-09', now() - interval '5 d', now() - interval '2 d', now(), 'held', 'WORK_WAITING'),
       (1, '2026-10', now(), now() + interval '3 d', now(), 'open', '');
"""


async def read(database: Database, disk: Path | None = None) -> Mapping[str, float]:
    metrics = Metrics()
    await Gauges(database, metrics, disk).refresh()
    lines = [line for line in metrics.render().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_nothing_is_late_where_nothing_waits(migrated_dsn: str) -> None:
    async with Database.open(migrated_dsn, application_name="test") as database:
        seen = await read(database)
    late = ("inbox_unfinished_oldest_seconds", "months_held", "months_overdue_seconds", "retention_held")
    assert [seen[f"kiki_{name}"] for name in late] == [0, 0, 0, 0]
    assert seen["kiki_backlog_readable"] == 1
    assert seen["kiki_database_size_bytes"] > 0
    assert math.isnan(seen["kiki_disk_free_ratio"])


async def test_what_is_late_is_told_with_its_age(migrated_dsn: str, tmp_path: Path) -> None:
    async with Database.open(migrated_dsn, application_name="test") as database:
        async with database.connection() as connection:
            await connection.execute(_FILL)
            await note_success(connection, "maintenance", 600)
            await note_hold(connection, "maintenance", await connection.fetchval("SELECT now()"))
            await note_failure(connection, "months_closed", 1, "NO_ROOM")
        seen = await read(database, tmp_path)
    assert 7200 <= seen["kiki_inbox_unfinished_oldest_seconds"] < 10_000
    assert 10_800 <= seen['kiki_calls_unfinished_oldest_seconds{agent="syncflow"}'] < 13_000
    assert seen["kiki_months_held"] == 1
    assert 172_800 <= seen["kiki_months_overdue_seconds"] < 180_000
    assert seen['kiki_job_interval_seconds{job="maintenance"}'] == 600
    assert seen['kiki_job_failing{job="maintenance"}'] == 0
    assert seen['kiki_job_failing{job="months_closed"}'] == 1
    assert math.isnan(seen['kiki_job_success_age_seconds{job="months_closed"}'])
    assert seen["kiki_retention_held"] == 1
    assert 0 < seen["kiki_disk_free_ratio"] < 1


async def test_figures_that_cannot_be_read_are_told_as_old(migrated_dsn: str) -> None:
    async with Database.open(migrated_dsn, application_name="test") as database:
        metrics = Metrics()
        gauges = Gauges(database, metrics)
        await gauges.refresh()
        async with database.connection() as connection:
            await connection.execute("ALTER TABLE inbox.queue RENAME TO queue_away")
        with pytest.raises(asyncpg.UndefinedTableError):
            await gauges.refresh()
    assert "kiki_backlog_readable 0.0" in metrics.render().decode()
