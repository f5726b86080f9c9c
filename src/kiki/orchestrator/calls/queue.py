"""The statements on the calls' queue: looking, loading, settling, parking. The caller owns the transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from kiki.kit.database import Connection, Record
from kiki.kit.errors import InvariantBroken, KikiError
from kiki.kit.sealing import Sealer
from kiki.orchestrator.calls.chunks import Call, EntityKey
from kiki.orchestrator.calls.intents import REQUEST_PURPOSE, CallIntent
from kiki.orchestrator.inbox.failures import LeaseLost
from kiki.orchestrator.inbox.leases import Lease
from kiki.orchestrator.lanes import Lane

_READ = """
SELECT seq, store_id, event_id, method, entity, subject, request, queued_at, 0 AS attempts
FROM calls.queue WHERE agent = $1 AND lane = $2 AND seq >= $3 AND seq <> ALL($5::bigint[]) ORDER BY seq LIMIT $4
"""
_TAKE = """
DELETE FROM calls.{table} WHERE agent = $1 AND lane = $2 AND seq = ANY($3::bigint[]) AND event_id = ANY($4::text[])
"""
_TAKE_QUEUED, _TAKE_PARKED = _TAKE.format(table="queue"), _TAKE.format(table="parked")
_REMEMBER = """
INSERT INTO calls.history (store_id, event_id, method, subject, queued_at, agent, status, reason, answered_at)
SELECT i.*, $6, 'answered', '', clock_timestamp()
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS i
ON CONFLICT DO NOTHING
"""
_SETTLE = """
WITH gone AS (
    DELETE FROM calls.queue
    WHERE agent = $1 AND lane = $2 AND seq = ANY($3::bigint[]) AND event_id = ANY($4::text[])
    RETURNING store_id, event_id, method, subject, queued_at
), remembered AS (
    INSERT INTO calls.history (store_id, event_id, method, subject, queued_at, agent, status, reason, answered_at)
    SELECT store_id, event_id, method, subject, queued_at, $1, 'answered', '', clock_timestamp()
    FROM gone ORDER BY store_id, event_id
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM gone
"""
_SETTLE_ALONE = """
WITH lease AS MATERIALIZED (
    SELECT 1 FROM inbox.leases WHERE queue = $5 AND partition = $6 AND lane = $7 AND token = $8 AND owner = $9
    FOR KEY SHARE
), gone AS (
    DELETE FROM calls.queue
    WHERE agent = $1 AND lane = $2 AND seq = ANY($3::bigint[]) AND event_id = ANY($4::text[])
      AND EXISTS (SELECT FROM lease)
    RETURNING store_id, event_id, method, subject, queued_at
), remembered AS (
    INSERT INTO calls.history (store_id, event_id, method, subject, queued_at, agent, status, reason, answered_at)
    SELECT store_id, event_id, method, subject, queued_at, $1, 'answered', '', clock_timestamp()
    FROM gone ORDER BY store_id, event_id
    ON CONFLICT DO NOTHING
)
SELECT EXISTS (SELECT FROM lease), (SELECT count(*) FROM gone)
"""
_BURY = """
INSERT INTO calls.dead (call_id, store_id, event_id, method, entity, subject, request, queued_at, attempts,
                        reason, detail, agent, lane, died_at)
SELECT i.*, $12, $13, clock_timestamp()
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[],
            $8::timestamptz[], $9::int[], $10::text[], $11::text[]) AS i
"""
_PARK = """
INSERT INTO calls.parked AS p (seq, store_id, event_id, method, entity, subject, request, queued_at, attempts,
                               reason, detail, retry_at, agent, lane)
SELECT seq, store_id, event_id, method, entity, subject, request, queued_at, attempts, reason, detail,
       CASE WHEN delay >= 0 THEN clock_timestamp() + delay * interval '1 second' END, $13, $14
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[],
            $8::timestamptz[], $9::int[], $10::text[], $11::text[], $12::float8[])
    AS i (seq, store_id, event_id, method, entity, subject, request, queued_at, attempts, reason, detail, delay)
ON CONFLICT (agent, lane, seq) DO UPDATE
SET attempts = excluded.attempts, retry_at = excluded.retry_at, reason = excluded.reason, detail = excluded.detail
"""
_PARKED_ENTITIES = """
SELECT store_id, entity, count(*), coalesce(extract(epoch FROM min(retry_at) - clock_timestamp()), 0)::float8
FROM calls.parked WHERE agent = $1 AND lane = $2 GROUP BY store_id, entity
"""
_PARKED_HEADS = """
SELECT p.seq, p.store_id, p.event_id, p.method, p.entity, p.subject, p.request, p.queued_at, p.attempts
FROM unnest($3::bigint[], $4::text[]) AS k (store_id, entity)
CROSS JOIN LATERAL (
    SELECT * FROM calls.parked p
    WHERE p.agent = $1 AND p.lane = $2 AND p.store_id = k.store_id AND p.entity = k.entity ORDER BY seq LIMIT 1
) p ORDER BY p.seq
"""
_PARKED_COUNTS = """
SELECT p.store_id, p.entity, count(*) FROM unnest($3::bigint[], $4::text[]) AS k (store_id, entity)
JOIN calls.parked p ON p.agent = $1 AND p.lane = $2 AND p.store_id = k.store_id AND p.entity = k.entity
GROUP BY p.store_id, p.entity
"""

_OPENED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class DeadCall:
    """A call that will not be made again."""

    call: Call
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class ParkedCall:
    """A call that is held back; `delay_seconds` below zero: it waits for the one before it."""

    call: Call
    delay_seconds: float
    reason: str
    detail: str


class CallQueue:
    """The calls of one agent in one lane."""

    def __init__(self, agent: str, lane: Lane, sealer: Sealer) -> None:
        self.agent = agent
        self.lane = lane
        self._sealer = sealer

    async def read(self, connection: Connection, floor: int, limit: int, known: Sequence[int]) -> list[Call]:
        """What waits and is not known yet, oldest first, opened."""
        rows = await connection.fetch(_READ, self.agent, int(self.lane), floor, limit, known)
        calls: list[Call] = []
        for start in range(0, len(rows), _OPENED_AT_ONCE):
            calls += [self._call(row, parked=False) for row in rows[start : start + _OPENED_AT_ONCE]]
            await asyncio.sleep(0)  # Stock work never waits for all of them.
        return calls

    async def settle(self, connection: Connection, answered: Sequence[Call], dead: Sequence[DeadCall]) -> None:
        """Take calls away and write how they ended. Raises `InvariantBroken` when one is not there any more."""
        plain = [call for call in answered if not call.was_parked]
        if plain:
            _expect(await connection.fetchval(_SETTLE, self.agent, int(self.lane), *_names(plain)), len(plain))
        retried = [call for call in answered if call.was_parked]
        await self._take(connection, [*retried, *(d.call for d in dead)])
        if retried:
            retried.sort(key=lambda call: (call.intent.store_id, call.intent.event_id))
            await connection.execute(
                _REMEMBER,
                [c.intent.store_id for c in retried],
                [c.intent.event_id for c in retried],
                [c.intent.method for c in retried],
                [c.intent.subject for c in retried],
                [c.queued_at for c in retried],
                self.agent,
            )
        if dead:
            columns = self._columns([d.call for d in dead])
            reasons = [d.reason for d in dead], [d.detail for d in dead]
            await connection.execute(_BURY, *columns, *reasons, self.agent, int(self.lane))

    async def settle_alone(self, connection: Connection, answered: Sequence[Call], lease: Lease) -> None:
        """`settle` of answered calls by one statement, which locks the lease itself and may be the whole transaction.

        Raises `LeaseLost`, and then nothing was taken away.
        """
        held, gone = await connection.fetchrow(_SETTLE_ALONE, self.agent, int(self.lane), *_names(answered), *lease)
        if not held:
            raise LeaseLost
        _expect(gone, len(answered))

    async def park(self, connection: Connection, parked: Sequence[ParkedCall]) -> None:
        """Move calls aside, or note another failure of what is aside already."""
        if not parked:
            return
        await self._take(connection, [p.call for p in parked if not p.call.was_parked])
        columns = self._columns([p.call for p in parked])
        why = [p.reason for p in parked], [p.detail for p in parked], [p.delay_seconds for p in parked]
        await connection.execute(_PARK, *columns, *why, self.agent, int(self.lane))

    async def parked_entities(self, connection: Connection) -> dict[EntityKey, tuple[int, float]]:
        """How much is held back per entity, and in how many seconds it is due."""
        rows = await connection.fetch(_PARKED_ENTITIES, self.agent, int(self.lane))
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    async def parked_heads(self, connection: Connection, keys: Sequence[EntityKey]) -> list[Call]:
        """The oldest held call of each entity."""
        rows = await connection.fetch(_PARKED_HEADS, *self._where(keys))
        return [self._call(row, parked=True) for row in rows]

    async def parked_counts(self, connection: Connection, keys: Collection[EntityKey]) -> dict[EntityKey, int]:
        """How much is held back of each entity now; entities of which nothing is are absent."""
        rows = await connection.fetch(_PARKED_COUNTS, *self._where(sorted(keys)))
        return {(row[0], row[1]): row[2] for row in rows}

    async def _take(self, connection: Connection, calls: Sequence[Call]) -> None:
        queued = [call for call in calls if not call.was_parked]
        parked = [call for call in calls if call.was_parked]
        for statement, taken in ((_TAKE_QUEUED, queued), (_TAKE_PARKED, parked)):
            if taken:
                status = await connection.execute(statement, self.agent, int(self.lane), *_names(taken))
                _expect(int(status.rpartition(" ")[2]), len(taken))

    def _where(self, keys: Sequence[EntityKey]) -> tuple[Any, ...]:
        return self.agent, int(self.lane), [key[0] for key in keys], [key[1] for key in keys]

    def _columns(self, calls: Sequence[Call]) -> tuple[list[Any], ...]:
        intents = [call.intent for call in calls]
        return (
            [call.seq for call in calls],
            [i.store_id for i in intents],
            [i.event_id for i in intents],
            [i.method for i in intents],
            [i.entity for i in intents],
            [i.subject for i in intents],
            [self._sealed(call) for call in calls],
            [call.queued_at for call in calls],
            [call.attempts for call in calls],
        )

    def _call(self, row: Record, *, parked: bool) -> Call:
        seq, store_id, event_id, method, entity, subject, sealed, queued_at, attempts = row
        problem: KikiError | None = None
        try:
            request = self._sealer.open(sealed, store_id=store_id, purpose=REQUEST_PURPOSE)
        except KikiError as error:  # A damaged row, or a key that this process lacks: it must not hold up the others.
            request, problem = b"", error
        intent = CallIntent(store_id, self.agent, method, self.lane, entity, subject, event_id, request)
        return Call(seq, intent, queued_at, attempts, parked, problem, sealed if problem is not None else None)

    def _sealed(self, call: Call) -> bytes:
        if call.sealed is not None:
            return call.sealed
        intent = call.intent
        return self._sealer.seal(intent.request, store_id=intent.store_id, purpose=REQUEST_PURPOSE)


def _names(calls: Sequence[Call]) -> tuple[list[int], list[str]]:
    """Which rows. A number alone names none: a server that crashed may hand it out again.

    Both are compared as sets: a join is planned by guesses, and a wrong one reads the queue once per row. As many rows
    as numbers, each with an event id of the set, are the calls that were meant.
    """
    return [call.seq for call in calls], [call.intent.event_id for call in calls]


def _expect(got: int, wanted: int) -> None:
    if got != wanted:
        raise InvariantBroken(f"took {got} of {wanted} waiting calls", reason="CALL_GONE")
