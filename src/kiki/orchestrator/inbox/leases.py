"""Leases with fencing tokens: who works on which place, by the database's clock alone.

A batch locks its leases `FOR KEY SHARE` in every transaction that it commits. A renewal changes no key and does not
wait for that lock; a takeover takes `FOR UPDATE` first and therefore never happens beside an open batch. After a
takeover the token has grown, and what the former owner still tries finds no row.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

from kiki.kit.clock import monotonic
from kiki.kit.database import Connection, Database
from kiki.kit.logging import get_logger
from kiki.orchestrator.inbox.failures import LeaseLost, database_away
from kiki.orchestrator.inbox.wakeups import wait_for

_log = get_logger(__name__)
_AGAIN_SECONDS = 0.5

_CREATE = """
INSERT INTO inbox.leases (queue, partition, lane, owner, token, expires_at)
SELECT q, p, l, '', 0, 'epoch' FROM unnest($1::text[], $2::smallint[], $3::smallint[]) AS w (q, p, l)
ON CONFLICT DO NOTHING
"""
_HEARTBEAT = """
INSERT INTO inbox.workers AS w (owner, expires_at) VALUES ($1, clock_timestamp() + $2 * interval '1 second')
ON CONFLICT (owner) DO UPDATE SET expires_at = excluded.expires_at
"""
_COUNT_LIVE = "SELECT count(*) FROM inbox.workers WHERE expires_at > clock_timestamp()"
_FORGET_DEAD = "DELETE FROM inbox.workers WHERE expires_at < clock_timestamp() - interval '1 minute'"
_RENEW = """
UPDATE inbox.leases l SET expires_at = clock_timestamp() + $5 * interval '1 second'
FROM unnest($1::text[], $2::smallint[], $3::smallint[], $4::bigint[]) AS h (queue, partition, lane, token)
WHERE l.queue = h.queue AND l.partition = h.partition AND l.lane = h.lane AND l.token = h.token AND l.owner = $6
RETURNING l.queue, l.partition, l.lane
"""
_ACQUIRE = """
WITH free AS MATERIALIZED (
    SELECT queue, partition, lane FROM inbox.leases
    WHERE (queue, partition, lane) IN (SELECT * FROM unnest($1::text[], $2::smallint[], $3::smallint[]))
      AND expires_at <= clock_timestamp()
    ORDER BY random() LIMIT $4
    FOR UPDATE SKIP LOCKED
)
UPDATE inbox.leases l
SET owner = $5, token = l.token + 1, expires_at = clock_timestamp() + $6 * interval '1 second'
FROM free WHERE l.queue = free.queue AND l.partition = free.partition AND l.lane = free.lane
RETURNING l.queue, l.partition, l.lane, l.token
"""
_RELEASE = """
UPDATE inbox.leases l SET expires_at = 'epoch', owner = ''
FROM unnest($1::text[], $2::smallint[], $3::smallint[], $4::bigint[]) AS h (queue, partition, lane, token)
WHERE l.queue = h.queue AND l.partition = h.partition AND l.lane = h.lane AND l.token = h.token AND l.owner = $5
"""
_LOCK = """
SELECT count(*) FROM (
    SELECT 1 FROM inbox.leases l
    JOIN unnest($1::text[], $2::smallint[], $3::smallint[], $4::bigint[]) AS h (queue, partition, lane, token)
      ON l.queue = h.queue AND l.partition = h.partition AND l.lane = h.lane AND l.token = h.token
    WHERE l.owner = $5
    FOR KEY SHARE OF l
) locked
"""


class Place(NamedTuple):
    """One unit of work that one worker at a time may own."""

    queue: str
    partition: int
    lane: int

    @property
    def group(self) -> tuple[str, int]:
        """What is shared fairly between workers: the same kind of queue in the same lane."""
        return self.queue.partition(".")[0], self.lane


class Lease(NamedTuple):
    """What a statement names to lock a lease itself: it stands only while all five are true."""

    queue: str
    partition: int
    lane: int
    token: int
    owner: str


class Leases:
    """The leases of one worker."""

    def __init__(self, database: Database, places: Sequence[Place], *, owner: str, seconds: float) -> None:
        self._database = database
        self._places = tuple(places)
        self._owner = owner
        self._seconds = seconds
        self._held: dict[Place, int] = {}
        self._valid_until = 0.0
        self._releasing: set[Place] = set()
        self._in_use: Counter[Place] = Counter()
        self._created = False
        self._distrusted = False
        self._hurry = asyncio.Event()
        self.changed = asyncio.Event()
        """Set whenever leases were gained or lost; cleared by whom it concerns."""

    @property
    def current(self) -> bool:
        """Whether the last renewal is recent enough to begin new work."""
        return monotonic() <= self._valid_until and not self._distrusted

    def distrust(self) -> None:
        """The server may have crashed, and taken back what it had not flushed and we remember: every place is given
        back and taken again under a new token, so that its owner reads everything anew."""
        self._distrusted = True

    def doubt(self, places: Iterable[Place]) -> None:
        """A transaction of ours may have committed or not: its places are given back, and taken again under a new
        token once it has ended, so that their owner reads anew what it left."""
        self._releasing.update(place for place in places if place in self._held)
        self._hurry.set()

    def usable(self, queue: str, lane: int | None = None) -> dict[Place, int]:
        """Places with their tokens on which new work may be begun now."""
        if not self.current:
            return {}
        return {
            place: token
            for place, token in self._held.items()
            if place.queue == queue and (lane is None or place.lane == lane) and place not in self._releasing
        }

    @contextmanager
    def using(self, places: Sequence[Place]) -> Iterator[None]:
        """Keep places from being given away to another worker for the time of the block."""
        self._in_use.update(places)
        try:
            yield
        finally:
            self._in_use.subtract(places)

    def lease(self, place: Place, token: int) -> Lease:
        """The lease under a token, whether it still stands or not."""
        return Lease(*place, token, self._owner)

    async def lock(self, connection: Connection, tokens: Mapping[Place, int]) -> None:
        """Lock the leases until the transaction ends. Raises `LeaseLost` when one of them changed hands."""
        ordered = sorted(tokens)
        found = await connection.fetchval(_LOCK, *_columns(ordered), [tokens[place] for place in ordered], self._owner)
        if found != len(ordered):
            raise LeaseLost

    @asynccontextmanager
    async def transaction(self, database: Database, tokens: Mapping[Place, int]) -> AsyncIterator[Connection]:
        """A transaction that holds the leases, and doubts their places when it ends without saying how.

        Raises `LeaseLost` when one of them changed hands.
        """
        ending = False
        try:
            async with database.transaction() as connection:
                await self.lock(connection, tokens)
                yield connection
                ending = True
        except BaseException:
            if ending:
                self.doubt(tokens)
            raise

    async def run(self) -> None:
        """Heartbeat, renew, take and give until cancelled; then give everything back."""
        try:
            while True:
                pause = self._seconds / 6
                try:
                    await self.tick()
                except Exception as error:  # noqa: BLE001  An attempt: what failed it is told apart below.
                    if not database_away(error):
                        _log.warning("lease_renewal_failed", error=type(error).__name__)
                    pause = min(pause, _AGAIN_SECONDS)
                await wait_for(self._hurry, pause)
        finally:
            await asyncio.shield(self.release_all())

    async def tick(self) -> None:
        """One round."""
        began = monotonic()
        async with self._database.connection() as connection:
            if not self._created:
                await connection.execute(_CREATE, *_columns(self._places))
                self._created = True
            await connection.execute(_HEARTBEAT, self._owner, self._seconds)
            await connection.execute(_FORGET_DEAD)
            if self._distrusted:
                await self._give_all(connection)
            await self._renew(connection)
            self._valid_until = began + self._seconds * 0.8
            live = max(1, await connection.fetchval(_COUNT_LIVE))
            await self._give(connection, live)
            await self._take(connection, live)

    async def release_all(self) -> None:
        """Give everything back, so that others need not wait for the expiry."""
        held = dict(self._held)
        self._held.clear()
        try:
            async with asyncio.timeout(3), self._database.connection() as connection:
                await self._release(connection, held)
                await connection.execute("DELETE FROM inbox.workers WHERE owner = $1", self._owner)
        except Exception as error:  # noqa: BLE001  An attempt: what failed it is told apart below.
            _log.warning("lease_release_failed", error=type(error).__name__)

    async def _give_all(self, connection: Connection) -> None:
        held = dict(self._held)
        await self._release(connection, held)
        for place in held:
            self._drop(place)
        self._distrusted = False

    async def _renew(self, connection: Connection) -> None:
        held = sorted(self._held)
        if not held:
            return
        tokens = [self._held[place] for place in held]
        rows = await connection.fetch(_RENEW, *_columns(held), tokens, self._seconds, self._owner)
        kept = {Place(row[0], row[1], row[2]) for row in rows}
        for place in set(held) - kept:
            _log.warning("lease_lost", queue=place.queue, partition=place.partition, lane=place.lane)
            self._drop(place)

    async def _give(self, connection: Connection, live: int) -> None:
        shares = self._shares(live)
        for group, held in self._by_group().items():
            extra = len(held) - shares[group]
            for place in held[: max(0, extra)]:
                self._releasing.add(place)
        free = {place: self._held[place] for place in self._releasing if not self._in_use[place]}
        if free:
            await self._release(connection, free)
            for place in free:
                self._drop(place)

    async def _take(self, connection: Connection, live: int) -> None:
        shares, held = self._shares(live), self._by_group()
        wanted: dict[tuple[str, int], list[Place]] = defaultdict(list)
        for place in self._places:
            if place not in self._held:
                wanted[place.group].append(place)
        for group, places in wanted.items():
            room = shares[group] - len(held.get(group, ()))
            if room <= 0:
                continue
            rows = await connection.fetch(_ACQUIRE, *_columns(places), room, self._owner, self._seconds)
            for row in rows:
                self._held[Place(row[0], row[1], row[2])] = row[3]
            if rows:
                self.changed.set()

    async def _release(self, connection: Connection, held: Mapping[Place, int]) -> None:
        ordered = sorted(held)
        await connection.execute(_RELEASE, *_columns(ordered), [held[place] for place in ordered], self._owner)

    def _drop(self, place: Place) -> None:
        self._held.pop(place, None)
        self._releasing.discard(place)
        self.changed.set()

    def _shares(self, live: int) -> dict[tuple[str, int], int]:
        totals = Counter(place.group for place in self._places)
        return {group: -(-total // live) for group, total in totals.items()}

    def _by_group(self) -> dict[tuple[str, int], list[Place]]:
        groups: dict[tuple[str, int], list[Place]] = defaultdict(list)
        for place in sorted(self._held):
            groups[place.group].append(place)
        return groups


def _columns(places: Sequence[Place]) -> tuple[list[str], list[int], list[int]]:
    return [p.queue for p in places], [p.partition for p in places], [p.lane for p in places]
