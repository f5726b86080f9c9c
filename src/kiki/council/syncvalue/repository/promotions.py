"""Promotions that merchants registered. Callers that write hold the store's row.

A store's `promotions_revision` rises with every change, and numbers new promotions; a forecast keeps the one that it
was made with, which tells whether it is stale.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from kiki.council.syncvalue.domain import RegisteredPromotion
from kiki.council.syncvalue.seasonal.outlook import Promotion
from kiki.kit.database import Connection, Record

_COLUMNS = "promotion_id, first_day, last_day, name, registered_at"
_STALE = (
    "SELECT s.store_id FROM syncvalue.stores s JOIN syncvalue.baselines b USING (store_id)"
    " WHERE s.promotions_revision > COALESCE((SELECT f.promotions_revision FROM syncvalue.forecasts f"
    " WHERE f.store_id = s.store_id ORDER BY f.revision DESC LIMIT 1), 0)"
)


async def list_promotions(connection: Connection, store_id: int) -> list[RegisteredPromotion]:
    """All of a store's, the earliest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM syncvalue.promotions WHERE store_id = $1 ORDER BY first_day, last_day", store_id
    )
    return [_registered(row) for row in rows]


async def revision_of(connection: Connection, store_id: int) -> int:
    """The revision of the store's promotions; 0: there never were any."""
    found: int | None = await connection.fetchval(
        "SELECT promotions_revision FROM syncvalue.stores WHERE store_id = $1", store_id
    )
    return found or 0


async def set_revision(connection: Connection, store_id: int, revision: int) -> None:
    """Writes it."""
    await connection.execute(
        "UPDATE syncvalue.stores SET promotions_revision = $2 WHERE store_id = $1", store_id, revision
    )


async def write_promotions(connection: Connection, store_id: int, promotions: Sequence[RegisteredPromotion]) -> None:
    """Adds new ones, and renames those that are known by their number."""
    await connection.execute(
        f"INSERT INTO syncvalue.promotions (store_id, {_COLUMNS})"
        " SELECT $1, * FROM unnest($2::bigint[], $3::date[], $4::date[], $5::text[], $6::timestamptz[])"
        " ON CONFLICT (store_id, promotion_id) DO UPDATE SET name = excluded.name",
        store_id,
        [own.promotion_id for own in promotions],
        [own.promotion.first for own in promotions],
        [own.promotion.last for own in promotions],
        [own.promotion.name for own in promotions],
        [own.registered_at for own in promotions],
    )


async def remove_promotion(connection: Connection, store_id: int, promotion_id: int) -> RegisteredPromotion | None:
    """The one removed, None when there was none."""
    row = await connection.fetchrow(
        f"DELETE FROM syncvalue.promotions WHERE store_id = $1 AND promotion_id = $2 RETURNING {_COLUMNS}",
        store_id,
        promotion_id,
    )
    return None if row is None else _registered(row)


async def stale_stores(connection: Connection, limit: int) -> list[int]:
    """Stores with a baseline whose last forecast was made with other promotions than are registered now."""
    return [row[0] for row in await connection.fetch(f"{_STALE} ORDER BY s.store_id LIMIT $1", limit)]


async def is_stale(connection: Connection, store_id: int) -> bool:
    """Whether the store is one of these."""
    return bool(await connection.fetch(f"{_STALE} AND s.store_id = $1", store_id))


def _registered(row: Record) -> RegisteredPromotion:
    promotion_id, first, last, name, registered_at = row
    return RegisteredPromotion(promotion_id, Promotion(first, last, name), _utc(registered_at))


def _utc(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC)
