"""Stock of inventory items: a level at one location, the list of all levels, and whether stock is counted at all."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from kiki.commerce.catalogue import InventoryItemRow, LevelRow, ProductState
from kiki.commerce.events import (
    UNDATED,
    InventoryItemObserved,
    InventoryLevelObserved,
    InventoryLevelsListed,
)
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.stock_guard.stock import explains
from kiki.orchestrator.workflows import advertising, guarding
from kiki.orchestrator.workflows.batch import Batch, Key, StoreView, observed_at


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


def note_levels(batch: Batch, state: ProductState) -> None:
    """Remember which items' levels are all told: those that add up to what the product says."""
    for row in batch.variants.get((state.store_id, state.product_id), {}).values():
        if row.inventory_item_id is None or row.deleted:
            continue
        key = (row.store_id, row.inventory_item_id)
        known = batch.inventory_items.get(key)
        if (known is None or not known.levels_complete) and explains(guarding.variant_stock(batch, state, row)):
            _complete(batch, key)


def dated(updated_at: dt.datetime, item: WorkItem) -> dt.datetime:
    """The payload's own time, or when it was told where it has none."""
    return observed_at(item) if updated_at == UNDATED else updated_at


def _put_level(batch: Batch, key: Key, location_id: str, available: int | None, at: dt.datetime) -> bool:
    levels = batch.levels.setdefault(key, {})
    known = levels.get(location_id)
    if known is not None and at < known.updated_at:
        return False
    row = LevelRow(*key, location_id, available, at)
    if row != known:
        levels[location_id] = row
        batch.out.levels[key[0], key[1], location_id] = row
    return True


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
            note_levels(batch, state)
            guarding.guard(batch, view, state, item.lane, cause=item.topic)
            advertising.tell_margin(batch, view, state, item.lane)
