"""How jobs are taken, given back, repeated and ended."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from databases import tables_of
from kiki.commerce.stores import NewStore, StoreConnection, StoreRepository
from kiki.commerce.tables import OWNER as COMMERCE
from kiki.kit.clock import SystemClock
from kiki.kit.database import Database
from kiki.kit.errors import InvalidInput, Unavailable
from kiki.kit.http import OutboundHttp
from kiki.kit.sealing import Keyring, Sealer
from kiki.platforms.protocol import Resource, StoreApi, StoreCredentials
from kiki.platforms.registry import readers
from kiki.portal.jobs import repository, runner
from kiki.portal.jobs.repository import Job
from kiki.portal.jobs.runner import JobRunner, NotYet, Progress, Work
from kiki.portal.jobs.sync import Syncing, baseline_start, sync_work
from kiki.portal.tables import OWNER as PORTAL

CONNECTED = dt.datetime(2026, 11, 10, 8, tzinfo=dt.UTC)


jobs_dsn = tables_of(COMMERCE, PORTAL)


@pytest.fixture
async def database(jobs_dsn: str) -> AsyncIterator[Database]:
    async with Database.open(jobs_dsn, application_name="test", max_size=4) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(runner, "_RETRY_SECONDS", 0.02)


@asynccontextmanager
async def running(
    database: Database, kinds: Mapping[str, Work], reading: Sequence[str] = ()
) -> AsyncIterator[JobRunner]:
    jobs = JobRunner(database, kinds, reading)
    task = asyncio.create_task(jobs.run())
    try:
        yield jobs
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(database: Database, job: Job, *states: str) -> Job:
    for _ in range(400):
        async with database.connection() as connection:
            job = await repository.get_job(connection, job.job_id)
        if job.status in states:
            return job
        await asyncio.sleep(0.02)
    raise AssertionError(f"the job is {job.status}, wanted {states}")


async def added(jobs: JobRunner, kind: str, store_id: int = 1, **parameters: Any) -> Job:
    return await jobs.add(store_id=store_id, kind=kind, parameters=parameters, requested_by="test")


async def test_a_job_that_waits_lets_others_go_first(database: Database) -> None:
    open_door = asyncio.Event()

    async def patient(_job: Job, progress: Progress) -> str:
        if not open_door.is_set():
            raise NotYet("the door is shut", reason="WAITING", seconds=0.03)
        async with progress.step():
            progress.done = 1
        return "through"

    async def quick(_job: Job, _progress: Progress) -> str:
        return "done"

    async with running(database, {"patient": patient, "quick": quick}) as jobs:
        first = await added(jobs, "patient")
        second = await until(database, await added(jobs, "quick"), "succeeded")
        assert second.message == "done"
        await asyncio.sleep(0.6)
        waiting = await until(database, first, "queued")
        assert (waiting.reason, waiting.message) == ("WAITING", "the door is shut")
        assert waiting.attempts == 0, "waiting is no attempt"
        open_door.set()
        assert (await until(database, first, "succeeded")).message == "through"


async def test_a_shop_that_never_answers_holds_up_no_other_store_and_no_other_kind(database: Database) -> None:
    async def hanging(job: Job, _progress: Progress) -> str:
        if job.store_id == 1:
            await asyncio.sleep(60)
        return "read"

    async def quick(_job: Job, _progress: Progress) -> str:
        return "done"

    kinds = {"orders": hanging, "products": hanging, "quick": quick}
    async with running(database, kinds, ("orders", "products")) as jobs:
        await until(database, await added(jobs, "orders"), "running")
        behind = await added(jobs, "products")
        for kind, store_id in (("orders", 2), ("quick", 1), ("products", 3), ("quick", 2)):
            await until(database, await added(jobs, kind, store_id), "succeeded")
        await until(database, behind, "queued")


async def test_a_job_that_gets_on_is_repeated_as_long_as_it_does(database: Database) -> None:
    async def stumbling(_job: Job, progress: Progress) -> str:
        async with progress.step():
            progress.done += 1
            progress.result = {"steps": progress.done}
        if progress.done < 12:
            raise Unavailable("the shop is away", reason="AWAY")
        return "all twelve"

    async with running(database, {"stumbling": stumbling}) as jobs:
        job = await until(database, await added(jobs, "stumbling"), "succeeded", "failed")
    assert (job.status, job.done, job.result, job.reason) == ("succeeded", 12, {"steps": 12}, "")


async def test_a_job_that_gets_nowhere_ends(database: Database) -> None:
    tried = 0

    async def stuck(_job: Job, _progress: Progress) -> str:
        nonlocal tried
        tried += 1
        raise Unavailable("the shop is away", reason="AWAY")

    async with running(database, {"stuck": stuck}) as jobs:
        job = await until(database, await added(jobs, "stuck"), "failed")
    assert (job.reason, tried) == ("AWAY", 5)


async def test_a_step_that_fails_leaves_the_place_as_it_was(database: Database) -> None:
    async def broken(_job: Job, progress: Progress) -> str:
        async with progress.step():
            progress.cursor = "somewhere"
            raise InvalidInput("no", reason="NO")
        raise AssertionError

    async with running(database, {"broken": broken}) as jobs:
        job = await until(database, await added(jobs, "broken"), "failed")
    assert (job.cursor, job.reason) == ("", "NO")


async def test_a_runner_that_stops_gives_its_job_back(database: Database) -> None:
    async def endless(_job: Job, _progress: Progress) -> str:
        await asyncio.sleep(60)
        return "never"

    async def quick(_job: Job, _progress: Progress) -> str:
        return "taken over"

    async with running(database, {"work": endless}) as jobs:
        job = await until(database, await added(jobs, "work"), "running")
    async with running(database, {"work": quick}):
        assert (await until(database, job, "succeeded")).message == "taken over"


async def _store(database: Database) -> StoreConnection:
    new = NewStore(
        platform="woocommerce",
        store_key="young.example",
        display_name="Young",
        currency="EUR",
        timezone="Europe/Berlin",
        webhook_secret="a secret",
        connected_at=CONNECTED,
    )
    async with database.transaction() as connection:
        store, _ = await StoreRepository(Sealer(Keyring.parse(Keyring.generate()))).add(connection, new)
    return store


async def test_the_keys_of_a_shop_that_removed_the_app_are_destroyed(database: Database) -> None:
    store, sealer = await _store(database), Sealer(Keyring.parse(Keyring.generate()))
    other = store.store_id + 1
    api = StoreApi("https://young.example", StoreCredentials(access_token="shpat_1"))
    async with database.transaction() as connection:
        for store_id in (store.store_id, other):
            await repository.put_credentials(connection, sealer, store_id, api)
        await repository.forget_uninstalled(connection)
        assert await repository.find_credentials(connection, sealer, store.store_id) == api
        await connection.execute("UPDATE commerce.store_connections SET status = 'uninstalled'")
    async with running(database, {}):
        for _ in range(200):
            async with database.connection() as connection:
                kept = await repository.find_credentials(connection, sealer, store.store_id)
            if kept is None:
                break
            await asyncio.sleep(0.02)
    async with database.connection() as connection:
        assert await repository.find_credentials(connection, sealer, store.store_id) is None
        assert await repository.find_credentials(connection, sealer, other) == api


async def test_a_shop_that_removed_the_app_is_not_read(database: Database) -> None:
    store = await _store(database)
    async with database.transaction() as connection:
        await connection.execute("UPDATE commerce.store_connections SET status = 'uninstalled'")
    async with OutboundHttp.open() as http:
        syncing = Syncing(database, Sealer(Keyring.parse(Keyring.generate())), http, SystemClock(), readers())
        async with running(database, {"sync": sync_work(Resource.PRODUCTS, syncing)}) as jobs:
            job = await until(database, await added(jobs, "sync", store.store_id), "succeeded", "failed")
    assert (job.status, job.reason) == ("failed", "STORE_UNINSTALLED")


async def _synced(database: Database, store_id: int, created_at: dt.datetime, history_from: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO portal.jobs (store_id, kind, parameters, status, requested_by, created_at, result)"
            " VALUES ($1, 'sync_orders', '{}', 'succeeded', 'test', $2, $3)",
            store_id,
            created_at,
            {"history_from": history_from},
        )


async def test_the_history_reaches_as_far_as_the_longest_sync_since_the_connection(database: Database) -> None:
    store = await _store(database)
    async with database.connection() as connection:
        assert await repository.known_history(connection, store) is None
        assert await repository.known_history(connection, store, "2026-01-01T00:00:00+00:00") is not None
    after = CONNECTED + dt.timedelta(days=1)
    await _synced(database, store.store_id, CONNECTED - dt.timedelta(days=1), "2024-01-01T00:00:00+00:00")
    await _synced(database, store.store_id, after, "2025-11-01T00:00:00+00:00")
    await _synced(database, store.store_id, after, "2026-10-01T00:00:00+00:00")
    async with database.connection() as connection:
        assert await repository.known_history(connection, store) == "2025-11-01T00:00:00+00:00"
        own = await repository.known_history(connection, store, "2025-01-01T00:00:00+00:00")
    assert own == "2025-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("connected", "zone", "start"),
    [
        ("2026-11-10T08:00:00+00:00", "Europe/Berlin", "2025-10-31T23:00:00+00:00"),
        ("2026-01-01T00:00:00+00:00", "America/New_York", "2024-12-01T05:00:00+00:00"),
        ("2026-03-31T23:30:00+00:00", "Asia/Tokyo", "2025-03-31T15:00:00+00:00"),
    ],
)
def test_the_baseline_starts_with_a_month_of_the_shop(connected: str, zone: str, start: str) -> None:
    assert baseline_start(dt.datetime.fromisoformat(connected), zone) == dt.datetime.fromisoformat(start)
