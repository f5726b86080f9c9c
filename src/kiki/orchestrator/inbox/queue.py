"""The statements on the inbox's queue: looking, loading, settling, parking. The caller owns the transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kiki.kit.database import Connection, Record
from kiki.kit.errors import InvariantBroken
from kiki.orchestrator.calls.intents import WAKE
from kiki.orchestrator.inbox.leases import Place

_WINDOW = """
SELECT q.partition, q.seq, q.store_id, q.delivery_id, q.run, q.received_at, q.queued_at
FROM unnest($2::smallint[], $3::bigint[], $4::int[]) AS p (partition, floor, room)
CROSS JOIN LATERAL (
    SELECT * FROM inbox.queue
    WHERE partition = p.partition AND lane = $1 AND seq >= p.floor ORDER BY seq LIMIT p.room
) q
"""
_LOAD = """
SELECT k.n, d.platform, d.topic, d.origin, d.triggered_at, d.signature, d.sha256, d.body
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::timestamptz[]) AS k (n, store_id, delivery_id, received_at)
CROSS JOIN LATERAL (
    SELECT * FROM inbox.deliveries d
    WHERE d.store_id = k.store_id AND d.delivery_id = k.delivery_id AND d.received_at = k.received_at LIMIT 1
) d
"""
_TAKE_FROM_QUEUE = """
DELETE FROM inbox.queue q USING unnest($2::smallint[], $3::bigint[], $4::bigint[], $5::timestamptz[])
    AS d (partition, seq, delivery_id, received_at)
WHERE q.partition = d.partition AND q.lane = $1 AND q.seq = d.seq
    AND q.delivery_id = d.delivery_id AND q.received_at = d.received_at
"""
_SETTLE = """
WITH gone AS (
    DELETE FROM inbox.queue q USING unnest($2::smallint[], $3::bigint[], $4::bigint[], $5::timestamptz[])
        AS d (partition, seq, delivery_id, received_at)
    WHERE q.partition = d.partition AND q.lane = $1 AND q.seq = d.seq
        AND q.delivery_id = d.delivery_id AND q.received_at = d.received_at
    RETURNING q.store_id, q.delivery_id, q.run, q.received_at
), remembered AS (
    INSERT INTO inbox.outcomes (store_id, delivery_id, run, received_at, attempts, status, reason, finished_at)
    SELECT store_id, delivery_id, run, received_at, 0, 'settled', '', clock_timestamp() FROM gone
)
SELECT count(*), CASE WHEN $6 <> '' THEN pg_notify('kiki_calls', $6)::text END FROM gone
"""
_TAKE_FROM_PARKED = """
DELETE FROM inbox.parked p USING unnest($1::bigint[], $2::bigint[], $3::smallint[]) AS d (store_id, delivery_id, run)
WHERE p.store_id = d.store_id AND p.delivery_id = d.delivery_id AND p.run = d.run
"""
_FINISH = """
INSERT INTO inbox.outcomes (store_id, delivery_id, run, received_at, attempts, status, reason, finished_at)
SELECT i.*, clock_timestamp() FROM unnest(
    $1::bigint[], $2::bigint[], $3::smallint[], $4::timestamptz[], $5::int[], $6::text[], $7::text[]) AS i
"""
_BURY = """
INSERT INTO inbox.dead_letters (store_id, delivery_id, run, received_at, attempts, reason, detail, died_at)
SELECT i.*, clock_timestamp() FROM unnest(
    $1::bigint[], $2::bigint[], $3::smallint[], $4::timestamptz[], $5::int[], $6::text[], $7::text[]) AS i
"""
_PARK = """
INSERT INTO inbox.parked AS p (partition, lane, seq, store_id, delivery_id, run, entity, received_at, queued_at,
                               attempts, retry_at, reason, detail)
SELECT partition, $1, seq, store_id, delivery_id, run, entity, received_at, queued_at, attempts,
       CASE WHEN delay >= 0 THEN clock_timestamp() + delay * interval '1 second' END, reason, detail
FROM unnest($2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[], $7::text[], $8::timestamptz[],
            $9::timestamptz[], $10::int[], $11::float8[], $12::text[], $13::text[])
    AS i (partition, seq, store_id, delivery_id, run, entity, received_at, queued_at, attempts, delay, reason, detail)
ON CONFLICT (store_id, delivery_id, run) DO UPDATE
SET attempts = excluded.attempts, retry_at = excluded.retry_at, reason = excluded.reason, detail = excluded.detail
"""
_PARKED_ENTITIES = """
SELECT partition, store_id, entity, count(*),
       coalesce(extract(epoch FROM min(retry_at) - clock_timestamp()), 0)::float8
FROM inbox.parked WHERE lane = $1 AND partition = ANY($2::smallint[]) GROUP BY partition, store_id, entity
"""
_PARKED_COUNTS = """
SELECT p.partition, p.store_id, p.entity, count(*)
FROM unnest($2::smallint[], $3::bigint[], $4::text[]) AS k (partition, store_id, entity)
JOIN inbox.parked p ON p.lane = $1 AND p.partition = k.partition AND p.store_id = k.store_id AND p.entity = k.entity
GROUP BY p.partition, p.store_id, p.entity
"""
_PARKED_ROWS = """
SELECT partition, seq, store_id, delivery_id, run, received_at, queued_at, attempts
FROM inbox.parked WHERE lane = $1 AND partition = $2 AND store_id = $3 AND entity = $4 ORDER BY seq LIMIT $5
"""


@dataclass(slots=True)
class Entry:
    """One run of one delivery in a worker's hands."""

    place: Place
    seq: int
    store_id: int
    delivery_id: int
    run: int
    received_at: dt.datetime
    queued_at: dt.datetime
    attempts: int = 0
    was_parked: bool = False
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends."""

    entry: Entry
    status: str
    """`settled`, `ignored` or `dead`."""
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Parking:
    """A run that is held back; `delay_seconds` below zero: it waits for the one before it."""

    entry: Entry
    delay_seconds: float
    reason: str
    detail: str


async def look(
    connection: Connection, lane: int, floors: Mapping[Place, int], room: Mapping[Place, int]
) -> list[Entry]:
    """What waits in the places, oldest first, from each place's floor."""
    places = {place.partition: place for place in floors}
    rows = await connection.fetch(
        _WINDOW, lane, list(places), [floors[p] for p in places.values()], [room[p] for p in places.values()]
    )
    entries = [Entry(places[r[0]], r[1], r[2], r[3], r[4], r[5], r[6]) for r in rows]
    entries.sort(key=lambda entry: entry.seq)
    return entries


async def load(connection: Connection, entries: Sequence[Entry]) -> dict[int, Record]:
    """The stored deliveries by position; absent where the body is no longer kept.

    What is missing is looked for twice: rows that are moved into a new partition are invisible to a statement that
    began before the move.
    """
    found = await _load(connection, entries, range(len(entries)))
    if len(found) < len(entries):
        missing = [position for position in range(len(entries)) if position not in found]
        found.update(await _load(connection, entries, missing))
    return found


async def _load(connection: Connection, entries: Sequence[Entry], positions: Sequence[int]) -> dict[int, Record]:
    rows = await connection.fetch(
        _LOAD,
        list(positions),
        [entries[n].store_id for n in positions],
        [entries[n].delivery_id for n in positions],
        [entries[n].received_at for n in positions],
    )
    return {row[0]: row for row in rows}


async def finish(connection: Connection, lane: int, endings: Sequence[Ending], wake: str = "") -> None:
    """Take the runs away and write their outcomes; `wake` names the dispatchers that have more to do.

    Raises `InvariantBroken` when a run is not there any more.
    """
    plain = [e for e in endings if e.status == "settled" and not e.entry.was_parked]
    if plain:
        _expect(await connection.fetchval(_SETTLE, lane, *_queue_columns([e.entry for e in plain]), wake), len(plain))
        endings = [e for e in endings if e.status != "settled" or e.entry.was_parked]
    elif wake:
        await connection.execute(WAKE, wake)
    if not endings:
        return
    await _take(connection, lane, [e.entry for e in endings])
    columns = _outcome_columns(endings)
    await connection.execute(_FINISH, *columns, [e.status for e in endings], [e.reason for e in endings])
    dead = [e for e in endings if e.status == "dead"]
    if dead:
        columns = _outcome_columns(dead)
        await connection.execute(_BURY, *columns, [e.reason for e in dead], [e.detail for e in dead])


async def park(connection: Connection, lane: int, parkings: Sequence[Parking]) -> None:
    """Move runs aside, or note another failure of what is aside already."""
    if not parkings:
        return
    await _take_from_queue(connection, lane, [p.entry for p in parkings if not p.entry.was_parked])
    ordered = sorted(parkings, key=lambda p: (p.entry.store_id, p.entry.delivery_id))
    entries = [p.entry for p in ordered]
    await connection.execute(
        _PARK,
        lane,
        [e.place.partition for e in entries],
        [e.seq for e in entries],
        [e.store_id for e in entries],
        [e.delivery_id for e in entries],
        [e.run for e in entries],
        [e.entity for e in entries],
        [e.received_at for e in entries],
        [e.queued_at for e in entries],
        [e.attempts for e in entries],
        [p.delay_seconds for p in ordered],
        [p.reason for p in ordered],
        [p.detail for p in ordered],
    )


async def parked_entities(
    connection: Connection, lane: int, places: Sequence[Place]
) -> dict[tuple[Place, int, str], tuple[int, float]]:
    """How much is held back per (place, store, entity), and in how many seconds it is due."""
    by_partition = {place.partition: place for place in places}
    rows = await connection.fetch(_PARKED_ENTITIES, lane, list(by_partition))
    return {(by_partition[r[0]], r[1], r[2]): (r[3], r[4]) for r in rows}


async def parked_counts(
    connection: Connection, lane: int, keys: Sequence[tuple[Place, int, str]]
) -> dict[tuple[Place, int, str], int]:
    """How much of each entity is held back now; entities of which nothing is are absent."""
    places = {key[0].partition: key[0] for key in keys}
    rows = await connection.fetch(
        _PARKED_COUNTS, lane, [k[0].partition for k in keys], [k[1] for k in keys], [k[2] for k in keys]
    )
    return {(places[row[0]], row[1], row[2]): row[3] for row in rows}


async def parked_entries(connection: Connection, place: Place, store_id: int, entity: str, limit: int) -> list[Entry]:
    """What is held back of one entity, in order."""
    rows = await connection.fetch(_PARKED_ROWS, place.lane, place.partition, store_id, entity, limit)
    return [Entry(place, r[1], r[2], r[3], r[4], r[5], r[6], r[7], True, entity) for r in rows]


async def _take(connection: Connection, lane: int, entries: Sequence[Entry]) -> None:
    await _take_from_queue(connection, lane, [e for e in entries if not e.was_parked])
    parked = [e for e in entries if e.was_parked]
    if parked:
        status = await connection.execute(
            _TAKE_FROM_PARKED,
            [e.store_id for e in parked],
            [e.delivery_id for e in parked],
            [e.run for e in parked],
        )
        _expect(_count(status), len(parked))


async def _take_from_queue(connection: Connection, lane: int, entries: Sequence[Entry]) -> None:
    if entries:
        status = await connection.execute(_TAKE_FROM_QUEUE, lane, *_queue_columns(entries))
        _expect(_count(status), len(entries))


def _queue_columns(entries: Sequence[Entry]) -> tuple[list[Any], ...]:
    """Which rows of the queue. A number alone names none: a server that crashed may hand it out again."""
    return (
        [e.place.partition for e in entries],
        [e.seq for e in entries],
        [e.delivery_id for e in entries],
        [e.received_at for e in entries],
    )


def _outcome_columns(endings: Sequence[Ending]) -> tuple[list[Any], ...]:
    entries = [e.entry for e in endings]
    return (
        [e.store_id for e in entries],
        [e.delivery_id for e in entries],
        [e.run for e in entries],
        [e.received_at for e in entries],
        [e.attempts for e in entries],
    )


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])


def _expect(got: int, wanted: int) -> None:
    if got != wanted:
        raise InvariantBroken(f"took {got} of {wanted} waiting runs: somebody finished them already", reason="RUN_GONE")
