"""Paid orders that wait for an exchange rate: kept, handed out when it is known, and what is missing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import attrgetter

from kiki.commerce import tables
from kiki.commerce.rows import shape_of
from kiki.kit.database import Connection

WAITING = shape_of(tables.waiting_orders)
TOLD_AGAIN_AFTER = dt.timedelta(hours=1)
Pair = tuple[str, str, dt.date]
"""Currency, settlement currency and day of payment."""

_UPSERT = """
INSERT INTO commerce.waiting_orders AS w (store_id, order_id, currency, settlement_currency, day, live, since_at)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::date[], $6::bool[], $7::timestamptz[])
ON CONFLICT (store_id, order_id) DO UPDATE SET currency = excluded.currency, day = excluded.day, live = excluded.live,
    settlement_currency = excluded.settlement_currency, told_at = NULL
WHERE (w.currency, w.settlement_currency, w.day, w.live)
    <> (excluded.currency, excluded.settlement_currency, excluded.day, excluded.live)
"""
_KNOWN = """
SELECT DISTINCT g.store_id, g.currency, g.settlement_currency, g.day
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::date[]) AS g(store_id, currency, settlement_currency, day)
WHERE EXISTS (
    SELECT FROM commerce.waiting_orders w
    WHERE w.currency = g.currency AND w.settlement_currency = g.settlement_currency AND w.day = g.day
        AND w.store_id = g.store_id AND w.live
)
"""
_PAIRS = """
SELECT DISTINCT currency, settlement_currency, day FROM commerce.waiting_orders
WHERE $1::text IS NULL OR (currency, settlement_currency, day) > ($1, $2::text, $3::date)
ORDER BY currency, settlement_currency, day LIMIT $4
"""
_HAND_OUT = """
WITH due AS (
    SELECT w.store_id, w.order_id
    FROM unnest($1::text[], $2::text[], $3::date[]) AS g(currency, settlement_currency, day)
    JOIN commerce.waiting_orders w USING (currency, settlement_currency, day)
    WHERE w.told_at IS NULL OR w.told_at < $4
    ORDER BY w.store_id, w.order_id LIMIT $6 FOR UPDATE OF w SKIP LOCKED
)
UPDATE commerce.waiting_orders w SET told_at = $5 FROM due
WHERE w.store_id = due.store_id AND w.order_id = due.order_id RETURNING w.store_id, w.order_id
"""
_MISSING = """
SELECT store_id, currency, settlement_currency, day, count(*), count(*) FILTER (WHERE live), min(since_at)
FROM commerce.waiting_orders
WHERE ($1::bigint IS NULL OR store_id = $1)
    AND ($2::date IS NULL OR day < $2
        OR (day = $2 AND (store_id, currency, settlement_currency) > ($3::bigint, $4::text, $5::text)))
GROUP BY store_id, currency, settlement_currency, day
ORDER BY day DESC, store_id, currency, settlement_currency LIMIT $6
"""


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """An order that waits; the fields are the columns, in order."""

    store_id: int
    order_id: str
    currency: str
    settlement_currency: str
    day: dt.date
    live: bool
    since_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Missing:
    """Orders of a store that wait for one rate."""

    store_id: int
    currency: str
    settlement_currency: str
    day: dt.date
    orders: int
    live: int
    """Of them those under the contract, which may bill."""
    since_at: dt.datetime


_values = attrgetter("store_id", "order_id", "currency", "settlement_currency", "day", "live", "since_at")
_pair = attrgetter("store_id", "currency", "settlement_currency", "day")


async def put_waiting(connection: Connection, rows: Sequence[WaitingRow]) -> set[tuple[int, str, str, dt.date]]:
    """Have orders wait; which (store, currency, settlement currency, day) no live order waited for before."""
    if not rows:
        return set()
    wanted = sorted({_pair(row) for row in rows if row.live})
    known: set[tuple[int, str, str, dt.date]] = set()
    if wanted:
        known = {tuple(row) for row in await connection.fetch(_KNOWN, *map(list, zip(*wanted, strict=True)))}
    ordered = sorted(map(_values, rows))
    await connection.execute(_UPSERT, *map(list, zip(*ordered, strict=True)))
    return set(wanted) - known


async def remove_waiting(connection: Connection, keys: Collection[tuple[int, str]]) -> None:
    """Orders that wait no longer, or never did."""
    await WAITING.delete(connection, sorted(keys))


async def waited_for(connection: Connection, after: Pair | None, limit: int) -> Sequence[Pair]:
    """What orders wait for, a page at a time."""
    rows = await connection.fetch(_PAIRS, *(after or (None, None, None)), limit)
    return [(row[0], row[1], row[2]) for row in rows]


async def hand_out(connection: Connection, pairs: Sequence[Pair], now: dt.datetime, limit: int) -> dict[int, list[str]]:
    """Orders by store that wait for these, noted as told; one that was told lately is left out."""
    if not pairs:
        return {}
    rows = await connection.fetch(_HAND_OUT, *map(list, zip(*pairs, strict=True)), now - TOLD_AGAIN_AFTER, now, limit)
    found: dict[int, list[str]] = {}
    for store_id, order_id in sorted((row[0], row[1]) for row in rows):
        found.setdefault(store_id, []).append(order_id)
    return found


async def list_missing(
    connection: Connection,
    store_id: int | None,
    *,
    before: tuple[dt.date, int, str, str] | None = None,
    limit: int = 100,
) -> Sequence[Missing]:
    """What orders wait for, by store, the newest day first."""
    rows = await connection.fetch(_MISSING, store_id, *(before or (None, None, None, None)), limit)
    return [Missing(*row) for row in rows]


async def find_waiting(connection: Connection, store_id: int, order_id: str) -> WaitingRow | None:
    """How an order waits; None when it does not."""
    row = await connection.fetchrow(
        "SELECT store_id, order_id, currency, settlement_currency, day, live, since_at FROM commerce.waiting_orders"
        " WHERE store_id = $1 AND order_id = $2",
        store_id,
        order_id,
    )
    return None if row is None else WaitingRow(*row)
