"""Claims due work, drives it with bounded concurrency, and does what is due by time."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import secrets
from collections.abc import Iterable, Mapping

import asyncpg

from kiki.council.syncflow.errors import LeaseLost, NetworkBusy
from kiki.council.syncflow.reconciler.drive import Driver
from kiki.council.syncflow.repository import actions as action_rows
from kiki.council.syncflow.repository import campaigns as campaign_rows
from kiki.council.syncflow.repository import work as work_rows
from kiki.council.syncflow.repository.work import CHANNEL, Lease, NewWork
from kiki.council.syncflow.service import decisions
from kiki.council.syncflow.service.registry import Registry
from kiki.council.syncflow.settings import SyncFlowSettings
from kiki.kit.clock import Clock, monotonic
from kiki.kit.database import UNREACHABLE, Connection, Database
from kiki.kit.errors import DeadlineExceeded, KikiError, Unavailable
from kiki.kit.listening import until_ended
from kiki.kit.logging import frames_of, get_logger, kinds_of

_SWEEP_ROWS = 500
_RECONNECT_SECONDS = 1
_LATE_AFTER = (1, 3, 9)
"""When a campaign is read again whose change went unanswered, in times that an answer is waited for."""
_log = get_logger("syncflow.reconciler")
Key = tuple[int, str]


class Reconciler:
    """One per process; any number of processes share the work by its leases."""

    def __init__(
        self, database: Database, driver: Driver, registry: Registry, settings: SyncFlowSettings, clock: Clock
    ) -> None:
        self._database = database
        self._driver = driver
        self._registry = registry
        self._settings = settings
        self._clock = clock
        self._owner = secrets.token_hex(8)
        self._wake = asyncio.Event()
        self._busy: dict[Key, int] = {}
        self._resting: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._unanswered: dict[Key, tuple[Lease, list[float]]] = {}
        """Per campaign when it is read again: a change may take effect after nobody waits for its answer any more, and
        after it was read back that it had not."""
        self._running = 0
        self._jitter = random.Random()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled; then gives its leases back."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen())
                tasks.create_task(self._sweep())
                await self._claim(tasks)
        finally:
            await asyncio.shield(self._release())

    async def _claim(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            self._wake.clear()
            more = True
            while more:
                leases, more = await self._claimed()
                for lease in leases:
                    key = (lease.store_id, lease.network)
                    self._busy[key] = self._busy.get(key, 0) + 1
                    self._running += 1
                    tasks.create_task(self._drive(lease))
            try:
                async with asyncio.timeout(self._settings.poll_seconds):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _claimed(self) -> tuple[list[Lease], bool]:
        """Leases on due work, and whether to ask again: work may wait behind that of networks without a place."""
        places = self._settings.network_concurrency
        unreserved = max(1, places - self._settings.stock_reserve)
        free = self._settings.max_in_flight - self._running
        if free <= 0:
            return [], False
        now = monotonic()
        self._resting = {key: until for key, until in self._resting.items() if until > now}
        try:
            async with self._database.connection() as connection:
                return await work_rows.claim(
                    connection,
                    owner=self._owner,
                    busy=taken(self._busy, self._resting, self._failures, places=places, unreserved=unreserved),
                    places=places,
                    unreserved=unreserved,
                    limit=free,
                    lease_seconds=self._settings.lease_seconds,
                )
        except (Unavailable, asyncpg.PostgresError) as error:
            _log.warning("claim_failed", error=type(error).__name__)
            return [], False

    async def _drive(self, lease: Lease) -> None:
        """One job attempt: a broad `except` has its home here."""
        try:
            await self._driver.drive(lease)
            self._failures.pop((lease.store_id, lease.network), None)
        except LeaseLost:
            _log.info("lease_lost", store_id=lease.store_id, campaign_id=lease.campaign_id)
        except KikiError as error:
            if isinstance(error, DeadlineExceeded):
                self._expect_late(lease)
            await self._put_back(lease, error)
        except Exception as error:  # noqa: BLE001 - one campaign's failure stops no other.
            place = {"store_id": lease.store_id, "campaign_id": lease.campaign_id}
            _log.error("drive_failed", error=kinds_of(error), frames=frames_of(error), **place)
            await self._put_back(lease, KikiError(type(error).__name__))
        finally:
            key = (lease.store_id, lease.network)
            self._busy[key] -= 1
            if not self._busy[key]:
                del self._busy[key]
            self._running -= 1
            self.wake()

    def _expect_late(self, lease: Lease) -> None:
        now, patience = monotonic(), self._settings.network_timeout_seconds
        times = [now + patience * factor for factor in _LATE_AFTER]
        self._unanswered[lease.store_id, lease.campaign_id] = (lease, times)

    def _due_again(self) -> list[NewWork]:
        now, due = monotonic(), []
        for key, (lease, times) in list(self._unanswered.items()):
            if times[0] <= now:
                due.append(NewWork(lease.store_id, lease.campaign_id, lease.network, lease.lane))
                del times[0]
            if not times:
                del self._unanswered[key]
        return due

    async def _put_back(self, lease: Lease, error: KikiError) -> None:
        """Later again, with the reason where operators see it."""
        try:
            async with self._database.transaction() as connection:
                attempts = await work_rows.lock_lease(connection, lease, self._settings.lease_seconds)
                if attempts is None:
                    return
                wait = self._wait(lease, attempts, error)
                await work_rows.put_back(connection, lease, attempts=attempts + 1, after_seconds=wait)
                text = f"{error.reason}: {error.message}"[:300]
                await action_rows.note_error(connection, lease.store_id, lease.campaign_id, text)
        except (Unavailable, asyncpg.PostgresError) as failure:
            _log.warning("put_back_failed", error=type(failure).__name__)
            return
        _log.info(
            "drive_put_back",
            store_id=lease.store_id,
            campaign_id=lease.campaign_id,
            reason=error.reason,
            wait=round(wait, 3),
        )

    def _wait(self, lease: Lease, attempts: int, error: KikiError) -> float:
        """Exponential with full jitter over its upper half; a busy network rests as a whole for as long as it asked."""
        key = (lease.store_id, lease.network)
        if isinstance(error, Unavailable | DeadlineExceeded):
            self._failures[key] = self._failures.get(key, 0) + 1
        longest = self._settings.retry_longest_seconds
        wait: float = min(longest, self._settings.retry_first_seconds * 2 ** min(attempts, 20))
        if isinstance(error, DeadlineExceeded) and attempts == 0:
            return 0.0
        if isinstance(error, NetworkBusy):
            wait = max(wait, error.retry_after_seconds)
            self._resting[key] = monotonic() + error.retry_after_seconds
            return wait
        return wait * self._jitter.uniform(0.5, 1.0)

    async def _sweep(self) -> None:
        """What time brings: holds and orders that end, promotions that turn, campaigns to be read again."""
        while True:
            await asyncio.sleep(self._settings.poll_seconds)
            try:
                if await self._swept():
                    self.wake()
            except (Unavailable, asyncpg.PostgresError) as error:
                _log.warning("sweep_failed", error=type(error).__name__)

    async def _swept(self) -> int:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            count = await decisions.expire_hands(connection, now, _SWEEP_ROWS)
        async with self._database.transaction() as connection:
            count += await self._registry.expire_holds(connection, now, _SWEEP_ROWS)
        before = now - dt.timedelta(seconds=self._settings.refresh_seconds)
        async with self._database.transaction() as connection:
            due = await campaign_rows.list_turning(connection, now, _SWEEP_ROWS)
            due += await campaign_rows.list_unread(connection, before, _SWEEP_ROWS)
            if due:
                await work_rows.enqueue(connection, due)
        if again := self._due_again():
            async with self._database.transaction() as connection:
                await work_rows.enqueue_idle(connection, again)
        return count + len(due) + len(again)

    async def _listen(self) -> None:
        """Wakes when another process wrote work. Without it, polling still finds everything."""
        while True:
            try:
                connection = await asyncpg.connect(self._database.dsn, timeout=10)
            except (*UNREACHABLE, TimeoutError, asyncpg.PostgresError):
                await asyncio.sleep(_RECONNECT_SECONDS)
                continue
            try:
                await self._listen_on(connection)
            except (*UNREACHABLE, TimeoutError, asyncpg.PostgresError):
                await asyncio.sleep(_RECONNECT_SECONDS)
            finally:
                connection.terminate()

    async def _listen_on(self, connection: Connection) -> None:
        """Until the connection ends."""
        await connection.add_listener(CHANNEL, lambda *_: self.wake())
        await until_ended(connection)

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(2), self._database.connection() as connection:
                await work_rows.release_all(connection, self._owner)
        except (TimeoutError, Unavailable, asyncpg.PostgresError) as error:
            _log.warning("release_failed", error=type(error).__name__)


def taken(
    busy: Mapping[Key, int], resting: Iterable[Key], failures: Mapping[Key, int], *, places: int, unreserved: int
) -> dict[Key, int]:
    """Places that count as taken: all of a network that rests; all but one, and those kept for stock, of one that
    failed as many times in a row as it has places. A dead network of one store leaves room for those that answer."""
    failing = {key: unreserved - 1 + busy.get(key, 0) for key, count in failures.items() if count >= places}
    return {**busy, **failing, **dict.fromkeys(resting, places)}
