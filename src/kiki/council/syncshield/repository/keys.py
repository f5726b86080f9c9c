"""Rows of the data keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from kiki.council.syncshield.domain import DataKey
from kiki.kit.database import Connection, Record

_COLUMNS = "store_id, version, master_version, wrapped, created_at, shredded_at"


async def list_keys(connection: Connection, store_id: int) -> list[DataKey]:
    """A store's keys, newest first, destroyed ones included."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM syncshield.data_keys WHERE store_id = $1 ORDER BY version DESC", store_id
    )
    return [_key(row) for row in rows]


async def find_key(connection: Connection, store_id: int, version: int | None) -> DataKey | None:
    """One version, or the newest when `version` is None."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM syncshield.data_keys WHERE store_id = $1 AND ($2::int IS NULL OR version = $2)"
        " ORDER BY version DESC LIMIT 1",
        store_id,
        version,
    )
    return _key(row) if row else None


async def add_key(connection: Connection, key: DataKey) -> None:
    """Store a new key."""
    await connection.execute(
        f"INSERT INTO syncshield.data_keys ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)",
        key.store_id,
        key.version,
        key.master_version,
        key.wrapped,
        key.created_at,
        key.shredded_at,
    )


async def rewrap(connection: Connection, keys: Sequence[DataKey]) -> None:
    """Replace the wrapping of keys that live."""
    await connection.execute(
        "UPDATE syncshield.data_keys k SET master_version = u.m, wrapped = u.w"
        " FROM unnest($1::bigint[], $2::int[], $3::int[], $4::bytea[]) AS u(s, v, m, w)"
        " WHERE k.store_id = u.s AND k.version = u.v AND k.shredded_at IS NULL",
        [key.store_id for key in keys],
        [key.version for key in keys],
        [key.master_version for key in keys],
        [key.wrapped for key in keys],
    )


async def shred(connection: Connection, store_id: int, at: dt.datetime) -> int:
    """Destroy every living key of a store; how many that were."""
    rows = await connection.fetch(
        "UPDATE syncshield.data_keys SET wrapped = NULL, shredded_at = $2, master_version = 0"
        " WHERE store_id = $1 AND shredded_at IS NULL RETURNING version",
        store_id,
        at,
    )
    return len(rows)


def _key(row: Record) -> DataKey:
    return DataKey(*row)
