"""Products, variants and stock as rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec

from kiki.commerce import tables
from kiki.commerce.rows import columns_of, shape_of
from kiki.kit.database import Connection
from kiki.kit.reads import Read

PRODUCTS = shape_of(tables.products)
PRODUCT_STATES = shape_of(tables.product_states)
VARIANTS = shape_of(tables.variants)
INVENTORY_ITEMS = shape_of(tables.inventory_items)
INVENTORY_LEVELS = shape_of(tables.inventory_levels)
HOLDS = shape_of(tables.holds)

ProductKey = tuple[int, str]
ItemKey = tuple[int, str]


@dataclass(slots=True)
class ProductText:
    """A product's words and pictures; the fields are the columns of `products`, in order."""

    store_id: int
    product_id: str
    title: str
    description: str
    vendor: str
    category: str
    page_url: str | None
    image_urls: list[str]
    created_at: dt.datetime


@dataclass(slots=True)
class ProductState:
    """What changes with every sale, and what the guard decided; the columns of `product_states`, in order."""

    store_id: int
    product_id: str
    status: str
    deleted: bool
    doubtful: bool
    updated_at: dt.datetime
    triggered_at: str
    content_digest: bytes
    image_digest: bytes
    price_minor: int | None = None
    price_currency: str | None = None
    margin: Decimal | None = None
    quantity: int | None = None
    sellable: bool = True
    ads: str = "running"
    ads_reason: str = ""
    ads_changed_at: dt.datetime | None = None
    resume_at: dt.datetime | None = None
    bids_lowered: bool = False
    decision_seq: int = 0
    creative_made: bool = False
    variants_at: dt.datetime | None = None
    """When a payload last told all variants; each of them counts as told then, though its row may be older."""

    def told_at(self, row: VariantRow) -> dt.datetime:
        """When a variant's figures were last confirmed."""
        if self.variants_at is None or row.speaks:
            return row.updated_at
        return max(row.updated_at, self.variants_at)


@dataclass(slots=True)
class VariantRow:
    """One variant."""

    store_id: int
    product_id: str
    variant_id: str
    sku: str
    price_minor: int | None
    compare_at_minor: int | None
    cost_minor: int | None
    currency: str | None
    inventory_item_id: str | None
    tracked: bool | None
    may_oversell: bool | None
    quantity: int | None
    stock_status: str | None
    active: bool
    deleted: bool
    speaks: bool
    """Not a variant but the parent's word on the stock of all that have not told theirs since."""
    updated_at: dt.datetime


@dataclass(slots=True)
class InventoryItemRow:
    """What an inventory item says beyond its product."""

    store_id: int
    inventory_item_id: str
    tracked: bool
    cost_minor: int | None
    cost_currency: str | None
    sku: str
    updated_at: dt.datetime
    """UNDATED while nothing but its levels was told: then `tracked` stands at a neutral value."""
    levels_complete: bool = False
    """Whether a list of the levels at all its locations was read; a location that is stocked later tells itself."""


@dataclass(slots=True)
class LevelRow:
    """Stock of one item at one location."""

    store_id: int
    inventory_item_id: str
    location_id: str
    available: int | None
    updated_at: dt.datetime
    earlier: tuple[tuple[dt.datetime, int | None], ...]
    """What was told for earlier moments, oldest first, while that may explain the product's total."""


@dataclass(slots=True)
class HoldRow:
    """A person's hand on a product."""

    store_id: int
    product_id: str
    kind: str
    actor: str
    reason: str
    placed_at: dt.datetime
    expires_at: dt.datetime | None

    def active(self, now: dt.datetime) -> bool:
        """Whether the hand is still on."""
        return self.expires_at is None or self.expires_at > now


state_values = attrgetter(*ProductState.__slots__)
variant_values = attrgetter(*VariantRow.__slots__)
inventory_item_values = attrgetter(*InventoryItemRow.__slots__)
hold_values = attrgetter(*HoldRow.__slots__)

_EARLIER = msgspec.json.Decoder(tuple[tuple[dt.datetime, int | None], ...])

_PRODUCTS_OF_ITEMS = """
SELECT DISTINCT v.store_id, v.inventory_item_id, v.product_id
FROM unnest($1::bigint[], $2::text[]) AS wanted(store_id, inventory_item_id)
JOIN commerce.variants v ON v.store_id = wanted.store_id AND v.inventory_item_id = wanted.inventory_item_id
WHERE NOT v.deleted"""
_VARIANTS_OF = """
SELECT v.* FROM unnest($1::bigint[], $2::text[]) AS wanted(store_id, product_id)
JOIN commerce.variants v ON v.store_id = wanted.store_id AND v.product_id = wanted.product_id"""
_LEVELS_OF = """
SELECT l.store_id, l.inventory_item_id, l.location_id, l.available, l.updated_at, l.earlier::text
FROM unnest($1::bigint[], $2::text[]) AS wanted(store_id, inventory_item_id)
JOIN commerce.inventory_levels l
    ON l.store_id = wanted.store_id AND l.inventory_item_id = wanted.inventory_item_id"""


def products_of_items(items: Collection[ItemKey]) -> Read[dict[ItemKey, list[ProductKey]]]:
    """Which products sell these inventory items."""

    def make(rows: Sequence[Sequence[Any]]) -> dict[ItemKey, list[ProductKey]]:
        found: dict[ItemKey, list[ProductKey]] = {}
        for row in rows:
            found.setdefault((row[0], row[1]), []).append((row[0], row[2]))
        return found

    return Read(_PRODUCTS_OF_ITEMS, columns_of(items, 2), make)


def lock_states(keys: Collection[ProductKey]) -> Read[dict[ProductKey, ProductState]]:
    """The products that exist, locked."""
    return PRODUCT_STATES.locked(keys, lambda rows: {(row[0], row[1]): ProductState(*row) for row in rows})


def variants_of(keys: Collection[ProductKey]) -> Read[dict[ProductKey, dict[str, VariantRow]]]:
    """All variants of these products, deleted ones included."""

    def make(rows: Sequence[Sequence[Any]]) -> dict[ProductKey, dict[str, VariantRow]]:
        found: dict[ProductKey, dict[str, VariantRow]] = {}
        for row in rows:
            found.setdefault((row[0], row[1]), {})[row[2]] = VariantRow(*row)
        return found

    return Read(_VARIANTS_OF, columns_of(keys, 2), make)


def levels_of(items: Collection[ItemKey]) -> Read[dict[ItemKey, dict[str, LevelRow]]]:
    """The levels of these items at all locations."""

    def make(rows: Sequence[Sequence[Any]]) -> dict[ItemKey, dict[str, LevelRow]]:
        found: dict[ItemKey, dict[str, LevelRow]] = {}
        for row in rows:
            store_id, item, location, available, at, earlier = row
            level = LevelRow(store_id, item, location, available, at, _EARLIER.decode(earlier))
            found.setdefault((store_id, item), {})[location] = level
        return found

    return Read(_LEVELS_OF, columns_of(items, 2), make)


def level_values(row: LevelRow) -> tuple[Any, ...]:
    """A level's values in the order of its table's columns."""
    earlier = msgspec.json.encode(row.earlier).decode()
    return row.store_id, row.inventory_item_id, row.location_id, row.available, row.updated_at, earlier


def inventory_items_of(items: Collection[ItemKey]) -> Read[dict[ItemKey, InventoryItemRow]]:
    """What is known about these items."""
    return INVENTORY_ITEMS.found(items, lambda rows: {(row[0], row[1]): InventoryItemRow(*row) for row in rows})


def holds_of(keys: Collection[ProductKey]) -> Read[dict[ProductKey, HoldRow]]:
    """Hands on these products, expired ones included."""
    return HOLDS.found(keys, lambda rows: {(row[0], row[1]): HoldRow(*row) for row in rows})


async def find_texts(connection: Connection, keys: Sequence[ProductKey]) -> dict[ProductKey, ProductText]:
    """Words and pictures of these products."""
    return {(row[0], row[1]): ProductText(*row) for row in await PRODUCTS.find(connection, keys)}


async def upsert_texts(connection: Connection, texts: Sequence[ProductText]) -> None:
    """Write words and pictures."""
    rows = [
        (
            text.store_id,
            text.product_id,
            text.title,
            text.description,
            text.vendor,
            text.category,
            text.page_url,
            msgspec.json.encode(text.image_urls).decode(),
            text.created_at,
        )
        for text in texts
    ]
    await PRODUCTS.upsert(connection, rows)


async def append_inventory_events(connection: Connection, rows: Sequence[Sequence[object]]) -> None:
    """Append to the inventory log, in order."""
    if rows:
        await connection.execute(
            """INSERT INTO commerce.inventory_events
                (store_id, product_id, at, transition, cause, actor, quantity, decision_seq)
            SELECT * FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
                                 $7::bigint[], $8::bigint[])""",
            *(list(column) for column in zip(*rows, strict=True)),
        )
