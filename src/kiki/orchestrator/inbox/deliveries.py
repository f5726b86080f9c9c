"""Storing deliveries, each once: what intake, sync and the settling of calls use."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from kiki.kit.database import Connection
from kiki.kit.sealing import Sealer
from kiki.orchestrator.inbox.bodies import seal_body
from kiki.orchestrator.lanes import Lane, partition_of

CHANNEL = "kiki_inbox"
"""The notification that wakes workers."""

_FOLD_KEYS = """
INSERT INTO inbox.delivery_keys (store_id, key, received_at)
SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING store_id, key, delivery_id
"""

_STORE = """
WITH input AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::text[],
        $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::smallint[], $14::boolean[]
    ) AS i (store_id, delivery_id, received_at, platform, topic, origin, lane, triggered_at,
            headers, signature, sha256, body, partition, dead)
), stored AS (
    INSERT INTO inbox.deliveries (store_id, delivery_id, received_at, platform, topic, origin, lane, triggered_at,
                                  headers, signature, sha256, body)
    SELECT store_id, delivery_id, received_at, platform, topic, origin, lane, triggered_at,
           headers::jsonb, signature, sha256, body
    FROM input
)
INSERT INTO inbox.queue (partition, lane, store_id, delivery_id, run, received_at)
SELECT partition, lane, store_id, delivery_id, 0, received_at FROM input WHERE NOT dead
"""

_STORE_DEAD = """
WITH input AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[])
        AS i (store_id, delivery_id, received_at, reason)
), finished AS (
    INSERT INTO inbox.outcomes (store_id, delivery_id, run, received_at, finished_at, attempts, status, reason)
    SELECT store_id, delivery_id, 0, received_at, now(), 0, 'dead', reason FROM input
)
INSERT INTO inbox.dead_letters (store_id, delivery_id, run, received_at, died_at, attempts, reason, detail)
SELECT store_id, delivery_id, 0, received_at, now(), 0, reason, '' FROM input
"""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery as it came in, verified and not yet stored."""

    store_id: int
    platform: str
    topic: str
    key: bytes
    """Its duplicate key, 32 bytes."""
    received_at: dt.datetime
    triggered_at: str
    """The platform's own trigger time as text, else empty."""
    headers: Mapping[str, str]
    """What is worth keeping of the headers; no secret."""
    signature: str
    body: bytes
    """Raw; sealed before it reaches a table."""
    lane: Lane
    origin: str
    """`webhook`, `sync`, `replay` or `internal`."""
    dead_reason: str | None = None
    """Set: stored as a dead letter at once, never worked on."""


def duplicate_key(topic: str, event_id: str, webhook_id: str, delivery_id: str, body: bytes) -> bytes:
    """SHA-256 over the topic, the platform's three identifiers as present, and the SHA-256 of the body."""
    digest = hashlib.sha256()
    for part in (topic, event_id, webhook_id, delivery_id):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    digest.update(hashlib.sha256(body).digest())
    return digest.digest()


async def store_deliveries(connection: Connection, sealer: Sealer, deliveries: Sequence[NewDelivery]) -> list[bool]:
    """Store what is new and queue it, in the caller's transaction; True where new, in input order.

    Of equal keys in one call the first counts. Keys are inserted sorted, so that concurrent callers never deadlock.
    """
    first: dict[tuple[int, bytes], int] = {}
    for position, delivery in enumerate(deliveries):
        first.setdefault((delivery.store_id, delivery.key), position)
    fresh_ids = await _claim_keys(connection, deliveries, first)
    if fresh_ids:
        fresh = [(delivery_id, deliveries[position]) for position, delivery_id in sorted(fresh_ids.items())]
        await _store(connection, sealer, fresh)
    return [position in fresh_ids for position in range(len(deliveries))]


async def _claim_keys(
    connection: Connection,
    deliveries: Sequence[NewDelivery],
    first: Mapping[tuple[int, bytes], int],
) -> dict[int, int]:
    """Insert the keys; the new ones by position, with their delivery ids."""
    if not first:
        return {}
    ordered = sorted(first)
    rows = await connection.fetch(
        _FOLD_KEYS,
        [store_id for store_id, _ in ordered],
        [key for _, key in ordered],
        [deliveries[first[pair]].received_at for pair in ordered],
    )
    return {first[(row[0], row[1])]: row[2] for row in rows}


async def _store(connection: Connection, sealer: Sealer, fresh: Sequence[tuple[int, NewDelivery]]) -> None:
    stores = [d.store_id for _, d in fresh]
    ids = [delivery_id for delivery_id, _ in fresh]
    received = [d.received_at for _, d in fresh]
    await connection.execute(
        _STORE,
        stores,
        ids,
        received,
        [d.platform for _, d in fresh],
        [d.topic for _, d in fresh],
        [d.origin for _, d in fresh],
        [int(d.lane) for _, d in fresh],
        [d.triggered_at for _, d in fresh],
        [msgspec.json.encode(d.headers).decode() for _, d in fresh],
        [d.signature for _, d in fresh],
        [hashlib.sha256(d.body).digest() for _, d in fresh],
        [seal_body(sealer, d.body, d.store_id) for _, d in fresh],
        [partition_of(store_id) for store_id in stores],
        [d.dead_reason is not None for _, d in fresh],
    )
    dead = [(delivery_id, d, d.dead_reason) for delivery_id, d in fresh if d.dead_reason is not None]
    if dead:
        await connection.execute(
            _STORE_DEAD,
            [d.store_id for _, d, _ in dead],
            [delivery_id for delivery_id, _, _ in dead],
            [d.received_at for _, d, _ in dead],
            [reason for _, _, reason in dead],
        )
    lanes = sorted({int(d.lane) for _, d in fresh if d.dead_reason is None})
    if lanes:
        await connection.execute("SELECT pg_notify('kiki_inbox', $1)", " ".join(map(str, lanes)))
