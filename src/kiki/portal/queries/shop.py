"""Orders, products and reviews as the worker's transactions left them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any

from kiki.commerce.exchange.waiting import find_waiting
from kiki.commerce.orders import TOMBSTONE
from kiki.kit.database import Connection, Record
from kiki.kit.errors import NotFound
from kiki.kit.money import Money
from kiki.orchestrator.calls.queries import list_calls
from kiki.portal.convert import money_json

_ORDER = """order_id, number, status, customer_key, placed_at, paid_at, cancelled_at, deleted_at, updated_at, currency,
total_minor, net_minor, refunded_minor, is_test, live, verdict, confidence, campaign_id, attribution_revision"""
_SEEN = f"NOT (status = '{TOMBSTONE}' AND lines_digest = '')"
"""An order that was deleted before it was ever seen is nothing to show."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders; empty fields do not filter."""

    verdict: str | None = None
    placed_from: dt.datetime | None = None
    placed_to: dt.datetime | None = None


async def list_product_ids(connection: Connection, store_id: int) -> list[str]:
    """All products that the store still has."""
    rows = await connection.fetch(
        "SELECT product_id FROM commerce.product_states WHERE store_id = $1 AND NOT deleted ORDER BY product_id",
        store_id,
    )
    return [row[0] for row in rows]


async def list_orders(
    connection: Connection, store_id: int, wanted: OrderFilter, *, before: tuple[dt.datetime, str] | None, limit: int
) -> list[dict[str, Any]]:
    """A page, newest first."""
    rows = await connection.fetch(
        f"""SELECT {_ORDER} FROM commerce.orders
        WHERE store_id = $1 AND {_SEEN} AND ($2::text IS NULL OR verdict = $2)
            AND ($3::timestamptz IS NULL OR placed_at >= $3) AND ($4::timestamptz IS NULL OR placed_at < $4)
            AND ($5::timestamptz IS NULL OR (placed_at, order_id) < ($5, $6))
        ORDER BY placed_at DESC, order_id DESC LIMIT $7""",
        store_id,
        wanted.verdict,
        wanted.placed_from,
        wanted.placed_to,
        before[0] if before else None,
        before[1] if before else None,
        limit,
    )
    return [_order(row) for row in rows]


async def get_order(connection: Connection, store_id: int, order_id: str) -> dict[str, Any]:
    """One order with its lines, refunds, every attribution with its evidence, its review and its calls."""
    row = await connection.fetchrow(
        f"SELECT {_ORDER} FROM commerce.orders WHERE store_id = $1 AND order_id = $2 AND {_SEEN}", store_id, order_id
    )
    if row is None:
        raise NotFound(f"store {store_id} has no order {order_id[:64]}", reason="ORDER_NOT_FOUND")
    lines = await connection.fetch(
        """SELECT line_id, product_id, variant_id, sku, title, quantity, net_minor, currency, gift_card
        FROM commerce.order_items WHERE store_id = $1 AND order_id = $2 ORDER BY line_id""",
        store_id,
        order_id,
    )
    refunds = await connection.fetch(
        """SELECT refund_id, amount_minor, currency, refunded_at, booked FROM commerce.order_refunds
        WHERE store_id = $1 AND order_id = $2 ORDER BY refunded_at, refund_id""",
        store_id,
        order_id,
    )
    attributions = await connection.fetch(
        """SELECT revision, model, model_version, decided_at, cause, verdict, confidence, campaign_id, evidence
        FROM commerce.attributions WHERE store_id = $1 AND order_id = $2 ORDER BY revision DESC""",
        store_id,
        order_id,
    )
    return {
        **_order(row),
        "lines": [_amounts(each, net_total="net_minor") for each in lines],
        "refunds": [_amounts(each, amount="amount_minor") for each in refunds],
        "attributions": [_plain(each) for each in attributions],
        "review": await _review(connection, store_id, order_id),
        "calls": await _calls(connection, store_id, f"order:{order_id}"),
        "exchange": await _exchange(connection, store_id, order_id),
    }


async def _exchange(connection: Connection, store_id: int, order_id: str) -> dict[str, Any] | None:
    """At which rate an order in another currency is settled, or for which it waits; None where it needs none."""
    waits = await find_waiting(connection, store_id, order_id)
    if waits is not None:
        fields = {"rate": None, "rate_date": None, "source": None, "waits_for": waits.day}
        return {"settlement_currency": waits.settlement_currency, **fields}
    row = await connection.fetchrow(
        """SELECT settlement_currency, exchange_rate AS rate, rate_day AS rate_date, rate_source AS source
        FROM commerce.orders WHERE store_id = $1 AND order_id = $2 AND exchange_rate IS NOT NULL
            AND settlement_currency IS NOT NULL""",
        store_id,
        order_id,
    )
    return None if row is None else {**dict(row), "waits_for": None}


async def _calls(connection: Connection, store_id: int, subject: str) -> list[dict[str, Any]]:
    return [dataclasses.asdict(call) for call in await list_calls(connection, store_id, subject)]


async def list_products(
    connection: Connection, store_id: int, *, ads: str | None, after: str | None, limit: int
) -> list[dict[str, Any]]:
    """A page of products by id, with their stock and how their ads stand."""
    rows = await connection.fetch(
        """SELECT p.product_id, p.title, p.vendor, p.category, p.page_url, s.status, s.deleted, s.quantity, s.sellable,
            s.ads, s.ads_reason, s.ads_changed_at, s.resume_at, s.bids_lowered, s.price_minor, s.price_currency,
            s.margin
        FROM commerce.products p JOIN commerce.product_states s USING (store_id, product_id)
        WHERE p.store_id = $1 AND ($2::text IS NULL OR s.ads = $2) AND ($3::text IS NULL OR p.product_id > $3)
        ORDER BY p.product_id LIMIT $4""",
        store_id,
        ads,
        after,
        limit,
    )
    return [_product(row) for row in rows]


async def has_product(connection: Connection, store_id: int, product_id: str) -> bool:
    """Whether the shop has told of a product."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM commerce.product_states WHERE store_id = $1 AND product_id = $2)",
        store_id,
        product_id,
    )
    return found


async def get_product(connection: Connection, store_id: int, product_id: str) -> dict[str, Any]:
    """One product with its variants and its last inventory events."""
    found = await connection.fetchrow(
        """SELECT p.product_id, p.title, p.vendor, p.category, p.page_url, p.image_urls, s.status, s.deleted,
            s.quantity, s.sellable, s.ads, s.ads_reason, s.ads_changed_at, s.resume_at, s.bids_lowered, s.price_minor,
            s.price_currency, s.margin
        FROM commerce.products p JOIN commerce.product_states s USING (store_id, product_id)
        WHERE p.store_id = $1 AND p.product_id = $2""",
        store_id,
        product_id,
    )
    if found is None:
        raise NotFound(f"store {store_id} has no product {product_id[:64]}", reason="PRODUCT_NOT_FOUND")
    variants = await connection.fetch(
        """SELECT variant_id, sku, price_minor, currency, inventory_item_id, tracked, may_oversell, quantity,
            stock_status, active, deleted
        FROM commerce.variants WHERE store_id = $1 AND product_id = $2 ORDER BY variant_id""",
        store_id,
        product_id,
    )
    events = await connection.fetch(
        """SELECT inventory_event_id, at, transition, cause, actor, quantity FROM commerce.inventory_events
        WHERE store_id = $1 AND product_id = $2 ORDER BY inventory_event_id DESC LIMIT 50""",
        store_id,
        product_id,
    )
    return {
        **_product(found),
        "variants": [_amounts(each, price="price_minor") for each in variants],
        "inventory_events": [dict(each) for each in events],
        "calls": await _calls(connection, store_id, f"product:{product_id}"),
    }


async def list_reviews(
    connection: Connection, store_id: int, *, status: str, after: tuple[dt.datetime, str] | None, limit: int
) -> list[dict[str, Any]]:
    """A page of the review queue, the longest waiting first."""
    rows = await connection.fetch(
        """SELECT r.order_id, r.status, r.revision, r.confidence, r.opened_at, r.decided_at, r.actor, r.reason,
            o.number, o.placed_at, o.currency, o.total_minor, o.net_minor, o.campaign_id, a.evidence
        FROM commerce.reviews r JOIN commerce.orders o USING (store_id, order_id)
        LEFT JOIN commerce.attributions a
            ON a.store_id = r.store_id AND a.order_id = r.order_id AND a.revision = r.revision
        WHERE r.store_id = $1 AND r.status = $2
            AND ($3::timestamptz IS NULL OR (r.opened_at, r.order_id) > ($3, $4))
        ORDER BY r.opened_at, r.order_id LIMIT $5""",
        store_id,
        status,
        after[0] if after else None,
        after[1] if after else None,
        limit,
    )
    return [_amounts(row, total="total_minor", net_sales="net_minor") for row in rows]


async def _review(connection: Connection, store_id: int, order_id: str) -> dict[str, Any] | None:
    row = await connection.fetchrow(
        """SELECT status, revision, confidence, opened_at, decided_at, actor, reason FROM commerce.reviews
        WHERE store_id = $1 AND order_id = $2""",
        store_id,
        order_id,
    )
    return None if row is None else _plain(row)


def _order(row: Record) -> dict[str, Any]:
    return _amounts(row, total="total_minor", net_sales="net_minor", refunded="refunded_minor")


def _product(row: Record) -> dict[str, Any]:
    fields = _plain(row)
    minor, currency = fields.pop("price_minor"), fields.pop("price_currency")
    fields["price"] = None if minor is None or currency is None else money_json(Money(minor, currency))
    return fields


def _amounts(row: Record, **columns: str) -> dict[str, Any]:
    """Minor units become amounts; `columns` maps the shown name to the column."""
    fields = _plain(row)
    currency = fields.pop("currency")
    for shown, column in columns.items():
        minor = fields.pop(column)
        fields[shown] = None if minor is None or currency is None else money_json(Money(minor, currency))
    return fields


def _plain(row: Record) -> dict[str, Any]:
    """A row as JSON values: decimals as floats, for confidences and margins only."""
    return {
        name: float(value) if name in ("confidence", "margin") and value is not None else value
        for name, value in row.items()
    }
