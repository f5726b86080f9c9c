"""Products, variants and inventory of Shopify."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from kiki.commerce.events import (
    UNDATED,
    CommerceEvent,
    InventoryItemObserved,
    InventoryLevelObserved,
    InventoryLevelsListed,
    LocationLevel,
    ProductDeleted,
    ProductObserved,
    ProductStatus,
    Variant,
    VariantObserved,
)
from kiki.platforms.protocol import StoreContext
from kiki.platforms.reading import (
    Amount,
    Ident,
    Text,
    decode,
    decoder,
    find_ident,
    find_money,
    find_text,
    find_time,
    find_whole,
    ident,
    missing,
    plain_text,
    text,
)

_T = TypeVar("_T")

_STATUS = {
    "active": ProductStatus.ACTIVE,
    "draft": ProductStatus.DRAFT,
    "archived": ProductStatus.ARCHIVED,
}


class _Image(msgspec.Struct):
    src: Text = None


class _Variant(msgspec.Struct):
    id: Ident = None
    product_id: Ident = None
    sku: Text = None
    price: Amount = None
    compare_at_price: Amount = None
    inventory_policy: Text = None
    inventory_quantity: Amount = None
    inventory_item_id: Ident = None
    inventory_management: str | msgspec.UnsetType | None = msgspec.UNSET
    updated_at: Text = None


class _Product(msgspec.Struct):
    id: Ident = None
    title: Text | msgspec.UnsetType = msgspec.UNSET
    body_html: Text | msgspec.UnsetType = msgspec.UNSET
    vendor: Text | msgspec.UnsetType = msgspec.UNSET
    product_type: Text | msgspec.UnsetType = msgspec.UNSET
    status: Text | msgspec.UnsetType = msgspec.UNSET
    created_at: Text = None
    updated_at: Text = None
    variants: list[_Variant] | msgspec.UnsetType | None = msgspec.UNSET
    variant_gids: list[msgspec.Raw] | None = None
    images: list[_Image] | msgspec.UnsetType | None = msgspec.UNSET


class _Level(msgspec.Struct):
    inventory_item_id: Ident = None
    location_id: Ident = None
    available: Amount = None
    updated_at: Text = None


class _LevelOrList(_Level):
    inventory_levels: list[_Level] | None = None


class _Item(msgspec.Struct):
    id: Ident = None
    sku: Text = None
    tracked: bool | None = None
    cost: Amount = None
    updated_at: Text = None


_product = decoder(_Product)
_variant = decoder(_Variant)
_level = decoder(_LevelOrList)
_item = decoder(_Item)

_FIELDS = {
    "status": "status",
    "title": "title",
    "body_html": "description",
    "vendor": "vendor",
    "product_type": "category",
    "images": "image_urls",
    "variants": "variants",
}
"""A payload's field → the event's field that it tells."""


def observed(topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
    """The product as it is now, with its variants; above 100 Shopify leaves some out and lists all ids beside."""
    product = decode(_product, body)
    variants = _list(product.variants)
    unsaid = frozenset(name for field, name in _FIELDS.items() if getattr(product, field) is msgspec.UNSET)
    return (
        ProductObserved(
            product_id=ident(product.id, "id"),
            updated_at=find_time(product.updated_at, "updated_at")
            or find_time(product.created_at, "created_at")
            or UNDATED,
            status=_STATUS.get(text(_said(product.status)), ProductStatus.ACTIVE),
            title=text(_said(product.title)),
            description=plain_text(_said(product.body_html)),
            vendor=text(_said(product.vendor)),
            category=text(_said(product.product_type)),
            page_url=None,
            image_urls=tuple(url for image in _list(product.images) if (url := find_text(image.src))),
            variants=tuple(_variant_of(each, store.currency) for each in variants),
            variants_complete="variants" not in unsaid and len(product.variant_gids or ()) <= len(variants),
            created=topic == "products/create",
            unsaid=unsaid,
        ),
    )


def deleted(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """The product is gone; Shopify's word is good."""
    return (ProductDeleted(product_id=ident(decode(_item, body).id, "id")),)


def variant_observed(_topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
    """A variant that ran out or came back."""
    variant = decode(_variant, body)
    return (
        VariantObserved(
            product_id=ident(variant.product_id, "product_id"),
            updated_at=find_time(variant.updated_at, "updated_at") or UNDATED,
            active=True,
            variant=_variant_of(variant, store.currency),
        ),
    )


def level_observed(topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """Stock of an item at a location; `disconnect` means that it is not stocked there any more.

    A body with `inventory_levels` is what a sync read: the API's list of one item's levels at all locations.
    """
    level = decode(_level, body)
    item = ident(level.inventory_item_id, "inventory_item_id")
    if level.inventory_levels:
        return (InventoryLevelsListed(inventory_item_id=item, levels=tuple(map(_located, level.inventory_levels))),)
    gone = topic == "inventory_levels/disconnect"
    told = _located(level)
    return (
        InventoryLevelObserved(
            inventory_item_id=item,
            location_id=told.location_id,
            available=None if gone else told.available,
            updated_at=told.updated_at,
        ),
    )


def _located(level: _Level) -> LocationLevel:
    return LocationLevel(
        location_id=ident(level.location_id, "location_id"),
        available=find_whole(level.available, "available"),
        updated_at=find_time(level.updated_at, "updated_at") or UNDATED,
    )


def item_observed(_topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
    """Whether an item is counted at all, and what it costs: told nowhere else."""
    item = decode(_item, body)
    if item.tracked is None:
        raise missing("tracked")
    return (
        InventoryItemObserved(
            inventory_item_id=ident(item.id, "id"),
            tracked=item.tracked,
            cost=find_money(item.cost, store.currency, "cost"),
            sku=text(item.sku),
            updated_at=find_time(item.updated_at, "updated_at") or UNDATED,
        ),
    )


def _variant_of(variant: _Variant, currency: str) -> Variant:
    management = variant.inventory_management
    return Variant(
        variant_id=ident(variant.id, "variants.id"),
        sku=text(variant.sku),
        price=find_money(variant.price, currency, "variants.price"),
        compare_at_price=find_money(variant.compare_at_price, currency, "variants.compare_at_price"),
        inventory_item_id=find_ident(variant.inventory_item_id, "variants.inventory_item_id"),
        tracked=None if management is msgspec.UNSET else bool(management),
        may_oversell=None if variant.inventory_policy is None else variant.inventory_policy == "continue",
        quantity=find_whole(variant.inventory_quantity, "variants.inventory_quantity"),
    )


def _said(value: Text | msgspec.UnsetType) -> Text:
    return None if value is msgspec.UNSET else value


def _list(value: list[_T] | msgspec.UnsetType | None) -> list[_T]:
    return value if isinstance(value, list) else []
