"""A connection that is kept between uses: the pool's coming and going costs more than a small statement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from kiki.kit.database import Connection, Database


class HeldConnection:
    """One connection of a pool for one user, taken when it is first wanted and again after it broke."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: AsyncExitStack | None = None
        self._connection: Connection | None = None

    @asynccontextmanager
    async def use(self, seconds: float) -> AsyncIterator[Connection]:
        """The connection, for one user at a time. Raises `Unavailable` or `TimeoutError` when there is none in time.

        A server that hangs is hung up on: waiting for it to cancel a statement could take as long as the statement.
        """
        connection = await self._get(seconds)
        watchdog = asyncio.get_running_loop().call_later(seconds, connection.terminate)
        try:
            yield connection
        finally:
            watchdog.cancel()

    async def let_go(self) -> None:
        """Give it back to the pool."""
        held, self._held, self._connection = self._held, None, None
        if held is not None:
            await held.aclose()

    async def _get(self, seconds: float) -> Connection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        await self.let_go()
        async with asyncio.timeout(seconds), AsyncExitStack() as stack:
            self._connection = await stack.enter_async_context(self._database.connection())
            self._held = stack.pop_all()
        return self._connection
