"""Rows of products: what is known and wanted of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from kiki.council.syncflow.domain import Hand, PauseReason, ProductState
from kiki.kit.database import Connection, Record

Key = tuple[int, str]
_NAMES = (
    "store_id, product_id, sku, reasons, stock_seq, bid_seq, margin_seq, hand, hand_actor, hand_note, hand_until,"
    " factor, margin, quantity"
)
_COLUMNS = ", ".join(f"p.{name.strip()}" for name in _NAMES.split(","))
_STATE_COLUMNS = _COLUMNS.removeprefix("p.store_id, p.product_id, ")
_ADD = (
    "INSERT INTO syncflow.products (store_id, product_id)"
    " SELECT s, p FROM unnest($1::bigint[], $2::text[]) AS u(s, p) ORDER BY s, p ON CONFLICT DO NOTHING"
)
_LOCK = (
    f"SELECT {_COLUMNS} FROM unnest($1::bigint[], $2::text[]) AS u(s, i)"
    " JOIN syncflow.products p ON p.store_id = u.s AND p.product_id = u.i"
    " ORDER BY p.store_id, p.product_id FOR UPDATE OF p"
)
_WRITE = (
    "UPDATE syncflow.products p SET sku = u.sku, reasons = string_to_array(u.reasons, ','), stock_seq = u.stock_seq,"
    " bid_seq = u.bid_seq, margin_seq = u.margin_seq, hand = u.hand, hand_actor = u.hand_actor, hand_note ="
    " u.hand_note,"
    " hand_until = u.hand_until, factor = u.factor, margin = u.margin, quantity = u.quantity"
    " FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],"
    " $8::text[],"
    " $9::text[], $10::text[], $11::timestamptz[], $12::numeric[], $13::numeric[], $14::bigint[]) AS u(store_id,"
    " product_id, sku, reasons, stock_seq, bid_seq, margin_seq, hand, hand_actor, hand_note, hand_until, factor,"
    " margin,"
    " quantity) WHERE p.store_id = u.store_id AND p.product_id = u.product_id"
)


async def lock_products(connection: Connection, keys: Sequence[Key]) -> dict[Key, ProductState]:
    """The states of these products, locked until the transaction ends; made where there is none."""
    wanted = sorted(set(keys))
    stores, products = [key[0] for key in wanted], [key[1] for key in wanted]
    rows = await connection.fetch(_LOCK, stores, products)
    if len(rows) < len(wanted):
        await connection.execute(_ADD, stores, products)
        rows = await connection.fetch(_LOCK, stores, products)
    return {(row[0], row[1]): _state(row) for row in rows}


async def write_products(connection: Connection, states: Sequence[ProductState]) -> None:
    """Store the states of locked products."""
    await connection.execute(
        _WRITE,
        [state.store_id for state in states],
        [state.product_id for state in states],
        [state.sku for state in states],
        [",".join(sorted(state.reasons)) for state in states],
        [state.stock_seq for state in states],
        [state.bid_seq for state in states],
        [state.margin_seq for state in states],
        [state.hand.value for state in states],
        [state.hand_actor for state in states],
        [state.hand_note for state in states],
        [state.hand_until for state in states],
        [state.factor for state in states],
        [state.margin for state in states],
        [state.quantity for state in states],
    )


async def find_product(connection: Connection, store_id: int, product_id: str) -> ProductState | None:
    """One product's state, not locked."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM syncflow.products p WHERE store_id = $1 AND product_id = $2", store_id, product_id
    )
    return _state(row) if row else None


async def list_expired_hands(connection: Connection, now: dt.datetime, limit: int) -> list[Key]:
    """Products where the time of a person's order is over."""
    rows = await connection.fetch(
        "SELECT store_id, product_id FROM syncflow.products WHERE hand_until <= $1 LIMIT $2", now, limit
    )
    return [(row[0], row[1]) for row in rows]


async def list_promoted(
    connection: Connection, campaigns: Sequence[Key], now: dt.datetime
) -> dict[Key, list[ProductState]]:
    """Per campaign, the states of the products that it promotes now; unheard-of products are in their first state."""
    rows = await connection.fetch(
        f"SELECT m.store_id, m.product_id, m.campaign_id AS campaign, {_STATE_COLUMNS}"
        " FROM unnest($1::bigint[], $2::text[]) AS u(s, c)"
        " JOIN syncflow.promotions m ON m.store_id = u.s AND m.campaign_id = u.c"
        " LEFT JOIN syncflow.products p ON p.store_id = m.store_id AND p.product_id = m.product_id"
        " WHERE (m.starts_at IS NULL OR m.starts_at <= $3) AND (m.ends_at IS NULL OR m.ends_at > $3)",
        [key[0] for key in campaigns],
        [key[1] for key in campaigns],
        now,
    )
    found: dict[Key, list[ProductState]] = {key: [] for key in campaigns}
    for row in rows:
        found[row["store_id"], row["campaign"]].append(_state(row))
    return found


async def list_states(connection: Connection, store_id: int, product_ids: Sequence[str]) -> list[ProductState]:
    """The states of these products, not locked; those never heard of are in their first state."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM syncflow.products p WHERE store_id = $1 AND product_id = ANY($2::text[])",
        store_id,
        product_ids,
    )
    known = {row["product_id"]: _state(row) for row in rows}
    return [known.get(name) or ProductState(store_id=store_id, product_id=name) for name in product_ids]


def _state(row: Record) -> ProductState:
    if row["sku"] is None:
        return ProductState(store_id=row["store_id"], product_id=row["product_id"])
    return ProductState(
        store_id=row["store_id"],
        product_id=row["product_id"],
        sku=row["sku"],
        reasons=frozenset(map(PauseReason, row["reasons"])),
        stock_seq=row["stock_seq"],
        bid_seq=row["bid_seq"],
        margin_seq=row["margin_seq"],
        hand=Hand(row["hand"]),
        hand_actor=row["hand_actor"],
        hand_note=row["hand_note"],
        hand_until=row["hand_until"],
        factor=row["factor"],
        margin=row["margin"],
        quantity=row["quantity"],
    )
