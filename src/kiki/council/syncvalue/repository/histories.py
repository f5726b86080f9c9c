"""Purchase histories and models. Set-based; callers hold the store's row while they write its history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from kiki.council.syncvalue.domain import Customer, CustomerRef, Order, OrderRef, StoreModel
from kiki.kit.bulk import Append, Rows
from kiki.kit.database import Connection

_MODEL = "mean_spend_minor, low_below_minor, high_from_minor, customers, model_version"
_CUSTOMER = (
    "currency, order_count, spend_orders, spent_minor, first_order_at, last_order_at, purchase_days, first_day_minor"
)

_LOCK_STORES = (
    f"SELECT store_id, has_merges, {_MODEL} FROM syncvalue.stores"
    " WHERE store_id = ANY($1::bigint[]) ORDER BY store_id FOR UPDATE"
)
_MODELS = f"SELECT store_id, has_merges, {_MODEL} FROM syncvalue.stores WHERE store_id = ANY($1::bigint[])"
_ADD_STORES = (
    "INSERT INTO syncvalue.stores (store_id) SELECT s FROM unnest($1::bigint[]) AS u(s) ON CONFLICT DO NOTHING"
)
_ALIASES = (
    "SELECT a.store_id, a.merged_key, a.kept_key FROM unnest($1::bigint[], $2::text[]) AS k(s, c)"
    " JOIN syncvalue.aliases a ON a.store_id = k.s AND a.merged_key = k.c"
)
_KNOWN = (
    "SELECT k.s, k.i, k.c, o.decision_seq, o.customer_key, o.total_minor, o.net_minor, o.currency, o.ordered_at,"
    " o.paid_at, o.source, o.units, o.first_order, o.cancelled, c.currency, c.order_count, c.spend_orders,"
    " c.spent_minor, c.first_order_at, c.last_order_at, c.purchase_days, c.first_day_minor"
    " FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(s, i, c)"
    " LEFT JOIN syncvalue.orders o ON o.store_id = k.s AND o.order_id = k.i"
    " LEFT JOIN syncvalue.customers c ON c.store_id = k.s AND c.customer_key = k.c AND k.c <> ''"
)
_CUSTOMERS = (
    f"SELECT c.store_id, c.customer_key, {_CUSTOMER} FROM unnest($1::bigint[], $2::text[]) AS k(s, i)"
    " JOIN syncvalue.customers c ON c.store_id = k.s AND c.customer_key = k.i"
)
_WRITE_ORDERS = (
    "INSERT INTO syncvalue.orders AS o (store_id, order_id, decision_seq, customer_key, total_minor, net_minor,"
    " currency, ordered_at, paid_at, source, units, first_order, cancelled)"
    " SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::text[],"
    " $8::timestamptz[], $9::timestamptz[], $10::smallint[], $11::int[], $12::bool[], $13::bool[])"
    " ON CONFLICT (store_id, order_id) DO UPDATE SET decision_seq = excluded.decision_seq,"
    " customer_key = excluded.customer_key, total_minor = excluded.total_minor, net_minor = excluded.net_minor,"
    " currency = excluded.currency, ordered_at = excluded.ordered_at, paid_at = excluded.paid_at,"
    " source = excluded.source, units = excluded.units, first_order = excluded.first_order,"
    " cancelled = excluded.cancelled WHERE o.decision_seq < excluded.decision_seq"
)
_WRITE_CUSTOMERS = (
    f"INSERT INTO syncvalue.customers (store_id, customer_key, {_CUSTOMER})"
    " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::int[], $5::int[], $6::bigint[],"
    " $7::timestamptz[], $8::timestamptz[], $9::int[], $10::bigint[])"
    " ON CONFLICT (store_id, customer_key) DO UPDATE SET currency = excluded.currency,"
    " order_count = excluded.order_count, spend_orders = excluded.spend_orders, spent_minor = excluded.spent_minor,"
    " first_order_at = excluded.first_order_at, last_order_at = excluded.last_order_at,"
    " purchase_days = excluded.purchase_days, first_day_minor = excluded.first_day_minor"
)
_NEW_ORDERS = Append(
    "syncvalue",
    "orders",
    {
        "store_id": "bigint",
        "order_id": "text",
        "decision_seq": "bigint",
        "customer_key": "text",
        "total_minor": "bigint",
        "net_minor": "bigint",
        "currency": "text",
        "ordered_at": "timestamptz",
        "paid_at": "timestamptz",
        "source": "smallint",
        "units": "int",
        "first_order": "bool",
        "cancelled": "bool",
    },
)
_RECOUNT = (
    "WITH told AS (SELECT k.s, k.c, k.currency, o.order_id, o.ordered_at, o.total_minor,"
    " o.currency = k.currency AS own, (o.ordered_at AT TIME ZONE 'UTC')::date AS day,"
    " (min(o.ordered_at) OVER (PARTITION BY k.s, k.c) AT TIME ZONE 'UTC')::date AS first_day"
    " FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(s, c, currency)"
    " LEFT JOIN syncvalue.orders o ON o.store_id = k.s AND o.customer_key = k.c AND o.customer_key <> ''"
    " AND NOT o.cancelled AND ($4::timestamptz IS NULL OR o.ordered_at <= $4))"
    " SELECT s, c, currency, count(order_id)::int, count(order_id) FILTER (WHERE own)::int,"
    " COALESCE(sum(total_minor) FILTER (WHERE own), 0)::bigint, min(ordered_at), max(ordered_at),"
    " count(DISTINCT day)::int, COALESCE(sum(total_minor) FILTER (WHERE own AND day = first_day), 0)::bigint"
    " FROM told GROUP BY 1, 2, 3"
)


async def lock_stores(connection: Connection, store_ids: Sequence[int]) -> dict[int, tuple[StoreModel, bool]]:
    """Takes the stores' locks, in order, until the transaction ends; model and whether customers were merged."""
    wanted = sorted(set(store_ids))
    rows = await connection.fetch(_LOCK_STORES, wanted)
    if len(rows) < len(wanted):
        await connection.execute(_ADD_STORES, wanted)
        rows = await connection.fetch(_LOCK_STORES, wanted)
    return {row[0]: (StoreModel(*row[2:]), row[1]) for row in rows}


async def get_model(connection: Connection, store_id: int) -> StoreModel:
    """The store's model, the default one for a store without history."""
    row = await connection.fetchrow(_MODELS, [store_id])
    return StoreModel(*row[2:]) if row else StoreModel()


async def find_aliases(connection: Connection, refs: Iterable[CustomerRef]) -> dict[CustomerRef, str]:
    """The kept key of those customers that were merged."""
    rows = await connection.fetch(_ALIASES, *_columns(sorted(set(refs)), 2))
    return {(row[0], row[1]): row[2] for row in rows}


async def find_known(
    connection: Connection, items: Sequence[Order]
) -> tuple[dict[OrderRef, Order], dict[CustomerRef, Customer]]:
    """What is known of the items' orders and of their customers, in one round trip."""
    orders: dict[OrderRef, Order] = {}
    customers: dict[CustomerRef, Customer] = {}
    wanted = sorted({(item.store_id, item.order_id, item.customer_key) for item in items})
    for row in await connection.fetch(_KNOWN, *_columns(wanted, 3)):
        store_id, order_id, customer_key = row[0], row[1], row[2]
        if row[3] is not None:
            orders[store_id, order_id] = Order(store_id, order_id, *row[3:14])
        if row[14] is not None:
            customers[store_id, customer_key] = Customer(*row[14:])
    return orders, customers


async def find_customers(connection: Connection, refs: Sequence[CustomerRef]) -> dict[CustomerRef, Customer]:
    """The customers that are known."""
    rows = await connection.fetch(_CUSTOMERS, *_columns(refs, 2))
    return {(row[0], row[1]): Customer(*row[2:]) for row in rows}


async def write_orders(
    connection: Connection, orders: dict[OrderRef, Order], known: dict[OrderRef, Order]
) -> tuple[Append, Rows]:
    """Replaces older revisions; the new orders are for the caller to append.

    `known` are those that stand in the table, under the stores' locks.
    """
    changed = sorted(orders.keys() & known.keys())
    if changed:
        await connection.execute(_WRITE_ORDERS, *_columns([orders[ref] for ref in changed], 13))
    return _NEW_ORDERS, [orders[ref] for ref in sorted(orders) if ref not in known]


async def write_customers(connection: Connection, customers: dict[CustomerRef, Customer]) -> None:
    """Adds or replaces customers' statistics."""
    if customers:
        rows = [(*ref, *customers[ref]) for ref in sorted(customers)]
        await connection.execute(_WRITE_CUSTOMERS, *_columns(rows, 10))


async def recount(
    connection: Connection, currencies: dict[CustomerRef, str], until: dt.datetime | None = None
) -> dict[CustomerRef, Customer]:
    """Statistics counted anew from all orders (those placed until a time), in each customer's currency."""
    columns = _columns([(*ref, currencies[ref]) for ref in sorted(currencies)], 3)
    rows = await connection.fetch(_RECOUNT, *columns, until)
    return {(row[0], row[1]): Customer(*row[2:]) for row in rows}


async def move_orders(connection: Connection, store_id: int, merged_key: str, kept_key: str) -> int:
    """Gives one customer's orders to another and remembers it for orders to come; how many moved."""
    await connection.execute(
        "UPDATE syncvalue.aliases SET kept_key = $3 WHERE store_id = $1 AND kept_key = $2",
        store_id,
        merged_key,
        kept_key,
    )
    await connection.execute(
        "INSERT INTO syncvalue.aliases (store_id, merged_key, kept_key) VALUES ($1, $2, $3)",
        store_id,
        merged_key,
        kept_key,
    )
    await connection.execute("UPDATE syncvalue.stores SET has_merges = true WHERE store_id = $1", store_id)
    await connection.execute(
        "DELETE FROM syncvalue.customers WHERE store_id = $1 AND customer_key = $2", store_id, merged_key
    )
    moved = await connection.execute(
        "UPDATE syncvalue.orders SET customer_key = $3"
        " WHERE store_id = $1 AND customer_key = $2 AND customer_key <> ''",
        store_id,
        merged_key,
        kept_key,
    )
    return int(moved.rsplit(" ", 1)[-1])


async def page_customers(
    connection: Connection,
    *,
    store_id: int,
    after_key: str,
    min_orders: int,
    last_order_after: dt.datetime | None,
    limit: int,
) -> list[tuple[str, Customer]]:
    """Customers by key."""
    rows = await connection.fetch(
        f"SELECT customer_key, {_CUSTOMER} FROM syncvalue.customers WHERE store_id = $1 AND customer_key > $2"
        " AND order_count >= $3 AND last_order_at >= $4 ORDER BY customer_key LIMIT $5",
        store_id,
        after_key,
        min_orders,
        last_order_after or dt.datetime(1, 1, 1, tzinfo=dt.UTC),
        limit,
    )
    return [(row[0], Customer(*row[1:])) for row in rows]


async def due_stores(
    connection: Connection, *, young_before: dt.datetime, grown_before: dt.datetime, grown: int, limit: int
) -> list[int]:
    """Stores whose model is due: never refreshed, or older than its size allows."""
    rows = await connection.fetch(
        "SELECT store_id FROM syncvalue.stores WHERE refreshed_at IS NULL"
        " OR refreshed_at < CASE WHEN customers < $3 THEN $1::timestamptz ELSE $2::timestamptz END"
        " ORDER BY refreshed_at NULLS FIRST, store_id LIMIT $4",
        young_before,
        grown_before,
        grown,
        limit,
    )
    return [row[0] for row in rows]


async def sample_customers(connection: Connection, store_id: int, start_key: str, limit: int) -> list[Customer]:
    """Up to `limit` customers whose keys follow `start_key`, going round; keys are random, so this is a fair sample."""
    rows = await connection.fetch(
        f"(SELECT {_CUSTOMER} FROM syncvalue.customers WHERE store_id = $1 AND customer_key >= $2"
        f" ORDER BY customer_key LIMIT $3) UNION ALL (SELECT {_CUSTOMER} FROM syncvalue.customers"
        " WHERE store_id = $1 AND customer_key < $2 ORDER BY customer_key LIMIT $3) LIMIT $3",
        store_id,
        start_key,
        limit,
    )
    return [Customer(*row) for row in rows]


async def count_customers(connection: Connection, store_id: int) -> int:
    """Customers with a history."""
    count: int = await connection.fetchval("SELECT count(*) FROM syncvalue.customers WHERE store_id = $1", store_id)
    return count


async def write_model(connection: Connection, store_id: int, model: StoreModel, at: dt.datetime) -> None:
    """Keeps a refreshed model."""
    await connection.execute(
        "UPDATE syncvalue.stores SET mean_spend_minor = $2, low_below_minor = $3, high_from_minor = $4,"
        " customers = $5, refreshed_at = $6 WHERE store_id = $1",
        store_id,
        model.mean_spend_minor,
        model.low_below_minor,
        model.high_from_minor,
        model.customers,
        at,
    )


def _columns(rows: Sequence[Sequence[object]], width: int) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
