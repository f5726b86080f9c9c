"""A job whose dependency is away is tried again, with a warning; given up, it is an error and stays failed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from integration.portal.running import KEYRING
from kiki.commerce.stores import NewStore, StoreRepository
from kiki.kit.database import Database
from kiki.kit.errors import InvalidInput, Unavailable
from kiki.kit.sealing import Sealer
from kiki.portal.jobs import runner
from kiki.portal.jobs.repository import Job, get_job
from kiki.portal.jobs.runner import JobRunner, Progress

RETRY_SECONDS = 0.001


async def _ended(dsn: str, failures: list[Exception]) -> tuple[Job, list[tuple[Any, ...]]]:
    """How a job ends that fails like this at its first attempts, and what was logged about it."""

    async def work(_job: Job, _progress: Progress) -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    async with Database.open(dsn, application_name="test", max_size=4) as database:
        new = NewStore("woocommerce", "example.com", "Example", "EUR", "UTC", "secret")
        async with database.transaction() as connection:
            store, _ = await StoreRepository(Sealer(KEYRING)).add(connection, new)
        jobs = JobRunner(database, {"test": work})
        with capture_logs() as logs:
            task = asyncio.create_task(jobs.run())
            job = await jobs.add(store_id=store.store_id, kind="test", parameters={}, requested_by="test")
            async with asyncio.timeout(30):
                while job.status not in ("succeeded", "failed"):
                    await asyncio.sleep(0.02)
                    async with database.connection() as connection:
                        job = await get_job(connection, job.job_id)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return job, [(line["log_level"], line["event"], line.get("reason"), line.get("retry_seconds")) for line in logs]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_RETRY_SECONDS", RETRY_SECONDS)
    monkeypatch.setattr(runner, "_POLL_SECONDS", 0.02)


async def test_a_dependency_that_is_briefly_away_is_a_warning(portal_dsn: str) -> None:
    job, logs = await _ended(portal_dsn, [Unavailable("the shop is away", reason="SHOP_AWAY") for _ in range(2)])
    assert job.status == "succeeded"
    assert logs == [("warning", "job_interrupted", "SHOP_AWAY", RETRY_SECONDS * attempt) for attempt in (1, 2)]


async def test_a_job_that_is_given_up_is_an_error(portal_dsn: str) -> None:
    job, logs = await _ended(portal_dsn, [Unavailable("the shop is away", reason="SHOP_AWAY") for _ in range(99)])
    assert (job.status, job.reason) == ("failed", "SHOP_AWAY")
    assert logs[-1] == ("error", "job_failed", "SHOP_AWAY", None)
    assert {line[:3] for line in logs[:-1]} == {("warning", "job_interrupted", "SHOP_AWAY")}


async def test_what_trying_again_cannot_help_is_given_up_at_once(portal_dsn: str) -> None:
    job, logs = await _ended(portal_dsn, [InvalidInput("no credentials", reason="NO_CREDENTIALS")])
    assert (job.status, job.attempts) == ("failed", 1)
    assert logs == [("error", "job_failed", "NO_CREDENTIALS", None)]
