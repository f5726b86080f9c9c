"""Refits in a process of their own: started for a round, low in priority, ended after it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kiki.council.syncvalue.refit.job import FitJob, StoreFit
from kiki.kit.workers import Workers

_NICENESS = 15


class FitWorker:
    """Fits stores, one at a time."""

    def __init__(self, timeout_seconds: float) -> None:
        self._workers = Workers(processes=1, niceness=_NICENESS)
        self._timeout_seconds = timeout_seconds

    @classmethod
    @asynccontextmanager
    async def open(cls, timeout_seconds: float) -> AsyncIterator[FitWorker]:
        """A worker whose process ends with the block."""
        worker = cls(timeout_seconds)
        try:
            yield worker
        finally:
            worker.close()

    async def fit(self, job: FitJob) -> StoreFit:
        """`fitting.fit_store`; raises what it raises, `WorkerTimeout`, `WorkerDied`."""
        return await self._workers.run(_fit, job, timeout_seconds=self._timeout_seconds)

    def close(self) -> None:
        """End the process and give its memory back; the next fit starts a new one."""
        self._workers.close()


def _fit(job: FitJob) -> StoreFit:
    """Runs in the process."""
    # Before scipy is loaded: on small matrices threads only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from kiki.council.syncvalue.refit.fitting import fit_store

    return fit_store(job)
