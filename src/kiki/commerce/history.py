"""Orders and visits as they stand, page by page and not locked, for work over a store's whole history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from kiki.commerce.campaigns import TouchpointRow
from kiki.commerce.orders import ORDERS, OrderKey, OrderRow
from kiki.commerce.people import CUSTOMERS, CustomerKey, CustomerRow
from kiki.kit.database import Connection

_COLUMNS = ", ".join(OrderRow.__slots__)
_SPAN = """store_id = $1 AND live AND NOT is_test AND ($2::timestamptz IS NULL OR placed_at >= $2)
    AND ($3::timestamptz IS NULL OR placed_at < $3)"""
_PAGE = f"SELECT {_COLUMNS} FROM commerce.orders WHERE {_SPAN} AND order_id > $4 ORDER BY order_id LIMIT $5"
_VISITORS = """
SELECT DISTINCT t.customer_key FROM commerce.touchpoints t
WHERE t.store_id = $1 AND t.customer_key > $2 AND NOT EXISTS (
    SELECT FROM commerce.orders o WHERE o.store_id = t.store_id AND o.customer_key = t.customer_key)
ORDER BY t.customer_key LIMIT $3"""
_VISITS = f"""
SELECT {", ".join(f"t.{name}" for name in TouchpointRow.__slots__)}
FROM unnest($2::text[]) AS wanted(customer_key)
JOIN commerce.touchpoints t ON t.store_id = $1 AND t.customer_key = wanted.customer_key
ORDER BY t.customer_key, t.at, t.touchpoint_id"""


@dataclass(frozen=True, slots=True)
class Span:
    """Which orders: real ones under the contract, placed in [from, to)."""

    store_id: int
    placed_from: dt.datetime | None = None
    placed_to: dt.datetime | None = None


async def count_orders(connection: Connection, span: Span) -> int:
    """How many orders a span has."""
    found: int = await connection.fetchval(
        f"SELECT count(*) FROM commerce.orders WHERE {_SPAN}", span.store_id, span.placed_from, span.placed_to
    )
    return found


async def page_of_orders(connection: Connection, span: Span, after: str, limit: int) -> list[OrderRow]:
    """The next orders by id."""
    rows = await connection.fetch(_PAGE, span.store_id, span.placed_from, span.placed_to, after, limit)
    return [OrderRow(*row) for row in rows]


async def orders_by_key(connection: Connection, keys: Sequence[OrderKey]) -> dict[OrderKey, OrderRow]:
    """The orders that exist."""
    return {(row[0], row[1]): OrderRow(*row) for row in await ORDERS.find(connection, keys)}


async def customers_by_key(connection: Connection, keys: Sequence[CustomerKey]) -> dict[CustomerKey, CustomerRow]:
    """The customers that exist."""
    return {(row[0], row[1]): CustomerRow(*row) for row in await CUSTOMERS.find(connection, keys)}


async def page_of_visitors(connection: Connection, store_id: int, after: str, limit: int) -> list[str]:
    """Keys of the next people who came and never ordered."""
    return [row[0] for row in await connection.fetch(_VISITORS, store_id, after, limit)]


async def visits_of(connection: Connection, store_id: int, keys: Sequence[str]) -> dict[str, list[TouchpointRow]]:
    """Every contact of these people, the oldest first."""
    found: dict[str, list[TouchpointRow]] = {}
    for row in await connection.fetch(_VISITS, store_id, list(keys)):
        found.setdefault(row[2], []).append(TouchpointRow(*row))
    return found
