"""A scheduled job that cannot be done now is told quietly; one that fails is told loudly. Both are due again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from kiki.kit.errors import InvalidInput, ResourceExhausted, Unavailable
from kiki.orchestrator.inbox.leases import Place
from kiki.orchestrator.schedules import Guard, Job, Schedule

EVERY = 0.001


class _Leases:
    """This worker holds every lease."""

    def usable(self, queue: str) -> dict[Place, int]:
        return {Place(queue, 0, 0): 1}

    @contextmanager
    def using(self, places: list[Place]) -> Iterator[None]:
        yield


class _Database:
    """Records what is noted: the problem of a failure, empty for a success."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[_Database]:
        yield self

    async def execute(self, _statement: str, _job: str, _every_seconds: float, problem: str = "") -> None:
        self.noted.append(problem)


async def _logged(failures: list[Exception], database: _Database | None = None) -> tuple[list[Any], float | None]:
    """What is logged by a job that fails like this at its first turns and then succeeds."""
    done = asyncio.Event()

    async def run(_guard: Guard) -> None:
        if failures:
            raise failures.pop(0)
        done.set()

    noting = cast("Any", database or _Database())
    schedule = Schedule(Job("nightly", EVERY, run), database=noting, leases=cast("Any", _Leases()))
    with capture_logs() as logs:
        task = asyncio.create_task(schedule.run())
        async with asyncio.timeout(10):
            await done.wait()
            while schedule.last_success_at is None or noting.noted[-1:] != [""]:
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    told = [
        (line["log_level"], line["event"], line.get("reason", line.get("error")), line.get("retry_seconds"))
        for line in logs
    ]
    return told, schedule.last_success_at


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        pytest.param(Unavailable("x", reason="AGENT_AWAY"), ("warning", "job_postponed", "AGENT_AWAY"), id="away"),
        pytest.param(ResourceExhausted("x"), ("warning", "job_postponed", "RESOURCE_EXHAUSTED"), id="too fast"),
        pytest.param(InvalidInput("x"), ("error", "job_failed", "InvalidInput"), id="refused"),
        pytest.param(RuntimeError("x"), ("error", "job_failed", "RuntimeError"), id="broken"),
    ],
)
async def test_what_may_succeed_later_is_a_warning_and_a_fault_an_error(failure: Exception, line: tuple[str]) -> None:
    logs, succeeded_at = await _logged([failure])
    assert logs == [(*line, EVERY if line[0] == "warning" else None)]
    assert succeeded_at is not None


async def test_a_database_that_is_away_is_told_by_who_needs_it() -> None:
    logs, _ = await _logged([Unavailable("x", reason="DATABASE_UNAVAILABLE")])
    assert logs == []


async def test_how_a_job_stands_is_noted_when_it_changes_and_not_at_every_turn() -> None:
    database = _Database()
    full = ResourceExhausted("x")
    await _logged([full, full, full, RuntimeError("x")], database)
    await asyncio.sleep(0)
    assert database.noted == ["RESOURCE_EXHAUSTED", "RuntimeError", ""]
