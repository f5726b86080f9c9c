"""Forecasts in a process of their own: started when needed, low in priority, ended when idle."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from kiki.kit.workers import Workers

if TYPE_CHECKING:
    from kiki.council.syncvalue.seasonal.outlook import Outlook, Promotion

_TIMEOUT_SECONDS = 8.0
_IDLE_SECONDS = 60.0
_NICENESS = 10


class Asked(NamedTuple):
    """A forecast asked for: daily revenue from `start` on, promotions, and how many months ahead."""

    start: dt.date
    revenue: Sequence[int]
    promotions: Sequence[Promotion]
    months: int


class OutlookWorker:
    """Computes outlooks, one at a time; others wait for their turn."""

    def __init__(self) -> None:
        self._workers = Workers(processes=1, niceness=_NICENESS)
        self._running = 0
        self._idle: asyncio.TimerHandle | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[OutlookWorker]:
        """A worker whose process ends with the block."""
        worker = cls()
        try:
            yield worker
        finally:
            worker.close()

    async def outlook(self, asked: Asked) -> Outlook:
        """`model.outlook`; raises what it raises, `WorkerTimeout` eight seconds after its turn came, `WorkerDied`."""
        self._running += 1
        try:
            return await self._workers.run(_outlook, asked, timeout_seconds=_TIMEOUT_SECONDS)
        finally:
            self._running -= 1
            self._end_later()

    def close(self) -> None:
        """End the process, at once."""
        if self._idle is not None:
            self._idle.cancel()
        self._workers.close()

    def _end_later(self) -> None:
        """Give the memory back when nothing was asked for a while."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if not self._running:
            self._workers.close()


def _outlook(asked: Asked) -> Outlook:
    """Runs in the process."""
    # Before numpy is loaded: on small matrices threads only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import numpy as np

    from kiki.council.syncvalue.seasonal.model import outlook
    from kiki.council.syncvalue.seasonal.series import Daily

    series = Daily(asked.start, np.array(asked.revenue, dtype=np.float64))
    return outlook(series, asked.promotions, months=asked.months)
