"""Group commit: flushes at once when idle, else gathers what arrives until the flush is done and the pace is kept."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from kiki.kit.errors import Unavailable
from kiki.kit.logging import get_logger
from kiki.portal.errors import Overloaded

_T = TypeVar("_T")
_log = get_logger(__name__)

Write = Callable[[Sequence[_T]], Awaitable[Sequence[bool]]]
"""Stores a batch in one transaction: True per new item. `Unavailable` fails the batch; anything else bisects it."""

Done = Callable[[bool | Exception], None]
"""Told once how it went: whether the item is new, or why it was not stored."""


class _Waiting(Generic[_T]):
    __slots__ = ("at", "done", "item", "size")

    def __init__(self, item: _T, size: int, at: float, done: Done) -> None:
        self.item = item
        self.size = size
        self.at = at
        """When the wait began that its deadline is for."""
        self.done: Done | None = done

    def tell(self, result: bool | Exception) -> None:
        """Only the first result counts. What listens must not disturb its neighbours."""
        done, self.done = self.done, None
        if done is not None:
            try:
                done(result)
            except Exception as error:  # noqa: BLE001  # the edge: one sender's answer that cannot be given
                _log.error("answer_failed", error=type(error).__name__)


class GroupCommit(Generic[_T]):
    """Turns single items into batches of one durable write each.

    Every item gets its answer within `deadline_seconds` of `submit`, less what it had waited before, whatever the
    database does: its own result, or `Overloaded`. An item that timed out may still be stored; storing it again must be
    harmless. What has waited longest is written first.

    Between the beginnings of two flushes lie at least `pace_seconds`, unless a full batch waits by then: what comes
    alone never waits. While flushes take long, which is when processors are short, twice their time lies between, up to
    three times the pace.
    """

    def __init__(
        self,
        write: Write[_T],
        *,
        deadline_seconds: float,
        max_waiting_bytes: int,
        max_batch: int,
        max_batch_bytes: int,
        pace_seconds: float = 0.0,
    ) -> None:
        self._write = write
        self._pace = pace_seconds
        self._rest = pace_seconds
        self._began = -pace_seconds
        self._deadline = deadline_seconds
        self._max_waiting_bytes = max_waiting_bytes
        self._max_batch = max_batch
        self._max_batch_bytes = max_batch_bytes
        self._queue: deque[_Waiting[_T]] = deque()
        """In the order of their deadlines."""
        self._in_flight: list[_Waiting[_T]] = []
        self._wakeup = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self.waiting_bytes = 0
        self.flushes = 0

    def submit(self, item: _T, size: int, done: Done, waited_seconds: float = 0.0) -> None:
        """Write the item with the next batch and tell `done`, never before this returns.

        Raises `Overloaded` past the byte budget or behind a stuck flush; then `done` is not told.
        """
        loop = self._loop or asyncio.get_running_loop()
        now = loop.time()
        if self.waiting_bytes + size > self._max_waiting_bytes and self.waiting_bytes:
            raise Overloaded("too many bytes wait for the database")
        if self._in_flight and now - self._began > self._deadline:
            raise Overloaded("the database takes too long")
        waiting = _Waiting(item, size, now, done)
        if waited_seconds:
            waiting.at -= waited_seconds
            self._insert(waiting)
        else:
            self._queue.append(waiting)
        self.waiting_bytes += size
        if self._alarm is None:
            self._alarm = loop.call_at(waiting.at + self._deadline, self._expire)
        self._wakeup.set()

    def _insert(self, waiting: _Waiting[_T]) -> None:
        """Put it before those whose deadlines come later; the alarm may be set for one of them."""
        insort(self._queue, waiting, key=lambda other: other.at)
        if self._alarm is not None and self._alarm.when() > waiting.at + self._deadline:
            self._alarm.cancel()
            self._alarm = None

    async def run(self) -> None:
        """Flush until cancelled; what still waits then is answered `Overloaded`."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._wakeup.wait()
                self._wakeup.clear()
                while self._queue:
                    await self._gather(self._loop)
                    await self._flush()
        finally:
            if self._alarm is not None:
                self._alarm.cancel()
            for waiting in self._queue:
                waiting.tell(Overloaded("the portal stops"))

    async def _gather(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the pace pass; every flush costs the database the same, whether it holds one item or fifty."""
        pause = self._began + self._rest - loop.time()
        if pause > 0 and len(self._queue) < self._max_batch:
            await asyncio.sleep(pause)
        self._began = loop.time()

    async def _flush(self) -> None:
        batch = self._in_flight = self._take()
        try:
            await self._store([waiting for waiting in batch if waiting.done is not None])
        finally:
            for waiting in batch:
                if waiting.done is not None:
                    waiting.tell(Overloaded("the portal stops"))
            self._in_flight = []
            self.waiting_bytes -= sum([waiting.size for waiting in batch])
            self.flushes += 1
            took = asyncio.get_running_loop().time() - self._began
            self._rest = min(max(self._pace, 2 * took), 3 * self._pace)

    def _take(self) -> list[_Waiting[_T]]:
        batch: list[_Waiting[_T]] = []
        size = 0
        while self._queue and len(batch) < self._max_batch:
            if batch and size + self._queue[0].size > self._max_batch_bytes:
                break
            waiting = self._queue.popleft()
            size += waiting.size
            batch.append(waiting)
        return batch

    async def _store(self, batch: list[_Waiting[_T]]) -> None:
        """One write; a batch that fails for what is in it is halved until the poisonous item stands alone."""
        if not batch:
            return
        try:
            results = await self._write([waiting.item for waiting in batch])
        except Unavailable as error:
            _log.warning("deliveries_not_stored", count=len(batch), reason=error.reason)
            for waiting in batch:
                waiting.tell(Overloaded(error.message, reason=error.reason))
        except Exception as error:  # noqa: BLE001  # whatever one delivery provokes must not fail its neighbours
            if len(batch) == 1:
                _log.error("delivery_not_storable", error=type(error).__name__)
                batch[0].tell(error)
                return
            middle = len(batch) // 2
            await self._store(batch[:middle])
            await self._store(batch[middle:])
        else:
            for waiting, new in zip(batch, results, strict=True):
                waiting.tell(new)

    def _expire(self) -> None:
        """Answer what waited too long, then look again when the next one would."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        limit = now - self._deadline + 0.001
        for waiting in self._in_flight:
            if waiting.at <= limit:
                waiting.tell(Overloaded("the database takes too long"))
        while self._queue and self._queue[0].at <= limit:
            waiting = self._queue.popleft()
            self.waiting_bytes -= waiting.size
            waiting.tell(Overloaded("the database takes too long"))
        pending = [waiting.at for waiting in self._in_flight if waiting.at > limit]
        if self._queue:
            pending.append(self._queue[0].at)
        self._alarm = loop.call_at(min(pending) + self._deadline, self._expire) if pending else None
