"""uvicorn inside our loop: signals, logging, the socket and the webhooks' protocol are ours."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from kiki.kit.clock import monotonic
from kiki.kit.errors import Unavailable
from kiki.portal.intake.edge import WebhookDoor, WebhookProtocol

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 30
_MAX_CONCURRENCY = 10_000
_SWEEP_TICKS = 2
"""uvicorn ticks ten times a second."""


class HttpServer(uvicorn.Server):
    """A server that is stopped by `stop()`, never by a signal."""

    def __init__(self, app: ASGIApp, door: WebhookDoor, *, host: str, port: int, shutdown_seconds: float) -> None:
        config = uvicorn.Config(
            app,
            http=door.protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(shutdown_seconds)),
            limit_concurrency=_MAX_CONCURRENCY,
        )
        super().__init__(config)
        self._address = (host, port)
        self.port: int | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def listen(self) -> None:
        """Serve until `stop()`. Raises `Unavailable` when the address cannot be had."""
        with _listening(self._address) as listener:
            self.port = listener.getsockname()[1]
            try:
                await self.serve(sockets=[listener])
            finally:
                for connection in self._webhook_connections():
                    connection.transport.abort()

    async def on_tick(self, counter: int) -> bool:
        """One timer for all connections' deadlines."""
        if counter % _SWEEP_TICKS == 0:
            now = monotonic()
            for connection in self._webhook_connections():
                connection.sweep(now)
        return await super().on_tick(counter)

    async def stop(self, serving: asyncio.Task[None], seconds: float) -> None:
        """Stop accepting, let requests under way end, then let go."""
        self.should_exit = True
        _, late = await asyncio.wait({serving}, timeout=seconds)
        for task in late:
            task.cancel()

    def _webhook_connections(self) -> list[WebhookProtocol]:
        return [each for each in self.server_state.connections if isinstance(each, WebhookProtocol)]


@contextmanager
def _listening(address: tuple[str, int]) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise Unavailable(
                f"the address {address[0]}:{address[1]} cannot be listened on ({error.strerror})", reason="PORT_TAKEN"
            ) from error
        listener.setblocking(False)
        yield listener
