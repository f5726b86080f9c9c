"""Products and variations of WooCommerce. A variation travels under the product topics, told apart by its `type`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from kiki.commerce.events import (
    UNDATED,
    CommerceEvent,
    ProductDeleted,
    ProductObserved,
    ProductStatus,
    StockStatus,
    Variant,
    VariantDeleted,
    VariantObserved,
)
from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money
from kiki.platforms.protocol import StoreContext
from kiki.platforms.reading import (
    Amount,
    Ident,
    Text,
    decoder,
    find_money,
    find_text,
    find_whole,
    ident,
    plain_text,
    text,
)
from kiki.platforms.woocommerce.events.resource import (
    Resource,
    created_at,
    listed,
    modified_at,
    read,
    read_id,
)

_STOCK = {
    "instock": StockStatus.IN_STOCK,
    "outofstock": StockStatus.OUT_OF_STOCK,
    "onbackorder": StockStatus.ON_BACKORDER,
}
_PARENT_STOCK = "parent"


class _Named(msgspec.Struct):
    name: Text = None


class _Image(msgspec.Struct):
    src: Text = None


class _Costs(msgspec.Struct):
    total_value: Amount = None


class _Product(Resource):
    name: Text | msgspec.UnsetType = msgspec.UNSET
    description: Text | msgspec.UnsetType = msgspec.UNSET
    short_description: Text = None
    permalink: Text | msgspec.UnsetType = msgspec.UNSET
    type: Text = None
    parent_id: Ident = None
    status: Text | msgspec.UnsetType = msgspec.UNSET
    sku: Text = None
    price: Amount = None
    regular_price: Amount = None
    manage_stock: Text = None
    stock_quantity: Amount = None
    stock_status: Text = None
    backorders_allowed: bool | None = None
    variations: list[Ident] | dict[str, Ident] | msgspec.UnsetType | None = msgspec.UNSET
    images: list[_Image] | dict[str, _Image] | msgspec.UnsetType | None = msgspec.UNSET
    categories: list[_Named] | dict[str, _Named] | msgspec.UnsetType | None = msgspec.UNSET
    brands: list[_Named] | dict[str, _Named] | msgspec.UnsetType | None = msgspec.UNSET
    cost_of_goods_sold: _Costs | list[Any] | None = None


_product = decoder(_Product)

_FIELDS = {
    "name": "title",
    "description": "description",
    "permalink": "page_url",
    "status": "status",
    "images": "image_urls",
    "categories": "category",
}
"""A payload's field → the event's field that it tells. Brands are newer than most shops: missed only where more is."""


def observed(topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
    """The product, or one of its variations, as it is now; the payload may hold just an id and a stock status."""
    product, product_id = read(_product, body)
    if product.type == "variation":
        return _variation(product, product_id, store)
    variants, complete = _variants(product, product_id, store.currency)
    unsaid = frozenset(name for field, name in _FIELDS.items() if getattr(product, field) is msgspec.UNSET)
    if unsaid and product.brands is msgspec.UNSET:
        unsaid |= {"vendor"}
    return (
        ProductObserved(
            product_id=product_id,
            updated_at=modified_at(product, store) or created_at(product, store) or UNDATED,
            status=_status(product.status),
            title=plain_text(_said(product.name)),
            description=plain_text(_said(product.description)) or plain_text(product.short_description),
            vendor=_first_name(listed(product.brands)),
            category=_first_name(listed(product.categories)),
            page_url=find_text(_said(product.permalink)),
            image_urls=tuple(
                url for image in listed(product.images) if (url := find_text(image.src)) and url.startswith("http")
            ),
            variants=variants,
            variants_complete=complete,
            created=topic == "product.created",
            unsaid=unsaid if variants or complete else unsaid | {"variants"},
        ),
    )


def deleted(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """Only an id is left, and WooCommerce also sends it with a coupon's: not to be believed before it is read back."""
    return (ProductDeleted(product_id=read_id(body), trusted=False),)


def _variation(product: _Product, variant_id: str, store: StoreContext) -> Sequence[CommerceEvent]:
    parent_id = ident(product.parent_id, "parent_id")
    if product.status == "trash":
        return (VariantDeleted(product_id=parent_id, variant_id=variant_id),)
    return (
        VariantObserved(
            product_id=parent_id,
            updated_at=modified_at(product, store) or created_at(product, store) or UNDATED,
            active=_status(product.status) is ProductStatus.ACTIVE,
            variant=_variant(product, variant_id, store.currency),
        ),
    )


def _variants(product: _Product, product_id: str, currency: str) -> tuple[tuple[Variant, ...], bool]:
    """What is sold, and whether that is all of it.

    A product without variations is its own single variant. A variable product lists the ids of its variations, which
    tell their stock themselves; the parent speaks for all of them when it counts their stock, or when none is for sale.
    """
    if product.type != "variable":
        whole_ = product.type is not None or isinstance(product.variations, (list, dict))
        return (_variant(product, product_id, currency),), whole_
    status = _stock_status(product)
    shared = _is_counted(product) is True
    variants = tuple(
        Variant(
            variant_id=ident(each, "variations"),
            sku="",
            price=None,
            tracked=True if shared else None,
            quantity=find_whole(product.stock_quantity, "stock_quantity") if shared else None,
            status=status if shared or status is StockStatus.OUT_OF_STOCK else None,
        )
        for each in listed(product.variations)
    )
    return variants, product.variations is not msgspec.UNSET


def _variant(product: _Product, variant_id: str, currency: str) -> Variant:
    price = _find_price(product.price, currency)
    return Variant(
        variant_id=variant_id,
        sku=text(product.sku),
        price=price,
        cost=_cost(product, currency),
        compare_at_price=_compare_at(product, price, currency),
        tracked=_is_counted(product),
        may_oversell=product.backorders_allowed,
        quantity=find_whole(product.stock_quantity, "stock_quantity"),
        status=_stock_status(product),
    )


def _compare_at(product: _Product, price: Money | None, currency: str) -> Money | None:
    regular = _find_price(product.regular_price, currency)
    return regular if regular is not None and price is not None and price < regular else None


def _cost(product: _Product, currency: str) -> Money | None:
    costs = product.cost_of_goods_sold
    return _find_price(costs.total_value, currency) if isinstance(costs, _Costs) else None


def _find_price(value: Amount, currency: str) -> Money | None:
    """A price as far as it can be read: importers write words and commas, and what is sold out is so at any price."""
    try:
        return find_money(value, currency, "price")
    except InvalidInput:
        return None


def _is_counted(product: _Product) -> bool | None:
    """Whether the product counts stock of its own; None when it does not say, or leaves it to its parent."""
    managed = product.manage_stock
    return None if managed is None or managed == _PARENT_STOCK else managed in (True, 1, "1", "yes", "true")


def _stock_status(product: _Product) -> StockStatus | None:
    return _STOCK.get(text(product.stock_status))


def _status(status: Text | msgspec.UnsetType) -> ProductStatus:
    """Published is offered; a status that a plugin made up is not."""
    if status is msgspec.UNSET or status is True or status == "publish":
        return ProductStatus.ACTIVE
    return ProductStatus.ARCHIVED if status == "trash" else ProductStatus.DRAFT


def _first_name(named: Sequence[_Named]) -> str:
    return plain_text(named[0].name) if named else ""


def _said(value: Text | msgspec.UnsetType) -> Text:
    return None if value is msgspec.UNSET else value
