"""Rows of the audit log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from kiki.council.syncshield.chain import GENESIS
from kiki.council.syncshield.domain import AuditEntry, AuditKind, AuditQuery, Head, Link
from kiki.kit.bulk import Append, append_rows
from kiki.kit.database import Connection, Record

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_COLUMNS = (
    "store_id, index, kind, verified, occurred_at, logged_at, count, event_id, actor, action, resource_type,"
    " resource_id, purpose, platform, topic, payload_digest, signature_digest, previous_hash, hash"
)
_LOCK_HEADS = (
    "SELECT store_id, length, hash, logged_at FROM syncshield.audit_heads WHERE store_id = ANY($1) ORDER BY store_id"
    " FOR UPDATE"
)
_ADD_HEADS = (
    "INSERT INTO syncshield.audit_heads (store_id, length, hash) SELECT s, 0, $2 FROM unnest($1::bigint[]) AS u(s)"
    " ON CONFLICT DO NOTHING"
)
_MOVE_HEADS = (
    "UPDATE syncshield.audit_heads h SET length = u.l, hash = u.h, logged_at = u.t"
    " FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::timestamptz[]) AS u(s, l, h, t) WHERE h.store_id = u.s"
)
_HEAD = """
WITH head AS (
    SELECT coalesce(length, 0) AS length, coalesce(hash, $2) AS hash
    FROM (VALUES ($1::bigint)) AS wanted (store_id) LEFT JOIN syncshield.audit_heads USING (store_id)
)
SELECT length, hash, coalesce(
    (SELECT index FROM syncshield.audit_events WHERE store_id = $1 AND index < 0 ORDER BY index LIMIT 1),
    (SELECT index FROM syncshield.audit_events WHERE store_id = $1 AND index >= length ORDER BY index LIMIT 1)
) FROM head
"""
_FIND = (
    f"SELECT {', '.join('e.' + name.strip() for name in _COLUMNS.split(','))}"
    " FROM unnest($1::bigint[], $2::text[]) AS u(s, i)"
    " JOIN syncshield.audit_events e ON e.store_id = u.s AND e.event_id = u.i"
)
_EVENTS = Append(
    "syncshield",
    "audit_events",
    {
        "store_id": "bigint",
        "index": "bigint",
        "kind": "smallint",
        "verified": "bool",
        "occurred_at": "timestamptz",
        "logged_at": "timestamptz",
        "count": "bigint",
        "event_id": "text",
        "actor": "text",
        "action": "text",
        "resource_type": "text",
        "resource_id": "text",
        "purpose": "text",
        "platform": "text",
        "topic": "text",
        "payload_digest": "bytea",
        "signature_digest": "bytea",
        "previous_hash": "bytea",
        "hash": "bytea",
    },
)
_COUNT = "SELECT kind, count(*) FROM syncshield.audit_events WHERE store_id = $1 GROUP BY kind"


async def lock_heads(connection: Connection, store_ids: Sequence[int]) -> dict[int, Head]:
    """The heads of these stores' chains, locked until the transaction ends; made where a store has none."""
    wanted = sorted(set(store_ids))
    rows = await connection.fetch(_LOCK_HEADS, wanted)
    if len(rows) < len(wanted):
        await connection.execute(_ADD_HEADS, wanted, GENESIS)
        rows = await connection.fetch(_LOCK_HEADS, wanted)
    return {row[0]: Head(row[1], row[2], _microseconds(row[3]) if row[3] else 0) for row in rows}


async def find_links(connection: Connection, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Link]:
    """The links that were appended under these (store, event id) pairs."""
    rows = await connection.fetch(_FIND, [key[0] for key in keys], [key[1] for key in keys])
    return {(row["store_id"], row["event_id"]): _link(row) for row in rows}


async def add_links(connection: Connection, links: Sequence[Link]) -> None:
    """Append links of chains whose heads are locked."""
    await append_rows(connection, [(_EVENTS, _records(links))])


async def move_heads(connection: Connection, heads: Sequence[tuple[int, Head]]) -> None:
    """Record the new ends of chains whose heads are locked."""
    await connection.execute(
        _MOVE_HEADS,
        [store_id for store_id, _ in heads],
        [head.length for _, head in heads],
        [head.hash for _, head in heads],
        [_time(head.logged_us) for _, head in heads],
    )


async def find_head(connection: Connection, store_id: int) -> tuple[Head, int | None]:
    """A chain's recorded end, the empty chain's when there is none; and the first link that it does not count.

    One statement, so that what is appended meanwhile is not taken for such a link.
    """
    row = await connection.fetchrow(_HEAD, store_id, GENESIS)
    return Head(row[0], row[1]), row[2]


async def list_range(connection: Connection, store_id: int, first: int, last: int) -> list[Link]:
    """Links with indexes from `first` to `last`, both inclusive, in order; missing ones are simply absent."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM syncshield.audit_events WHERE store_id = $1 AND index BETWEEN $2 AND $3 ORDER BY"
        f" index",
        store_id,
        first,
        last,
    )
    return [_link(row) for row in rows]


async def list_events(connection: Connection, query: AuditQuery) -> list[Link]:
    """A page of the log."""
    conditions, values = ["store_id = $1"], [query.store_id, query.limit]

    def add(condition: str, value: object) -> None:
        values.append(value)  # type: ignore[arg-type]  # a list of bind values of mixed types
        conditions.append(condition.format(f"${len(values)}"))

    if query.start is not None:
        add("index <= {}" if query.descending else "index >= {}", query.start)
    if query.kind is not None:
        add("kind = {}", query.kind)
    if _without_webhooks(query):
        conditions.append("kind <> 2")  # Says that the index of what is not about webhooks will do.
    if query.actor:
        add("actor = {}", query.actor)
    if query.resource_type:
        add("resource_type = {}", query.resource_type)
    if query.resource_id:
        add("resource_id = {} AND resource_id <> ''", query.resource_id)
    if query.occurred_from is not None:
        add("occurred_at >= {}", query.occurred_from)
    if query.occurred_to is not None:
        add("occurred_at < {}", query.occurred_to)
    order = "DESC" if query.descending else "ASC"
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM syncshield.audit_events WHERE {' AND '.join(conditions)} ORDER BY index {order} LIMIT"
        f" $2",
        *values,
    )
    return [_link(row) for row in rows]


def _without_webhooks(query: AuditQuery) -> bool:
    """Nobody acts by a webhook, and it is about no resource."""
    return bool(query.actor or query.resource_type) or query.kind not in (None, AuditKind.WEBHOOK)


async def count_by_kind(connection: Connection, store_id: int) -> dict[int, int]:
    """How many links of each kind a store's chain holds."""
    return {row[0]: row[1] for row in await connection.fetch(_COUNT, store_id)}


def _records(links: Sequence[Link]) -> list[tuple[object, ...]]:
    logged_at = {us: _time(us) for us in {link.logged_us for link in links}}
    return [_record(link, link.entry, logged_at[link.logged_us]) for link in links]


def _time(microseconds: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(0, 0, microseconds)


def _microseconds(at: dt.datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _record(link: Link, entry: AuditEntry, logged_at: dt.datetime) -> tuple[object, ...]:
    return (
        entry.store_id,
        link.index,
        entry.kind,
        entry.verified,
        _time(link.occurred_us),
        logged_at,
        entry.count,
        entry.event_id,
        entry.actor,
        entry.action,
        entry.resource_type,
        entry.resource_id,
        entry.purpose,
        entry.platform,
        entry.topic,
        entry.payload_digest,
        entry.signature_digest,
        link.previous_hash,
        link.hash,
    )


def _link(row: Record) -> Link:
    entry = AuditEntry(
        store_id=row["store_id"],
        event_id=row["event_id"],
        kind=row["kind"],
        occurred_us=_microseconds(row["occurred_at"]),
        actor=row["actor"],
        action=row["action"],
        resource_type=row["resource_type"],
        resource_id=row["resource_id"],
        purpose=row["purpose"],
        platform=row["platform"],
        topic=row["topic"],
        payload_digest=row["payload_digest"],
        signature_digest=row["signature_digest"],
        verified=row["verified"],
        count=row["count"],
    )
    logged_us = _microseconds(row["logged_at"])
    return Link(entry, row["index"], entry.occurred_us or 0, logged_us, row["previous_hash"], row["hash"])
