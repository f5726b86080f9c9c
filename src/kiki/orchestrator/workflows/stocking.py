"""Stock of inventory items: a level at one location, the list of all levels, and whether stock is counted at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import itemgetter

from kiki.commerce.catalogue import InventoryItemRow, LevelRow
from kiki.commerce.events import (
    UNDATED,
    InventoryItemObserved,
    InventoryLevelObserved,
    InventoryLevelsListed,
)
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.workflows import advertising, guarding
from kiki.orchestrator.workflows.batch import Batch, Key, StoreView, observed_at

_KEPT_LEVELS = 8
"""Levels of one location that are newer than the product's total: more wait for a total only where it never comes."""


def inventory_level_observed(batch: Batch, view: StoreView, item: WorkItem, event: InventoryLevelObserved) -> None:
    """Stock at one location: a level. Guards every product that sells the item."""
    key = (item.store_id, event.inventory_item_id)
    if _put_level(batch, key, event.location_id, event.available, dated(event.updated_at, item)):
        _guard_sellers(batch, view, item, key)


def inventory_levels_listed(batch: Batch, view: StoreView, item: WorkItem, event: InventoryLevelsListed) -> None:
    """The levels at all locations, read of the shop: from now on nothing is missing.

    One that is known newer stays. A location that is not in the list and was told before has none.
    """
    key = (item.store_id, event.inventory_item_id)
    times = [dated(told.updated_at, item) for told in event.levels]
    for told, at in zip(event.levels, times, strict=True):
        _put_level(batch, key, told.location_id, told.available, at)
    listed, newest = {told.location_id for told in event.levels}, max(times)
    for row in list(batch.levels[key].values()):
        if row.location_id not in listed and row.available is not None:
            _put_level(batch, key, row.location_id, None, newest)
    _complete(batch, key)
    _guard_sellers(batch, view, item, key)


def inventory_item_observed(batch: Batch, view: StoreView, item: WorkItem, event: InventoryItemObserved) -> None:
    """Whether an item's stock is counted, and what it costs."""
    key = (item.store_id, event.inventory_item_id)
    at = dated(event.updated_at, item)
    known = batch.inventory_items.get(key)
    if known is not None and at < known.updated_at:
        return
    batch.inventory_items[key] = InventoryItemRow(
        store_id=key[0],
        inventory_item_id=key[1],
        tracked=event.tracked,
        cost_minor=None if event.cost is None else event.cost.minor,
        cost_currency=None if event.cost is None else event.cost.currency,
        sku=event.sku,
        updated_at=at,
        levels_complete=known is not None and known.levels_complete,
    )
    batch.out.inventory_items.add(key)
    _guard_sellers(batch, view, item, key)


def dated(updated_at: dt.datetime, item: WorkItem) -> dt.datetime:
    """The payload's own time, or when it was told where it has none."""
    return observed_at(item) if updated_at == UNDATED else updated_at


def _put_level(batch: Batch, key: Key, location_id: str, available: int | None, at: dt.datetime) -> bool:
    """Remember what a location told, and what it told before as long as that may explain the product's total.

    Returns whether anything is known now that was not.
    """
    levels = batch.levels.setdefault(key, {})
    known = levels.get(location_id)
    told = {} if known is None else {**dict(known.earlier), known.updated_at: known.available}
    told[at] = available
    *earlier, (newest, now) = sorted(told.items(), key=itemgetter(0))
    row = LevelRow(*key, location_id, now, newest, _still_of_use(batch, key, earlier))
    if row == known:
        return False
    levels[location_id] = row
    batch.out.levels[key[0], key[1], location_id] = row
    return True


def _still_of_use(
    batch: Batch, key: Key, earlier: Sequence[tuple[dt.datetime, int | None]]
) -> tuple[tuple[dt.datetime, int | None], ...]:
    """Of a location's earlier levels the one that stood when the total was told, and those since; oldest first."""
    item = batch.inventory_items.get(key)
    if item is not None and item.levels_complete:
        return ()
    total_at = min(_totals_of(batch, key), default=UNDATED)
    before = [each for each in earlier if each[0] <= total_at]
    since = [each for each in earlier if each[0] > total_at]
    return (*before[-1:], *since[-_KEPT_LEVELS:])


def _totals_of(batch: Batch, key: Key) -> Iterator[dt.datetime]:
    """When the totals were told of the variants that an item is."""
    for product_key in batch.products_of.get(key, ()):
        state = batch.products.get(product_key)
        for row in batch.variants.get(product_key, {}).values():
            if state is not None and row.inventory_item_id == key[1] and row.quantity is not None:
                yield state.told_at(row)


def _complete(batch: Batch, key: Key) -> None:
    known = batch.inventory_items.get(key)
    if known is None:
        known = InventoryItemRow(
            store_id=key[0],
            inventory_item_id=key[1],
            tracked=True,
            cost_minor=None,
            cost_currency=None,
            sku="",
            updated_at=UNDATED,
        )
    if not known.levels_complete:
        batch.inventory_items[key] = replace(known, levels_complete=True)
        batch.out.inventory_items.add(key)


def _guard_sellers(batch: Batch, view: StoreView, item: WorkItem, key: Key) -> None:
    for product_key in sorted(set(batch.products_of.get(key, ()))):
        state = batch.products.get(product_key)
        if state is not None:
            guarding.guard(batch, view, state, item.lane, cause=item.topic)
            advertising.tell_margin(batch, view, state, item.lane)
