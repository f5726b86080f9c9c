"""Whether a connection that only listens still does."""

from __future__ import annotations

import asyncio

from kiki.kit.database import Connection

PROBE_SECONDS = 10.0


async def until_ended(connection: Connection, probe_seconds: float = PROBE_SECONDS) -> None:
    """Until the connection has ended. Raises `TimeoutError` or one of `UNREACHABLE` when it is found dead.

    It asks the server something now and then: whoever only listens never learns that the way there is gone.
    """
    ended = asyncio.Event()
    connection.add_termination_listener(lambda *_: ended.set())
    while not connection.is_closed():
        try:
            async with asyncio.timeout(probe_seconds):
                await ended.wait()
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=probe_seconds)
