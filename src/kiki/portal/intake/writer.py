"""One batch of deliveries, one transaction, one second."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg

from kiki.commerce.stores import IntakeStore, StoreRepository
from kiki.kit.database import Database
from kiki.kit.errors import Unavailable
from kiki.kit.sealing import Sealer
from kiki.orchestrator.inbox.deliveries import NewDelivery, store_deliveries
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

    def __init__(self, database: Database, sealer: Sealer, deadline_seconds: float) -> None:
        self._database = database
        self._sealer = sealer
        self._stores = StoreRepository(sealer)
        self._deadline = deadline_seconds

    async def write(self, deliveries: Sequence[NewDelivery]) -> list[bool]:
        """Store a batch: True per delivery that is new. Raises `Unavailable` for failures of the moment.

        A server that hangs is hung up on: waiting for it to cancel a statement could take as long as the statement.
        """
        watchdog: asyncio.TimerHandle | None = None
        try:
            async with asyncio.timeout(self._deadline) as patience, self._database.transaction() as connection:
                patience.reschedule(None)
                watchdog = asyncio.get_running_loop().call_later(self._deadline, connection.terminate)
                stored = await store_deliveries(connection, self._sealer, deliveries)
            return list(stored)
        except TimeoutError as error:
            raise Unavailable("no database connection became free in time", reason="DATABASE_BUSY") from error
        except _PASSING as error:
            raise Unavailable(
                f"the database refused for the moment ({type(error).__name__})", reason="DATABASE_BUSY"
            ) from error
        finally:
            if watchdog is not None:
                watchdog.cancel()

    async def find_store(self, name: StoreName) -> IntakeStore | None:
        """Look a store up. Raises `Unavailable` within the deadline."""
        try:
            async with asyncio.timeout(self._deadline), self._database.connection() as connection:
                return await self._stores.find_for_intake(
                    connection, platform=name.platform, token=name.token, store_key=name.store_key
                )
        except (TimeoutError, *_PASSING) as error:
            raise Unavailable("the store could not be looked up in time", reason="DATABASE_BUSY") from error
