"""A worker that is frozen past its lease (SIGSTOP) commits nothing when it wakes up."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from integration.orchestrator.rig import Rig, delivery

_SCRIPT = Path(__file__).with_name("frozen_worker.py")


@pytest.mark.slow
@pytest.mark.parametrize("point", ["transaction", "decoding"])
async def test_frozen_worker_commits_nothing_after_a_takeover(rig: Rig, point: str) -> None:
    await rig.store([delivery(1, 1)])
    environment = {**os.environ, "PYTHONPATH": str(_SCRIPT.parents[3])}
    frozen = await asyncio.create_subprocess_exec(
        sys.executable, str(_SCRIPT), rig.dsn, point, stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        assert frozen.stdout is not None
        while (line := await asyncio.wait_for(frozen.stdout.readline(), 20)) != b"here\n":
            assert line, "the worker ended"
        frozen.send_signal(signal.SIGSTOP)
        async with rig.worker():
            await rig.until("SELECT count(*) FROM inbox.outcomes", 1)
            frozen.send_signal(signal.SIGCONT)
            await asyncio.sleep(2.5)
            await rig.store([delivery(1, 2)])
            await rig.until("SELECT count(*) FROM inbox.outcomes", 2)
        assert await rig.rows("SELECT n FROM effects ORDER BY n") == [(1,), (2,)]
    finally:
        frozen.kill()
        await frozen.wait()
