"""Storing deliveries, each once: what intake, sync and the settling of calls use."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from kiki.kit.database import Connection
from kiki.kit.sealing import Sealer
from kiki.orchestrator.inbox.bodies import seal_body
from kiki.orchestrator.lanes import Lane, partition_of

CHANNEL = "kiki_inbox"
"""The notification that wakes workers."""

_STORE = """
WITH input AS MATERIALIZED (
    SELECT nextval('inbox.delivery_id_seq') AS delivery_id, $1::timestamptz + seconds * interval '1 second'
           AS received_at, ($2::text[])[kind] AS platform, ($3::text[])[kind] AS topic, ($4::text[])[kind] AS origin,
           ($5::smallint[])[kind] AS lane, ($6::text[])[kind] AS dead_reason, i.*
    FROM unnest(
        $7::smallint[], $8::bigint[], $9::smallint[], $10::bytea[], $11::float8[], $12::text[], $13::text[],
        $14::text[], $15::bytea[], $16::bytea[]
    ) WITH ORDINALITY AS i (kind, store_id, partition, key, seconds, triggered_at, headers, signature, sha256, body,
                            position)
), claimed AS (
    INSERT INTO inbox.delivery_keys (store_id, key, delivery_id, received_at)
    SELECT store_id, key, delivery_id, received_at FROM input ORDER BY store_id, key, position
    ON CONFLICT DO NOTHING
    RETURNING delivery_id
), fresh AS MATERIALIZED (
    SELECT * FROM input WHERE delivery_id = ANY (ARRAY(SELECT delivery_id FROM claimed))
), stored AS (
    INSERT INTO inbox.deliveries (store_id, delivery_id, received_at, platform, topic, origin, lane, triggered_at,
                                  headers, signature, sha256, body)
    SELECT store_id, delivery_id, received_at, platform, topic, origin, lane, triggered_at,
           headers, signature, sha256, body
    FROM fresh
), queued AS (
    INSERT INTO inbox.queue (partition, lane, store_id, delivery_id, run, received_at)
    SELECT partition, lane, store_id, delivery_id, 0, received_at FROM fresh WHERE dead_reason IS NULL ORDER BY position
)"""

_BURY = """, finished AS (
    INSERT INTO inbox.outcomes (store_id, delivery_id, run, received_at, finished_at, attempts, status, reason)
    SELECT store_id, delivery_id, 0, received_at, now(), 0, 'dead', dead_reason FROM fresh
    WHERE dead_reason IS NOT NULL
), buried AS (
    INSERT INTO inbox.dead_letters (store_id, delivery_id, run, received_at, died_at, attempts, reason, detail)
    SELECT store_id, delivery_id, 0, received_at, now(), 0, dead_reason, '' FROM fresh
    WHERE dead_reason IS NOT NULL
)"""

_WHICH = "\nSELECT array_agg(position) FROM fresh"

_STORE_LIVE = _STORE + _WHICH
_STORE_AND_WAKE = _STORE + "\nSELECT array_agg(position), pg_notify('kiki_inbox', $17)::text FROM fresh"
_STORE_ANY = _STORE + _BURY + _WHICH
_WAKE_ONLY = "SELECT set_config('synchronous_commit', 'off', true), pg_notify('kiki_inbox', $1)::text"

_encode = msgspec.json.Encoder().encode


class NewDelivery(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
    digest: bytes | None = None
    """SHA-256 of the body where the caller has it already."""


def sha256(body: bytes) -> bytes:
    """The digest of a body, as it is stored and goes into the duplicate key."""
    return hashlib.sha256(body).digest()


def duplicate_key(
    topic: str, event_id: str, webhook_id: str, delivery_id: str, body: bytes, body_digest: bytes | None = None
) -> bytes:
    """SHA-256 over the topic, the platform's three identifiers as present, and the SHA-256 of the body."""
    digest = hashlib.sha256()
    for part in (topic, event_id, webhook_id, delivery_id):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    digest.update(body_digest or sha256(body))
    return digest.digest()


async def store_deliveries(connection: Connection, sealer: Sealer, deliveries: Sequence[NewDelivery]) -> list[bool]:
    """Store what is new and queue it, and wake the workers when it commits; True where new, in input order."""
    lanes = {int(d.lane) for d in deliveries}
    if not any(d.dead_reason for d in deliveries):
        return await insert_deliveries(connection, sealer, deliveries, wake=lanes)
    new = await insert_deliveries(connection, sealer, deliveries)
    lanes = lanes_of(deliveries, new)
    if lanes:
        await wake_workers(connection, lanes)
    return new


async def insert_deliveries(
    connection: Connection, sealer: Sealer, deliveries: Sequence[NewDelivery], *, wake: Collection[int] = ()
) -> list[bool]:
    """`store_deliveries` in one statement, so that it is whole even outside a transaction; wakes the lanes named.

    Of equal keys in one call the first counts. Keys are inserted sorted, so that concurrent callers never deadlock.
    """
    if not deliveries:
        return []
    # What few values are shared by many rows travels once: an array element costs more than a look-up.
    kinds: dict[tuple[str, str, str, int, str | None], int] = {}
    kind_of = [
        kinds.setdefault((d.platform, d.topic, d.origin, d.lane, d.dead_reason), len(kinds) + 1) for d in deliveries
    ]
    platforms, topics, origins, lanes, reasons = zip(*kinds, strict=True)
    base = deliveries[0].received_at
    fresh = await connection.fetchval(
        _STORE_AND_WAKE if wake else _STORE_ANY if any(reasons) else _STORE_LIVE,
        base,
        platforms,
        topics,
        origins,
        lanes,
        reasons,
        kind_of,
        [d.store_id for d in deliveries],
        [partition_of(d.store_id) for d in deliveries],
        [d.key for d in deliveries],
        [(d.received_at - base).total_seconds() for d in deliveries],
        [d.triggered_at for d in deliveries],
        [_encode(d.headers).decode() for d in deliveries],
        [d.signature for d in deliveries],
        [d.digest or sha256(d.body) for d in deliveries],
        [seal_body(sealer, d.body, d.store_id) for d in deliveries],
        *([_lane_names(wake)] if wake else ()),
    )
    if fresh is not None and len(fresh) == len(deliveries):
        return [True] * len(fresh)
    new = set(fresh or ())
    return [position in new for position in range(1, len(deliveries) + 1)]


def lanes_of(deliveries: Sequence[NewDelivery], new: Sequence[bool]) -> set[int]:
    """The lanes that have more to do."""
    return {int(d.lane) for d, is_new in zip(deliveries, new, strict=True) if is_new and d.dead_reason is None}


async def wake_workers(connection: Connection, lanes: Iterable[int]) -> None:
    """Notify the workers of these lanes, when the caller's transaction commits."""
    await connection.execute("SELECT pg_notify('kiki_inbox', $1)", _lane_names(lanes))


async def wake_workers_only(connection: Connection, lanes: Iterable[int]) -> None:
    """`wake_workers` by a transaction of its own, which nothing has to wait for: it is not flushed."""
    await connection.execute(_WAKE_ONLY, _lane_names(lanes))


def _lane_names(lanes: Iterable[int]) -> str:
    return " ".join(map(str, sorted(lanes)))
