"""Which orders of open months campaigns may have led to: by a contact in the window, or by a product.

Pages of orders by the time at which they were placed; what a page costs depends on its size and not on the history.
A closed month is no part of it: it is corrected by a recalculation, which shows its diff first.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from kiki.kit.database import Connection

COUNTED_AT_MOST = 100_000
"""Orders that one count looks at."""

_PAGE = """
WITH page AS MATERIALIZED (
    SELECT order_id, customer_key, placed_at, paid_at FROM commerce.orders
    WHERE store_id = $1 AND placed_at >= $2 AND (placed_at, order_id) > ($2, $3)
        AND live AND NOT is_test AND billable_at IS NULL
    ORDER BY placed_at, order_id LIMIT $4
), closed AS MATERIALIZED (
    SELECT coalesce(max(month), '') AS last FROM closing.months WHERE store_id = $1 AND state = 'closed'
)
SELECT o.placed_at, o.order_id,
    (o.paid_at IS NULL OR to_char(o.paid_at AT TIME ZONE $5, 'YYYY-MM') > closed.last)
    AND (EXISTS (
        SELECT FROM commerce.touchpoints t
        WHERE t.store_id = $1 AND t.customer_key = o.customer_key
            AND t.at >= o.placed_at - $6::interval AND t.at <= o.placed_at
            AND (t.campaign_id = ANY($7::text[]) OR lower(btrim(t.utm_campaign)) = ANY($8::text[])
                OR btrim(t.utm_id) = ANY($9::text[]))
    ) OR EXISTS (
        SELECT FROM commerce.order_items i
        WHERE i.store_id = $1 AND i.order_id = o.order_id AND i.product_id = ANY($10::text[])
    )) AS affected
FROM page o CROSS JOIN closed
"""
_ROWS = f"{_PAGE} ORDER BY o.placed_at, o.order_id"
_COUNT = f"SELECT count(*), count(*) FILTER (WHERE affected) FROM ({_PAGE}) found"


@dataclass(frozen=True, slots=True)
class Scan:
    """What is looked for, and where the looking goes on."""

    store_id: int
    window: dt.timedelta
    timezone: str
    campaign_ids: tuple[str, ...]
    names: tuple[str, ...]
    utm_ids: tuple[str, ...]
    products: tuple[str, ...]
    since: dt.datetime
    after: str = ""
    """Of orders placed at `since`, only those with greater ids."""

    def plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def read_plain(plain: object) -> Scan:
    """A scan from plain values."""
    return msgspec.convert(plain, Scan)


async def page_of(connection: Connection, scan: Scan, limit: int) -> tuple[list[str], Scan | None]:
    """Orders among the next `limit` ones that may be affected, and what is left; None at the end."""
    rows = await connection.fetch(_ROWS, *_arguments(scan, limit))
    found = [row[1] for row in rows if row[2]]
    return found, replace(scan, since=rows[-1][0], after=rows[-1][1]) if len(rows) == limit else None


async def count(connection: Connection, scan: Scan) -> tuple[int, bool]:
    """How many orders may be affected, and whether that is all: it looks at `COUNTED_AT_MOST` orders."""
    row = await connection.fetchrow(_COUNT, *_arguments(scan, COUNTED_AT_MOST))
    assert row is not None, "an aggregate always has a row"
    return row[1], row[0] < COUNTED_AT_MOST


def _arguments(scan: Scan, limit: int) -> tuple[object, ...]:
    return (
        scan.store_id,
        scan.since,
        scan.after,
        limit,
        scan.timezone,
        scan.window,
        list(scan.campaign_ids),
        list(scan.names),
        list(scan.utm_ids),
        list(scan.products),
    )
