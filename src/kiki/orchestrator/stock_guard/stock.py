"""What can be bought, as the platforms tell it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from kiki.commerce.events import ProductStatus, StockStatus

OUT_OF_STOCK = "out_of_stock"
PRODUCT_DELETED = "product_deleted"


@dataclass(frozen=True, slots=True)
class Level:
    """Stock at one location; None: not stocked there."""

    available: int | None
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class VariantStock:
    """What is known about one variant's stock."""

    active: bool
    tracked: bool | None
    may_oversell: bool | None
    quantity: int | None
    """Over all locations, as the product's own payload said at `quantity_at`."""
    quantity_at: dt.datetime
    status: str | None
    levels: tuple[Level, ...] = ()
    levels_complete: bool = False
    """Whether these are the levels of all locations, or only of those that told theirs."""


@dataclass(frozen=True, slots=True)
class StockView:
    """What the guard decides on."""

    sellable: bool
    reason: str
    """Why not: `out_of_stock` or `product_deleted`; empty when it is sellable."""
    quantity: int | None
    """Sellable units; None when they are not limited or not told."""


def view_of(*, status: str, deleted: bool, variants: Sequence[VariantStock]) -> StockView:
    """A product's stock. Unsellable when it is not offered, or when no variant is sellable.

    A product of which no variant is known yet counts as sellable: nothing says otherwise.
    """
    if deleted or status != ProductStatus.ACTIVE.value:
        return StockView(False, PRODUCT_DELETED, None)
    sellable = [variant for variant in variants if is_sellable(variant)]
    if variants and not sellable:
        return StockView(False, OUT_OF_STOCK, 0)
    units = [_limited_units(variant) for variant in sellable]
    quantity = None if not units or None in units else sum(unit for unit in units if unit is not None)
    return StockView(True, "", quantity)


def is_sellable(variant: VariantStock) -> bool:
    """Whether one variant can be bought now."""
    if not variant.active:
        return False
    if variant.status is not None:
        return variant.status != StockStatus.OUT_OF_STOCK.value
    if variant.tracked is False or variant.may_oversell:
        return True
    units = units_of(variant)
    return units is None or units > 0


def units_of(variant: VariantStock) -> int | None:
    """Units over all locations, negative ones counting as none; None when nothing tells them.

    The product's total and the locations' levels come in separate deliveries: the newer one speaks. Levels that add up
    to the total describe the same state, so the clamped sum (which the total cannot give) is used. Newer levels of some
    locations only say nothing about the others: of these the older total is all that is known, until a newer one comes.
    """
    if not variant.levels:
        return None if variant.quantity is None else max(variant.quantity, 0)
    told = [level.available or 0 for level in variant.levels]
    clamped = sum(max(available, 0) for available in told)
    if variant.quantity is None:
        return clamped
    if variant.quantity_at <= max(level.at for level in variant.levels):
        return clamped if variant.levels_complete or explains(variant) else max(clamped, variant.quantity)
    return clamped if sum(told) == variant.quantity else max(variant.quantity, 0)


def explains(variant: VariantStock) -> bool:
    """Whether the levels are all there are: they add up to a total that is no older than any of them.

    What no location has told is then none in sum, and whichever is stocked later tells itself.
    """
    if not variant.levels or variant.quantity is None:
        return False
    newest = max(level.at for level in variant.levels)
    return variant.quantity_at >= newest and sum(level.available or 0 for level in variant.levels) == variant.quantity


def _limited_units(variant: VariantStock) -> int | None:
    if variant.tracked is False or variant.may_oversell:
        return None
    if variant.status == StockStatus.ON_BACKORDER.value:
        return None
    return units_of(variant)
