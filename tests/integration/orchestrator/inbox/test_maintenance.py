"""Partitions and retention over months: a worker that was off, clocks that jump, steps that fail."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence

import asyncpg
import pytest
from structlog.testing import capture_logs

from integration.orchestrator.rig import FAST, Rig, delivery
from kiki.kit.database import Database
from kiki.orchestrator.inbox.job_runs import find_run, note_failure, note_success
from kiki.orchestrator.inbox.maintenance import maintain

DAY = dt.timedelta(days=1)
NOW = dt.datetime.now(dt.UTC)
_PARTITIONS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'inbox.deliveries'::regclass ORDER BY c.relname
"""


async def partitions(rig: Rig) -> list[str]:
    return [row[0] for row in await rig.rows(_PARTITIONS)]


def named(days: Sequence[dt.datetime]) -> list[str]:
    return [f"deliveries_{day:%Y%m%d}" for day in days]


async def succeeded(rig: Rig, at: dt.datetime) -> None:
    """As if the last maintenance was then."""
    async with rig.database.connection() as connection:
        await note_success(connection, "maintenance", 600)
        await connection.execute("UPDATE inbox.job_runs SET succeeded_at = $1", at)


async def settle_all(rig: Rig) -> None:
    async with rig.database.connection() as connection:
        await connection.execute("DELETE FROM inbox.queue")


async def test_what_strayed_while_the_worker_was_off_moves_to_the_partitions_of_its_days(rig: Rig) -> None:
    later = NOW + 20 * DAY
    await rig.store([delivery(1, n, received_at=NOW + n * DAY) for n in (1, 9, 10, 15)])
    assert await rig.value("SELECT count(*) FROM inbox.deliveries_default") == 3
    await maintain(rig.database, FAST, later)
    assert await rig.value("SELECT count(*) FROM inbox.deliveries_default") == 0
    assert await rig.value("SELECT count(*) FROM inbox.deliveries") == 4
    made = set(await partitions(rig))
    assert made >= set(named([NOW + 9 * DAY, NOW + 15 * DAY, *(later + n * DAY for n in range(8))]))


async def test_moving_what_strayed_may_take_longer_than_other_statements(rig: Rig) -> None:
    await rig.store([delivery(1, 1, received_at=NOW + 30 * DAY)])
    slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.6); RETURN OLD; END'"
    async with rig.database.connection() as connection:
        await connection.execute(slow)
        await connection.execute(
            "CREATE TRIGGER slow BEFORE DELETE ON inbox.deliveries_default FOR EACH ROW EXECUTE FUNCTION slow()"
        )
    async with Database.open(rig.dsn, application_name="hasty", statement_timeout_ms=200) as hasty:
        await maintain(hasty, FAST, NOW + 30 * DAY)
    assert await rig.value("SELECT count(*) FROM inbox.deliveries_default") == 0


async def test_expired_days_go_and_what_still_waits_stays(rig: Rig) -> None:
    await rig.store([delivery(1, 1, received_at=NOW), delivery(2, 2, received_at=NOW + DAY)])
    await rig.value("DELETE FROM inbox.queue WHERE store_id = 1 RETURNING 1")
    await maintain(rig.database, FAST, NOW + 40 * DAY)
    left = await partitions(rig)
    assert named([NOW])[0] not in left
    assert named([NOW + DAY])[0] in left
    await settle_all(rig)
    await maintain(rig.database, FAST, NOW + 40 * DAY)
    assert named([NOW + DAY])[0] not in await partitions(rig)


async def test_a_clock_that_jumps_a_year_ahead_and_back_costs_nothing(rig: Rig) -> None:
    await rig.store([delivery(1, n, received_at=NOW) for n in range(3)])
    await settle_all(rig)
    await succeeded(rig, NOW)
    with capture_logs() as logs:
        await maintain(rig.database, FAST, NOW + 365 * DAY)
    assert "retention_held" in [line["event"] for line in logs]
    assert await rig.value("SELECT count(*) FROM inbox.deliveries") == 3
    assert await rig.value("SELECT count(*) FROM inbox.delivery_keys") == 3
    await succeeded(rig, NOW + 365 * DAY)
    await maintain(rig.database, FAST, NOW)
    assert await rig.value("SELECT held_until FROM inbox.job_runs") is None
    assert await rig.value("SELECT count(*) FROM inbox.deliveries") == 3


async def test_a_machine_that_was_off_for_months_forgets_a_day_later(rig: Rig) -> None:
    await rig.store([delivery(1, n, received_at=NOW) for n in range(3)])
    await settle_all(rig)
    await succeeded(rig, NOW)
    await maintain(rig.database, FAST, NOW + 100 * DAY)
    assert await rig.value("SELECT count(*) FROM inbox.delivery_keys") == 3
    for hours in (8, 16, 23):
        await succeeded(rig, NOW + 100 * DAY + dt.timedelta(hours=hours - 8))
        await maintain(rig.database, FAST, NOW + 100 * DAY + dt.timedelta(hours=hours))
        assert await rig.value("SELECT count(*) FROM inbox.delivery_keys") == 3
    await succeeded(rig, NOW + 100 * DAY + dt.timedelta(hours=23))
    await maintain(rig.database, FAST, NOW + 101 * DAY)
    assert await rig.value("SELECT count(*) FROM inbox.delivery_keys") == 0
    assert await rig.value("SELECT held_until FROM inbox.job_runs") is None


@pytest.mark.slow
async def test_a_step_that_fails_holds_up_none_of_the_others(rig: Rig) -> None:
    await rig.store([delivery(1, 1, received_at=NOW)])
    await settle_all(rig)
    async with rig.database.transaction() as connection:
        await connection.execute("LOCK TABLE inbox.deliveries_default IN ACCESS SHARE MODE")  # A long backup reads it.
        with pytest.raises(asyncpg.LockNotAvailableError):
            await maintain(rig.database, FAST, NOW + 100 * DAY)
    assert await rig.value("SELECT count(*) FROM inbox.delivery_keys") == 0
    assert await rig.value("SELECT to_regclass($1) IS NOT NULL", f"inbox.outcomes_{NOW + 100 * DAY:%Y%m%d}")


async def test_requests_for_replays_and_refused_calls_are_forgotten_when_they_are_old(rig: Rig) -> None:
    for age in (31, 33):
        await rig.value("INSERT INTO inbox.replays VALUES (1, $1, 1, $2, 'x') RETURNING 1", age, NOW - age * DAY)
    for age in (399, 401):
        await rig.value(
            "INSERT INTO calls.dead VALUES (1, $1, 'syncvalue', 1, 'x', 'm', 'e', 's', '', $2, $2, 1, 'R', '')"
            " RETURNING 1",
            age,
            NOW - age * DAY,
        )
    await maintain(rig.database, FAST, NOW)
    assert await rig.rows("SELECT delivery_id FROM inbox.replays") == [(31,)]
    assert await rig.rows("SELECT call_id FROM calls.dead") == [(399,)]


async def test_a_job_says_when_it_succeeded_and_why_it_failed(rig: Rig) -> None:
    async with rig.database.connection() as connection:
        await note_failure(connection, "maintenance", 600, "NO_ROOM")
        first = await find_run(connection, "maintenance")
        await note_success(connection, "maintenance", 600)
        run = await find_run(connection, "maintenance")
    assert first is not None
    assert (first.problem, first.succeeded_at, first.age_seconds) == ("NO_ROOM", None, None)
    assert run is not None
    assert (run.problem, run.failed_at, run.every_seconds) == ("", first.failed_at, 600)
    assert run.age_seconds is not None


async def test_a_worker_tells_of_its_jobs(rig: Rig) -> None:
    async with rig.worker(), asyncio.timeout(10):
        while await rig.value("SELECT count(*) FROM inbox.job_runs WHERE succeeded_at IS NOT NULL") == 0:
            await asyncio.sleep(0.01)
    assert await rig.rows("SELECT job, problem FROM inbox.job_runs") == [("maintenance", "")]
