"""A TCP server for the time of a block, which at its end hangs up on whoever is still connected."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from kiki.kit.errors import FailedPrecondition

_STOP_SECONDS = 2

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Talks over one connection until either side has had enough."""


@asynccontextmanager
async def serve_connections(converse: Converse, *, host: str, port: int, max_line_bytes: int) -> AsyncIterator[int]:
    """Serve for the time of the block; gives the bound port. A peer that breaks off or sends nonsense is let go.

    Raises `FailedPrecondition` when the address cannot be listened on.
    """
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            # The server stops by cancelling; that is no failure of the connection's task.
            with suppress(
                ConnectionError,
                asyncio.IncompleteReadError,
                asyncio.LimitOverrunError,
                TimeoutError,
                asyncio.CancelledError,
            ):
                await converse(reader, writer)
        finally:
            connections.discard(task)
            writer.close()

    try:
        server = await asyncio.start_server(connected, host, port, limit=max_line_bytes)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        raise FailedPrecondition(
            f"the address {host}:{port} of the sandbox cannot be listened on ({why}); is another demo running?",
            reason="PORT_TAKEN",
        ) from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        if connections:
            await asyncio.wait(connections, timeout=_STOP_SECONDS)
