"""The floor under queue heads: a number that no insert still in flight can fall below.

Numbers are handed out before their transaction commits, so the highest one seen says nothing about lower ones. A number
is final once every transaction that ran when it was handed out has ended. Reading from the floor spares the scan of
index entries of deleted rows, which cannot be cleaned while anybody holds an older snapshot.

A server that crashed may hand out a number again that it had not flushed: after every restart the floor starts over.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import deque
from collections.abc import Callable, Mapping

from kiki.kit.database import Database
from kiki.kit.logging import get_logger
from kiki.orchestrator.inbox.failures import database_away

_log = get_logger(__name__)

_SAMPLE = """
SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint,
       (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM inbox.queue_seq),
       (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM calls.queue_seq), pg_postmaster_start_time()
FROM pg_current_snapshot() s
"""


class Floor:
    """Follows one sequence by samples of (oldest running, next) transaction and the last number handed out.

    Within a sample the transactions are read before the number, so the *next* sample's upper bound is what has to end.
    """

    def __init__(self) -> None:
        self.final = 0
        """Every number up to this one is either visible or will never be."""
        self._pending: deque[tuple[int, int]] = deque()
        self._last_number: int | None = None

    def observe(self, oldest_running: int, next_transaction: int, last_number: int) -> None:
        """Take one sample."""
        if last_number < (self._last_number or 0):
            self.start_over()
        if self._last_number is not None:
            self._pending.append((next_transaction, self._last_number))
        self._last_number = last_number
        while self._pending and self._pending[0][0] <= oldest_running:
            self.final = max(self.final, self._pending.popleft()[1])
        if len(self._pending) > 1000:
            del self._pending[1]

    def start_over(self) -> None:
        """Nothing is final any more: the server went away and may have come back without what it had not flushed."""
        self.final = 0
        self._pending.clear()
        self._last_number = None


class Floors:
    """Samples both queues' sequences."""

    def __init__(
        self, database: Database, interval_seconds: float = 0.25, *, on_restart: Callable[[], None] = lambda: None
    ) -> None:
        """`on_restart` is called when another start of the server answers than before: it may have crashed."""
        self._database = database
        self._on_restart = on_restart
        self._interval = interval_seconds
        self._server: dt.datetime | None = None
        """When the server started that was asked last."""
        self.floors: Mapping[str, Floor] = {"inbox": Floor(), "calls": Floor()}

    async def run(self) -> None:
        """Sample until cancelled; whenever the database was away the floors start over."""
        while True:
            try:
                await self._sample()
            except Exception as error:  # noqa: BLE001  An attempt: what failed it is told apart below.
                self._start_over()
                if not database_away(error):
                    _log.warning("floor_sample_failed", error=type(error).__name__)
            await asyncio.sleep(self._interval)

    async def _sample(self) -> None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_SAMPLE)
        assert row is not None, "a statement without conditions"
        if row[4] != self._server:
            self._start_over()
            if self._server is not None:
                self._on_restart()
            self._server = row[4]
        self.floors["inbox"].observe(row[0], row[1], row[2])
        self.floors["calls"].observe(row[0], row[1], row[3])

    def _start_over(self) -> None:
        for floor in self.floors.values():
            floor.start_over()
