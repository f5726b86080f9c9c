"""One batch of deliveries: one statement on a connection of its own, one second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from kiki.commerce.stores import IntakeStore, StoreRepository
from kiki.kit.database import UNREACHABLE, Database
from kiki.kit.errors import Unavailable
from kiki.kit.sealing import Sealer
from kiki.orchestrator.inbox.deliveries import NewDelivery, insert_deliveries, lanes_of
from kiki.portal.intake.bell import Bell
from kiki.portal.intake.held import HeldConnection
from kiki.portal.intake.stores import StoreName

_PASSING = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.OperatorInterventionError,
)
"""Failures of the moment, not of what is in the batch."""


class IntakeDatabase:
    """The intake's two statements, each bounded in time even when the server does not answer at all."""

    def __init__(self, database: Database, sealer: Sealer, bell: Bell, deadline_seconds: float) -> None:
        self._database = database
        self._sealer = sealer
        self._stores = StoreRepository(sealer)
        self._bell = bell
        self._deadline = deadline_seconds
        self._held = HeldConnection(database)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database: Database, sealer: Sealer, bell: Bell, deadline_seconds: float
    ) -> AsyncIterator[IntakeDatabase]:
        """For the time of the block; the writing connection goes back to the pool at its end."""
        door = cls(database, sealer, bell, deadline_seconds)
        try:
            yield door
        finally:
            await door._held.let_go()

    async def write(self, deliveries: Sequence[NewDelivery]) -> list[bool]:
        """Store a batch: True per delivery that is new; one caller at a time.

        Raises `Unavailable` for failures of the moment.
        """
        try:
            async with self._held.use(self._deadline) as connection:
                new = await insert_deliveries(connection, self._sealer, deliveries)
        except TimeoutError as error:
            raise Unavailable("no database connection became free in time", reason="DATABASE_BUSY") from error
        except _PASSING as error:
            raise Unavailable(
                f"the database refused for the moment ({type(error).__name__})", reason="DATABASE_BUSY"
            ) from error
        except UNREACHABLE as error:
            await self._held.let_go()
            raise Unavailable(
                f"the database cannot be reached ({type(error).__name__})", reason="DATABASE_UNAVAILABLE"
            ) from error
        self._bell.ring(lanes_of(deliveries, new))
        return new

    async def find_store(self, name: StoreName) -> IntakeStore | None:
        """Look a store up. Raises `Unavailable` within the deadline, and hangs up: see `HeldConnection.use`."""
        try:
            async with asyncio.timeout(self._deadline), self._database.connection() as connection:
                try:
                    return await self._stores.find_for_intake(
                        connection, platform=name.platform, token=name.token, store_key=name.store_key
                    )
                except asyncio.CancelledError:
                    connection.terminate()
                    raise
        except (TimeoutError, *_PASSING) as error:
            raise Unavailable("the store could not be looked up in time", reason="DATABASE_BUSY") from error
