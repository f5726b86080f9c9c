"""Wakes the workers after a group commit, in a transaction that holds nothing else.

PostgreSQL lets one transaction with a notification commit at a time, in the whole server, and holds the others until it
is on the disk. This one does not wait for the disk: a notification that is lost costs a worker's poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import asyncpg

from kiki.kit.clock import monotonic
from kiki.kit.database import UNREACHABLE, Database
from kiki.kit.errors import Unavailable
from kiki.kit.logging import get_logger
from kiki.orchestrator.inbox.deliveries import wake_workers_only
from kiki.portal.intake.held import HeldConnection

_PAUSE_SECONDS = 0.25
"""Shorter than a worker goes on looking where it found something: see `LaneWorker`."""
_DEADLINE_SECONDS = 1.0
_log = get_logger(__name__)


class Bell:
    """Rings at once in a lane where it was quiet, and a few times a second in a busy one, whose worker looks anyway."""

    def __init__(self, database: Database) -> None:
        self._held = HeldConnection(database)
        self._lanes: set[int] = set()
        self._rang: dict[int, float] = {}
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
                pause = await self._turn(monotonic())
                if pause:
                    await asyncio.sleep(pause)
        finally:
            await self._held.let_go()

    async def _turn(self, now: float) -> float:
        """Ring where it is time; how long until the next lane is due, 0 when none waits."""
        due = {lane for lane in self._lanes if self._next(lane) <= now}
        self._lanes -= due
        if due:
            self._rang |= dict.fromkeys(due, now)
            await self._ring(due)
        if not self._lanes:
            return 0.0
        self._wanted.set()
        return max(0.0, min(map(self._next, self._lanes)) - now)

    def _next(self, lane: int) -> float:
        """When a lane may be rung in again."""
        return self._rang.get(lane, -_PAUSE_SECONDS) + _PAUSE_SECONDS

    async def _ring(self, lanes: set[int]) -> None:
        try:
            async with self._held.use(_DEADLINE_SECONDS) as connection:
                await wake_workers_only(connection, lanes)
        except (Unavailable, TimeoutError, asyncpg.PostgresError, *UNREACHABLE) as error:
            _log.info("workers_not_woken", error=type(error).__name__)
