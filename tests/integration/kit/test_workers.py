"""Spawned workers: answers, failures, deadlines, and an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import pytest

from integration.kit.work import divide, raise_stubborn, whoami
from kiki.kit.workers import WorkerDied, Workers, WorkerTimeout


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(processes=2, niceness=1, jobs_per_process=3)
    yield pool
    pool.close()


async def test_work_is_done_elsewhere_and_processes_are_used_again_for_a_while(workers: Workers) -> None:
    processes = [await workers.run(whoami, None, timeout_seconds=30) for _ in range(4)]
    assert os.getpid() not in processes
    assert len(set(processes[:3])) == 1
    assert processes[3] != processes[0], "a process does so many jobs"


async def test_large_things_travel_both_ways(workers: Workers) -> None:
    assert await workers.run(bytes.upper, b"a" * 5_000_000, timeout_seconds=30) == b"A" * 5_000_000


async def test_no_more_work_at_once_than_processes(workers: Workers) -> None:
    processes = await asyncio.gather(*(workers.run(whoami, None, timeout_seconds=30) for _ in range(6)))
    assert len(set(processes)) <= 4


async def test_what_the_work_raises_is_raised_here(workers: Workers) -> None:
    with pytest.raises(ZeroDivisionError):
        await workers.run(divide, 0, timeout_seconds=30)
    assert await workers.run(divide, 2, timeout_seconds=30) == 0.5


async def test_an_error_that_cannot_travel_is_named(workers: Workers) -> None:
    with pytest.raises(RuntimeError, match="Stubborn"):
        await workers.run(raise_stubborn, None, timeout_seconds=30)


async def test_a_process_that_dies_is_told_and_replaced(workers: Workers) -> None:
    with pytest.raises(WorkerDied):
        await workers.run(os._exit, 3, timeout_seconds=30)
    assert await workers.run(divide, 1, timeout_seconds=30) == 1


async def test_work_that_hangs_is_ended_and_its_place_is_free_again(workers: Workers) -> None:
    for _ in range(3):
        with pytest.raises(WorkerTimeout):
            await workers.run(time.sleep, 600, timeout_seconds=0.2)
    assert await workers.run(divide, 1, timeout_seconds=30) == 1


async def test_cancelled_work_ends_its_process(workers: Workers) -> None:
    task = asyncio.create_task(workers.run(time.sleep, 600, timeout_seconds=600))
    while not multiprocessing.active_children():
        await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(20):
        while multiprocessing.active_children():
            await asyncio.sleep(0.02)


async def test_closed_while_it_works_the_work_fails_and_the_next_starts_anew(workers: Workers) -> None:
    task = asyncio.create_task(workers.run(time.sleep, 600, timeout_seconds=600))
    await asyncio.sleep(0.3)
    workers.close()
    with pytest.raises(WorkerDied):
        await task
    assert await workers.run(divide, 1, timeout_seconds=30) == 1


_PROGRAM = """
import asyncio, sys, time
from kiki.kit.workers import Workers

async def main(ending):
    workers = Workers(processes=3, niceness=1)
    tasks = [asyncio.create_task(workers.run(time.sleep, 600, timeout_seconds=600)) for _ in range(5)]
    await asyncio.sleep(float(sys.argv[2]))
    print("working", flush=True)
    if ending == "killed":
        await asyncio.sleep(600)
    if ending == "closed":
        workers.close()

if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("busy_seconds", ["0.01", "0.2", "1.5"])
@pytest.mark.parametrize("ending", ["closed", "left open", "killed"])
def test_a_program_that_ends_while_they_work_hangs_on_nothing_and_leaves_nothing(
    ending: str, busy_seconds: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = tmp_path_factory.mktemp("program") / "program.py"
    program.write_text(_PROGRAM)
    with subprocess.Popen(
        [sys.executable, program, ending, busy_seconds], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        if ending == "killed":
            process.send_signal(signal.SIGKILL)
        _, said = process.communicate(timeout=60)  # Ends when every process that holds the pipe has ended.
    assert "leaked" not in said
    assert "Traceback" not in said or ending == "killed", said
