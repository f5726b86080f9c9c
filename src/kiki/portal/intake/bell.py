"""Wakes the workers after a group commit, in a transaction that holds nothing else.

PostgreSQL lets one transaction with a notification commit at a time, in the whole server, and holds the others until it
is on the disk. Beside the group commit, the notification has nothing to flush. One that is lost costs a worker's poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import asyncpg

from kiki.kit.database import UNREACHABLE, Database
from kiki.kit.errors import Unavailable
from kiki.kit.logging import get_logger
from kiki.orchestrator.inbox.deliveries import wake_workers
from kiki.portal.intake.held import HeldConnection

_PAUSE_SECONDS = 0.01
_DEADLINE_SECONDS = 1.0
_log = get_logger(__name__)


class Bell:
    """Rings at once when it was quiet, and at most every ten milliseconds otherwise."""

    def __init__(self, database: Database) -> None:
        self._held = HeldConnection(database)
        self._lanes: set[int] = set()
        self._wanted = asyncio.Event()

    def ring(self, lanes: Iterable[int]) -> None:
        """There is more to do in these lanes."""
        self._lanes.update(lanes)
        if self._lanes:
            self._wanted.set()

    async def run(self) -> None:
        """Ring until cancelled."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                lanes, self._lanes = self._lanes, set()
                await self._ring(lanes)
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            await self._held.let_go()

    async def _ring(self, lanes: set[int]) -> None:
        try:
            async with self._held.use(_DEADLINE_SECONDS) as connection:
                await wake_workers(connection, lanes)
        except (Unavailable, TimeoutError, asyncpg.PostgresError, *UNREACHABLE) as error:
            _log.info("workers_not_woken", error=type(error).__name__)
