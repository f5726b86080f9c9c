"""Rows of work: which campaigns have to be driven, and who drives them under which lease.

Leases go by the database's clock alone. Every lease has a token higher than all before it; what a reconciler writes, it
writes in a transaction that locked the work row under its token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from kiki.kit.database import Connection

STOCK_LANE, LIVE_LANE, BULK_LANE = 1, 2, 3
CHANNEL = "kiki_syncflow"
_MOST_LOOKED_AT = 500

_INSERT = (
    "INSERT INTO syncflow.work AS w (store_id, campaign_id, network, lane, due_at)"
    " SELECT s, c, n, l, now() FROM unnest($1::bigint[], $2::text[], $3::text[], $4::smallint[]) AS u(s, c, n, l)"
    " ON CONFLICT (store_id, campaign_id) DO"
)
_ENQUEUE = f"{_INSERT} UPDATE SET lane = LEAST(w.lane, excluded.lane), due_at = now(), network = excluded.network"
_ENQUEUE_IDLE = f"{_INSERT} NOTHING"
_CLAIM = """
WITH busy AS (
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::int[]) AS u(store_id, network, places)
), candidate AS (
    SELECT store_id, campaign_id, network, lane, due_at FROM syncflow.work w
    WHERE due_at <= now() AND (lease_until IS NULL OR lease_until < now()) AND NOT EXISTS (
        SELECT 1 FROM busy b WHERE b.store_id = w.store_id AND b.network = w.network
            AND b.places >= CASE WHEN w.lane = 1 THEN $4::int ELSE $5::int END)
    ORDER BY lane, due_at LIMIT $9
), ranked AS (
    SELECT c.*, coalesce(b.places, 0)
        + row_number() OVER (PARTITION BY store_id, network ORDER BY c.lane, c.due_at) AS place
    FROM candidate c LEFT JOIN busy b USING (store_id, network)
), pick AS (
    SELECT w.store_id, w.campaign_id FROM syncflow.work w JOIN ranked r USING (store_id, campaign_id)
    WHERE r.place <= CASE WHEN r.lane = 1 THEN $4::int ELSE $5::int END
      AND w.due_at <= now() AND (w.lease_until IS NULL OR w.lease_until < now())
    ORDER BY r.lane, r.due_at LIMIT $6 FOR UPDATE OF w SKIP LOCKED
)
UPDATE syncflow.work w SET lease_owner = $7, lease_token = nextval('syncflow.lease_tokens'),
    lease_until = now() + $8 * interval '1 second'
FROM pick WHERE w.store_id = pick.store_id AND w.campaign_id = pick.campaign_id
RETURNING w.store_id, w.campaign_id, w.network, w.lane, w.lease_token, (SELECT count(*) FROM candidate) >= $9 AS more
"""
_LOCK = (
    "UPDATE syncflow.work SET lease_until = now() + $4 * interval '1 second'"
    " WHERE store_id = $1 AND campaign_id = $2 AND lease_token = $3 RETURNING attempts"
)
_PUT_BACK = (
    "UPDATE syncflow.work SET lease_until = NULL, lease_owner = NULL, attempts = $4,"
    " due_at = now() + $5 * interval '1 second' WHERE store_id = $1 AND campaign_id = $2 AND lease_token = $3"
)


class Lease(msgspec.Struct, frozen=True):
    """A campaign that this process may drive while it holds the token."""

    store_id: int
    campaign_id: str
    network: str
    lane: int
    token: int


class NewWork(msgspec.Struct, frozen=True, order=True):
    """A campaign to be driven."""

    store_id: int
    campaign_id: str
    network: str
    lane: int


async def enqueue(connection: Connection, items: Sequence[NewWork]) -> None:
    """Add work, or make it due again with the more urgent lane; wakes the reconcilers of other processes on commit."""
    folded: dict[tuple[int, str], NewWork] = {}
    for item in items:
        key = (item.store_id, item.campaign_id)
        known = folded.get(key)
        folded[key] = item if known is None or item.lane < known.lane else known
    await _insert(connection, _ENQUEUE, sorted(folded.values()))
    await connection.execute(f"NOTIFY {CHANNEL}")


async def enqueue_idle(connection: Connection, items: Sequence[NewWork]) -> None:
    """Add work for campaigns, each named once, that nothing is to be done for; whose work waits is left waiting."""
    await _insert(connection, _ENQUEUE_IDLE, sorted(items))


async def _insert(connection: Connection, statement: str, rows: Sequence[NewWork]) -> None:
    await connection.execute(
        statement,
        [item.store_id for item in rows],
        [item.campaign_id for item in rows],
        [item.network for item in rows],
        [item.lane for item in rows],
    )


async def claim(
    connection: Connection,
    *,
    owner: str,
    busy: Mapping[tuple[int, str], int],
    places: int,
    unreserved: int,
    limit: int,
    lease_seconds: float,
) -> tuple[list[Lease], bool]:
    """Lease due work, the most urgent first. A store's network has `places`; only live stock takes more than
    `unreserved`. Whether work may be due that was not looked at, behind that of networks without a place."""
    rows = await connection.fetch(
        _CLAIM,
        [key[0] for key in busy],
        [key[1] for key in busy],
        list(busy.values()),
        places,
        unreserved,
        limit,
        owner,
        lease_seconds,
        _MOST_LOOKED_AT,
    )
    return [Lease(*tuple(row)[:5]) for row in rows], bool(rows) and rows[0]["more"]


async def lock_lease(connection: Connection, lease: Lease, lease_seconds: float) -> int | None:
    """Lock the work row under the lease's token and extend the lease; failures so far, or None when it is lost."""
    attempts: int | None = await connection.fetchval(
        _LOCK, lease.store_id, lease.campaign_id, lease.token, lease_seconds
    )
    return attempts


async def finish(connection: Connection, lease: Lease) -> None:
    """Remove work that is done; its row is locked, so nothing came in since it was read."""
    await connection.execute(
        "DELETE FROM syncflow.work WHERE store_id = $1 AND campaign_id = $2 AND lease_token = $3",
        lease.store_id,
        lease.campaign_id,
        lease.token,
    )


async def put_back(connection: Connection, lease: Lease, *, attempts: int, after_seconds: float) -> None:
    """Give the lease back and make the work due later. Does nothing when the lease was lost."""
    await connection.execute(_PUT_BACK, lease.store_id, lease.campaign_id, lease.token, attempts, after_seconds)


async def release_all(connection: Connection, owner: str) -> None:
    """Give back every lease of a process that goes."""
    await connection.execute(
        "UPDATE syncflow.work SET lease_until = NULL, lease_owner = NULL WHERE lease_owner = $1", owner
    )
