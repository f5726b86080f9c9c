"""Rendering processes: started when needed, low in priority, ended when idle, replaced when they die or hang."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from kiki.council.synccreate.rendering.job import Rendered, RenderJob
from kiki.kit.clock import monotonic
from kiki.kit.errors import DeadlineExceeded, Unavailable

_JOBS_PER_PROCESS = 200


class PooledRenderer:
    """A `Renderer` over spawned processes. One creative that kills its process fails; the next gets a new one."""

    def __init__(self, *, processes: int, niceness: int, timeout_seconds: float) -> None:
        self._processes = processes
        self._niceness = niceness
        self._timeout_seconds = timeout_seconds
        self._pool: ProcessPoolExecutor | None = None
        self._used_at = 0.0

    async def render(self, job: RenderJob) -> list[Rendered]:
        """All pictures. Raises `DeadlineExceeded` or `Unavailable`; whatever drawing raises comes through."""
        self._used_at = monotonic()
        work = asyncio.get_running_loop().run_in_executor(self._started(), _draw, job)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await work
        except TimeoutError as error:
            self.close()
            raise DeadlineExceeded("rendering took too long", reason="RENDER_TIMEOUT") from error
        except BrokenProcessPool as error:
            self.close()
            raise Unavailable("the rendering process died", reason="RENDER_PROCESS_DIED") from error
        finally:
            self._used_at = monotonic()

    def close_if_idle(self, idle_seconds: float) -> None:
        """Give the memory back when nothing was drawn for a while."""
        if self._pool is not None and monotonic() - self._used_at > idle_seconds:
            self.close()

    def close(self) -> None:
        """End the processes at once; pictures are drawn again when they are wanted."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        # The executor has no public way to end a process that hangs (before Python 3.14).
        running = list((pool._processes or {}).values())  # noqa: SLF001
        pool.shutdown(wait=False, cancel_futures=True)
        for process in running:
            process.kill()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=self._processes,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_prepare,
                initargs=(self._niceness, os.getpid()),
                max_tasks_per_child=_JOBS_PER_PROCESS,
            )
        return self._pool


def _prepare(niceness: int, parent: int) -> None:
    """In the new process: step back, leave signals to the parent, and end with it."""
    os.nice(niceness)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _draw(job: RenderJob) -> list[Rendered]:
    # Imported here: the serving process never loads Pillow.
    from kiki.council.synccreate.rendering.draw import draw

    return draw(job)
