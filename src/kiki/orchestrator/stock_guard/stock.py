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
    earlier: tuple[tuple[dt.datetime, int | None], ...] = ()
    """What it told for earlier moments, oldest first, as far as that is kept."""

    def as_of(self, moment: dt.datetime) -> int:
        """Units at a moment by what was told up to it; none when it had not told any."""
        if self.at <= moment:
            return self.available or 0
        return next((available or 0 for at, available in reversed(self.earlier) if at <= moment), 0)


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
    """Whether a list of all locations gave these levels, or only those are here that told theirs."""


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

    The product's total and the locations' levels come in separate deliveries. Levels that add up to the total, as they
    were when it was told, are all there are: what they say now is the sum, clamped, which the total cannot give. Where
    they do not, locations are missing, and the total speaks; newer levels of some locations add to it and take nothing
    off, for of the others it is all that is known until a newer one comes. In whatever order the same is told, the
    answer is the same.
    """
    if not variant.levels:
        return None if variant.quantity is None else max(variant.quantity, 0)
    clamped = sum(max(level.available or 0, 0) for level in variant.levels)
    total_at = variant.quantity_at
    if variant.quantity is None or sum(level.as_of(total_at) for level in variant.levels) == variant.quantity:
        return clamped
    if max(level.at for level in variant.levels) < total_at:
        return max(variant.quantity, 0)
    return clamped if variant.levels_complete else max(clamped, variant.quantity)


def _limited_units(variant: VariantStock) -> int | None:
    if variant.tracked is False or variant.may_oversell:
        return None
    if variant.status == StockStatus.ON_BACKORDER.value:
        return None
    return units_of(variant)
