"""Which store a collector key belongs to, and under which rules its pixel runs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import msgspec

from kiki.commerce.stores import ACTIVE, StoreSettings
from kiki.kit.database import Connection, Record
from kiki.kit.errors import NotFound

_KEY_BYTES = 16
_COLUMNS = "store_id, platform, store_key, settings, collector_key"


@dataclass(frozen=True, slots=True)
class CollectorStore:
    """A store as its pixel and the collector need it. Nothing here is secret."""

    store_id: int
    platform: str
    store_key: str
    collector_key: str
    settings: StoreSettings


async def find_collector_store(connection: Connection, collector_key: str) -> CollectorStore | None:
    """The connected store with this key."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM commerce.store_connections WHERE collector_key = $1 AND status = '{ACTIVE}'",
        collector_key,
    )
    return None if row is None else _read(row)


async def get_collector_store(connection: Connection, store_id: int) -> CollectorStore:
    """The store's key and rules; `NotFound` when there is no such store."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM commerce.store_connections WHERE store_id = $1", store_id)
    if row is None:
        raise NotFound(f"no store has the id {store_id}", reason="STORE_NOT_FOUND")
    return _read(row)


async def rotate_collector_key(connection: Connection, store_id: int) -> CollectorStore:
    """A new key; pages with the old one are answered 404 from now on."""
    row = await connection.fetchrow(
        f"UPDATE commerce.store_connections SET collector_key = $2 WHERE store_id = $1 RETURNING {_COLUMNS}",
        store_id,
        secrets.token_hex(_KEY_BYTES),
    )
    if row is None:
        raise NotFound(f"no store has the id {store_id}", reason="STORE_NOT_FOUND")
    return _read(row)


def _read(row: Record) -> CollectorStore:
    return CollectorStore(
        store_id=row["store_id"],
        platform=row["platform"],
        store_key=row["store_key"],
        collector_key=row["collector_key"],
        settings=msgspec.convert(row["settings"], StoreSettings, strict=False),
    )
