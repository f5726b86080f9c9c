"""What cannot be undone waits when time has made a jump."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import pytest

from integration.orchestrator.rig import Rig
from kiki.orchestrator import schedules
from kiki.orchestrator.inbox.job_runs import note_success, trust_clock
from kiki.orchestrator.inbox.leases import Place
from kiki.orchestrator.schedules import Guard, Job, Schedule


class _Leases:
    """This worker holds every lease."""

    def usable(self, queue: str) -> dict[Place, int]:
        return {Place(queue, 0, 0): 1}

    @contextmanager
    def using(self, places: list[Place]) -> Iterator[None]:
        yield


@asynccontextmanager
async def scheduled(rig: Rig, name: str, *, irrevocable: bool = True) -> AsyncIterator[list[None]]:
    """A job that runs every few milliseconds, and its runs so far."""
    runs: list[None] = []

    async def run(_guard: Guard) -> None:
        runs.append(None)

    job = Job(name, 0.005, run, irrevocable=irrevocable)
    task = asyncio.create_task(Schedule(job, database=rig.database, leases=cast("Any", _Leases())).run())
    try:
        async with asyncio.timeout(20):
            yield runs
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "_HELD_LOOK_SECONDS", 0.005)


async def _succeeded(rig: Rig, name: str, ago: dt.timedelta) -> None:
    async with rig.database.connection() as connection:
        await note_success(connection, name, 1)
        await connection.execute("UPDATE inbox.job_runs SET succeeded_at = now() - $1::interval", ago)


async def _held(rig: Rig) -> bool:
    return bool(await rig.value("SELECT count(*) FROM inbox.job_runs WHERE held_until > now() + interval '23 h'"))


async def test_what_cannot_be_undone_waits_until_somebody_says_that_the_clock_is_right(rig: Rig) -> None:
    await _succeeded(rig, "months_closed", dt.timedelta(days=40))
    async with scheduled(rig, "months_closed") as runs:
        while not await _held(rig):
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert not runs
        async with rig.database.connection() as connection:
            assert await trust_clock(connection) == ["months_closed"]
            assert await trust_clock(connection) == []
        while not runs:
            await asyncio.sleep(0.005)


async def test_it_goes_on_when_the_clock_is_set_back(rig: Rig) -> None:
    await _succeeded(rig, "months_closed", dt.timedelta(days=-40))
    await rig.value("UPDATE inbox.job_runs SET held_until = now() + interval '41 days' RETURNING 1")
    async with scheduled(rig, "months_closed") as runs:
        while not runs:
            await asyncio.sleep(0.005)
    assert await rig.value("SELECT held_until FROM inbox.job_runs") is None


@pytest.mark.parametrize(
    ("ago", "irrevocable"),
    [
        pytest.param(None, True, id="the first run of all"),
        pytest.param(dt.timedelta(hours=20), True, id="off for a night"),
        pytest.param(dt.timedelta(days=40), False, id="what can run twice without harm"),
    ],
)
async def test_everything_else_runs_at_once(rig: Rig, ago: dt.timedelta | None, irrevocable: bool) -> None:
    if ago is not None:
        await _succeeded(rig, "job", ago)
    async with scheduled(rig, "job", irrevocable=irrevocable) as runs:
        while len(runs) < 2:
            await asyncio.sleep(0.005)
    assert not await _held(rig)
