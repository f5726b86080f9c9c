"""Orders as rows: what is kept of them, and the set-based ways in and out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

from kiki.commerce import tables
from kiki.commerce.events import OrderObserved
from kiki.commerce.rows import columns_of, shape_of
from kiki.kit.database import Connection
from kiki.kit.digest import semantic_digest
from kiki.kit.reads import Read

ORDERS = shape_of(tables.orders)
ORDER_ITEMS = shape_of(tables.order_items)
ORDER_REFUNDS = shape_of(tables.order_refunds)

OrderKey = tuple[int, str]
TOMBSTONE = "deleted unseen"
"""Status of an order of which nothing but its deletion was told."""


@dataclass(slots=True)
class OrderRow:
    """One order; the fields are the columns, in order."""

    store_id: int
    order_id: str
    number: str
    status: str
    customer_key: str
    placed_at: dt.datetime
    paid_at: dt.datetime | None
    cancelled_at: dt.datetime | None
    deleted_at: dt.datetime | None
    updated_at: dt.datetime
    triggered_at: str
    currency: str
    total_minor: int
    net_minor: int
    refunded_minor: int
    settlement_currency: str | None
    exchange_rate: str | None
    """Settlement currency per unit of `currency`, decimal text; once it was used it stays."""
    is_test: bool
    live: bool
    """Placed after the store was connected: only such orders bill and mail."""
    lines_digest: bytes
    verdict: str = "none"
    confidence: Decimal = Decimal(0)
    campaign_id: str | None = None
    attribution_revision: int = 0
    booked_revision: int | None = None
    """The `decision_seq` of the last call about this order to SyncLedger; None: never booked."""
    booked_minor: int | None = None
    booked_total_minor: int | None = None
    booked_currency: str | None = None
    booked_attribution: int | None = None
    booking_reversed: bool = False
    cancellation_booked: bool = False
    billable_at: dt.datetime | None = None
    """Set by an approval: the time that decides the month, instead of the payment's."""
    told_revision: int = 0
    """The `decision_seq` of the last call about this order to SyncValue."""
    welcomed: bool = False
    upsold: bool = False
    fee_minor: int | None = None
    fee_currency: str | None = None
    recorded_at: dt.datetime | None = None
    """When it came in; None for orders from before this was kept."""
    rate_day: dt.date | None = None
    """The day of the exchange rate; None without one."""
    rate_source: str | None = None
    """Where the exchange rate comes from: `platform`, `ecb`, `ecb via EUR`, `manual`, …"""

    @property
    def known_at(self) -> dt.datetime:
        """Since when we know of it: what is registered later does not count for it."""
        return self.recorded_at or self.placed_at


def lines_digest(event: OrderObserved) -> bytes:
    """A fingerprint of what was bought: products, quantities and amounts."""
    return semantic_digest(
        [(line.line_id, line.product_id, line.variant_id, line.quantity, line.net_total.minor) for line in event.lines]
    )[:8]


def is_tombstone(order: OrderRow) -> bool:
    """Whether nothing but the order's deletion is known."""
    return order.status == TOMBSTONE and not order.lines_digest


@dataclass(slots=True)
class RefundRow:
    """One refund of an order; a fact."""

    store_id: int
    order_id: str
    refund_id: str
    amount_minor: int
    currency: str
    refunded_at: dt.datetime
    seen_at: dt.datetime
    pending: bool
    booked: bool = False


@dataclass(slots=True)
class ItemRow:
    """One line of an order."""

    store_id: int
    order_id: str
    line_id: str
    product_id: str | None
    variant_id: str | None
    sku: str
    title: str
    quantity: int
    net_minor: int
    currency: str
    gift_card: bool


order_values = attrgetter(*OrderRow.__slots__)
refund_values = attrgetter(*RefundRow.__slots__)
item_values = attrgetter(*ItemRow.__slots__)


_REFUNDS = """
SELECT r.* FROM unnest($1::bigint[], $2::text[]) AS wanted(store_id, order_id)
JOIN commerce.order_refunds r ON r.store_id = wanted.store_id AND r.order_id = wanted.order_id"""
_ITEMS = """
SELECT i.* FROM unnest($1::bigint[], $2::text[]) AS wanted(store_id, order_id)
JOIN commerce.order_items i ON i.store_id = wanted.store_id AND i.order_id = wanted.order_id
ORDER BY i.store_id, i.order_id, i.line_id"""


def lock_orders(keys: Collection[OrderKey]) -> Read[dict[OrderKey, OrderRow]]:
    """The orders that exist, locked."""
    return ORDERS.locked(keys, lambda rows: {(row[0], row[1]): OrderRow(*row) for row in rows})


def refunds_of(keys: Collection[OrderKey]) -> Read[dict[OrderKey, dict[str, RefundRow]]]:
    """All refunds of these orders, those that came before their order included."""

    def make(rows: Sequence[Sequence[Any]]) -> dict[OrderKey, dict[str, RefundRow]]:
        found: dict[OrderKey, dict[str, RefundRow]] = {}
        for row in rows:
            found.setdefault((row[0], row[1]), {})[row[2]] = RefundRow(*row)
        return found

    return Read(_REFUNDS, columns_of(keys, 2), make)


def items_of(keys: Collection[OrderKey]) -> Read[dict[OrderKey, list[ItemRow]]]:
    """The lines of these orders."""

    def make(rows: Sequence[Sequence[Any]]) -> dict[OrderKey, list[ItemRow]]:
        found: dict[OrderKey, list[ItemRow]] = {}
        for row in rows:
            found.setdefault((row[0], row[1]), []).append(ItemRow(*row))
        return found

    return Read(_ITEMS, columns_of(keys, 2), make)


async def find_items(connection: Connection, keys: Sequence[OrderKey]) -> dict[OrderKey, list[ItemRow]]:
    """The lines of these orders."""
    return await items_of(keys).fetch(connection) if keys else {}


async def remove_items(connection: Connection, keys: Sequence[OrderKey]) -> None:
    """Take the lines of orders away, to write them anew."""
    if keys:
        await connection.execute(
            """DELETE FROM commerce.order_items i USING unnest($1::bigint[], $2::text[]) AS gone(store_id, order_id)
            WHERE i.store_id = gone.store_id AND i.order_id = gone.order_id""",
            [store_id for store_id, _ in keys],
            [order_id for _, order_id in keys],
        )


async def orders_in_reach(
    connection: Connection, reach: Sequence[tuple[int, str, dt.datetime, dt.datetime]], most: int
) -> dict[tuple[int, str], set[str]]:
    """Live orders by customer, placed between two times, not locked: (store, customer key, from, to).

    At most so many of each span: whose set has that many may have more.
    """
    if not reach:
        return {}
    rows = await connection.fetch(
        """SELECT r.store_id, r.customer_key, o.order_id
        FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[])
            AS r(store_id, customer_key, since, until)
        CROSS JOIN LATERAL (
            SELECT order_id FROM commerce.orders
            WHERE store_id = r.store_id AND customer_key = r.customer_key AND placed_at BETWEEN r.since AND r.until
                AND live AND NOT is_test
            LIMIT $5
        ) o""",
        *(list(column) for column in zip(*reach, strict=True)),
        most,
    )
    found: dict[tuple[int, str], set[str]] = {}
    for row in rows:
        found.setdefault((row[0], row[1]), set()).add(row[2])
    return found
