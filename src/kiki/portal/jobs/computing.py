"""The process that computes for a job: started when there is something to compute, low in priority, ended with the job.

What it is given and what it answers can be given again: a process that ends in the middle is replaced, and its piece
of work is done once more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from kiki.kit.errors import KikiError
from kiki.kit.logging import get_logger
from kiki.kit.workers import WorkerDied, Workers, WorkerTimeout

A = TypeVar("A")
T = TypeVar("T")
SECONDS = 300.0
"""For a piece of work, unless it is given more."""
_NICENESS = 15
_TIMES = 3
_PIECES_PER_PROCESS = 500
_log = get_logger(__name__)


class ComputingEnded(KikiError):
    """The process ended, or took too long, every time that it was given the same work: trying on does not help."""

    reason = "COMPUTING_ENDED"


class Computing:
    """One process, for one job at a time."""

    def __init__(self) -> None:
        self._workers = Workers(processes=1, niceness=_NICENESS, jobs_per_process=_PIECES_PER_PROCESS)

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Computing]:
        """For the time of the block; its process ends with it, however it ends."""
        computing = cls()
        try:
            yield computing
        finally:
            computing._workers.close()

    async def run(self, work: Callable[[A], T], given: A, *, timeout_seconds: float = SECONDS) -> T:
        """`work(given)` in the process; done again when the process ended meanwhile.

        Raises what the work raises, and `ComputingEnded` after the third process. Cancelled, it ends the process.
        """
        time = 1
        while True:
            try:
                return await self._workers.run(work, given, timeout_seconds=timeout_seconds)
            except (WorkerDied, WorkerTimeout) as error:
                _log.warning("computing_process_ended", work=work.__name__, time=time, reason=error.reason)
                if time == _TIMES:
                    raise ComputingEnded(
                        f"the process that computes ended {_TIMES} times over the same work ({error.message}):"
                        " the machine may have too little memory for it",
                        data={"work": work.__name__, "last": error.reason},
                    ) from error
            time += 1
