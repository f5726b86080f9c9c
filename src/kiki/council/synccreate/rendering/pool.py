"""Rendering processes: started when needed, low in priority, ended when idle, replaced when they die or hang."""

from __future__ import annotations

from kiki.council.synccreate.rendering.job import Rendered, RenderJob
from kiki.kit.clock import monotonic
from kiki.kit.errors import DeadlineExceeded, Unavailable
from kiki.kit.workers import WorkerDied, Workers, WorkerTimeout

_JOBS_PER_PROCESS = 200


class PooledRenderer:
    """A `Renderer` over spawned processes. One creative that kills its process fails; the next gets a new one."""

    def __init__(self, *, processes: int, niceness: int, timeout_seconds: float) -> None:
        self._workers = Workers(processes=processes, niceness=niceness, jobs_per_process=_JOBS_PER_PROCESS)
        self._timeout_seconds = timeout_seconds
        self._used_at = 0.0
        self._drawing = 0

    async def render(self, job: RenderJob) -> list[Rendered]:
        """All pictures. Raises `DeadlineExceeded` or `Unavailable`; whatever drawing raises comes through."""
        self._drawing += 1
        try:
            return await self._workers.run(_draw, job, timeout_seconds=self._timeout_seconds)
        except WorkerTimeout as error:
            raise DeadlineExceeded("rendering took too long", reason="RENDER_TIMEOUT") from error
        except WorkerDied as error:
            raise Unavailable("the rendering process died", reason="RENDER_PROCESS_DIED") from error
        finally:
            self._drawing -= 1
            self._used_at = monotonic()

    def close_if_idle(self, idle_seconds: float) -> None:
        """Give the memory back when nothing was drawn for a while."""
        if not self._drawing and monotonic() - self._used_at > idle_seconds:
            self.close()

    def close(self) -> None:
        """End the processes at once; pictures are drawn again when they are wanted."""
        self._workers.close()


def _draw(job: RenderJob) -> list[Rendered]:
    # Imported here: the serving process never loads Pillow.
    from kiki.council.synccreate.rendering.draw import draw

    return draw(job)
