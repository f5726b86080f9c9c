"""An agent as `runtime` starts it: its gRPC server, and the work that goes on beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from kiki.kit.component import Readiness
from kiki.kit.grpc.server import RpcServer

_GRACE_SECONDS = 4.0

Work = Callable[[], Coroutine[Any, Any, None]]


class RpcComponent:
    """Serves and works until cancelled, or until its work fails. Work is such that whoever runs next takes it up."""

    def __init__(self, name: str, server: RpcServer, *work: Work, grace_seconds: float = _GRACE_SECONDS) -> None:
        self.name = name
        self._server = server
        self._work = work
        self._grace_seconds = grace_seconds
        self._port: int | None = None

    @property
    def port(self) -> int:
        """The bound port; known once the component is ready."""
        if self._port is None:
            raise RuntimeError(f"{self.name} is not listening yet")
        return self._port

    async def run(self) -> None:
        """Ends within the grace when cancelled."""
        self._port = await self._server.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                for each in self._work:
                    tasks.create_task(each())
                await asyncio.Event().wait()
        finally:
            self._port = None
            await asyncio.shield(self._server.stop(self._grace_seconds))

    def ready(self) -> Readiness:
        return Readiness(ok=True) if self._port is not None else Readiness(ok=False, reason="not listening")
