"""A product or one of its variants was created, changed or deleted; its stock changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from kiki.commerce.catalogue import ProductState, ProductText, VariantRow
from kiki.commerce.events import (
    UNDATED,
    ProductDeleted,
    ProductObserved,
    ProductStatus,
    Variant,
    VariantDeleted,
    VariantObserved,
)
from kiki.kit.digest import semantic_digest
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.workflows import advertising, guarding, stocking
from kiki.orchestrator.workflows.batch import Batch, Key, StoreView, deleted_at, observed_at

_DIGEST_BYTES = 8


def product_observed(batch: Batch, view: StoreView, item: WorkItem, event: ProductObserved) -> None:
    """Save; guard its ads by its stock; tell margins; make or refresh its creatives."""
    key = (item.store_id, event.product_id)
    state = batch.products.get(key)
    at = stocking.dated(event.updated_at, item)
    if state is not None and (at, item.triggered_at) < (state.updated_at, state.triggered_at):
        return
    is_new = state is None
    if state is None:
        state = batch.products[key] = _new_state(item, event, at)
    before = _shown(state)
    was_active = not is_new and _is_active(state)
    state.updated_at, state.triggered_at = at, item.triggered_at
    state.deleted = state.doubtful = False
    if "status" not in event.unsaid:
        state.status = event.status.value
    _save_text(batch, state, event, is_new=is_new)
    if event.variants_complete and all(map(_tells, event.variants)):
        state.variants_at = at
    _save_variants(batch, key, event, at)
    batch.out.products.add(key)
    refresh_price(batch, state)
    guarding.guard(batch, view, state, item.lane, cause=item.topic)
    advertising.tell_margin(batch, view, state, item.lane)
    advertising.show(
        batch,
        view,
        state,
        item,
        before=before,
        created=is_new or event.created or (_is_active(state) and not was_active),
    )


def product_deleted(batch: Batch, view: StoreView, item: WorkItem, event: ProductDeleted) -> None:
    """Pause all its ads; a tombstone stays, which newer state revives.

    WooCommerce also sends this with a coupon's id. There a product's and a coupon's id can never be the same (both are
    numbers of one table of posts), so a delete that names a product is true, and one that names a coupon finds no ads
    to pause. Such a delete is believed, and marked as doubtful until newer state of the product is seen: ads for
    something that cannot be bought cost money now, a needless pause ends with the product's next update.
    """
    key = (item.store_id, event.product_id)
    state = batch.products.get(key)
    at = deleted_at(item, None if state is None else state.updated_at)
    if at is None or (state is not None and state.deleted):
        return
    if state is None:
        state = batch.products[key] = ProductState(
            store_id=item.store_id,
            product_id=event.product_id,
            status=ProductStatus.ACTIVE.value,
            deleted=True,
            doubtful=not event.trusted,
            updated_at=at,
            triggered_at=item.triggered_at,
            content_digest=b"",
            image_digest=b"",
        )
    state.deleted, state.doubtful = True, not event.trusted
    state.updated_at, state.triggered_at = at, item.triggered_at
    batch.out.products.add(key)
    guarding.guard(batch, view, state, item.lane, cause=item.topic)
    advertising.log_product(batch, state, created=False)


def variant_observed(batch: Batch, view: StoreView, item: WorkItem, event: VariantObserved) -> None:
    """One variation on its own; before its product it makes a product of which only stock is known."""
    key = (item.store_id, event.product_id)
    at = stocking.dated(event.updated_at, item)
    rows = batch.variants.setdefault(key, {})
    known = rows.get(event.variant.variant_id)
    state = batch.products.get(key) or _placeholder(batch, key)
    if known is not None and at < state.told_at(known):
        return
    before = _shown(state)
    _put_variant(batch, key, event.variant, at, active=event.active)
    batch.out.products.add(key)
    refresh_price(batch, state)
    guarding.guard(batch, view, state, item.lane, cause=item.topic)
    advertising.tell_margin(batch, view, state, item.lane)
    advertising.show(batch, view, state, item, before=before, created=False)


def variant_deleted(batch: Batch, view: StoreView, item: WorkItem, event: VariantDeleted) -> None:
    """One variation is gone; the product may have nothing left to sell. A tombstone stays, as a product's does."""
    key, at = (item.store_id, event.product_id), observed_at(item)
    state = batch.products.get(key)
    if state is None:
        return
    rows = batch.variants.setdefault(key, {})
    row = rows.get(event.variant_id) or _unknown_variant(key, event.variant_id, UNDATED)
    if row.deleted or row.updated_at > at:
        return
    row.deleted, row.updated_at = True, at
    rows[row.variant_id] = row
    batch.out.variants.add((*key, row.variant_id))
    batch.out.products.add(key)
    refresh_price(batch, state)
    guarding.guard(batch, view, state, item.lane, cause=item.topic)
    advertising.tell_margin(batch, view, state, item.lane)


def refresh_price(batch: Batch, state: ProductState) -> None:
    """The lowest price among what is offered."""
    key = (state.store_id, state.product_id)
    prices = [
        (row.price_minor, row.currency)
        for row in batch.variants.get(key, {}).values()
        if row.active and not row.deleted and row.price_minor is not None
    ]
    state.price_minor, state.price_currency = min(prices, default=(None, None), key=lambda price: price[0] or 0)


def _is_active(state: ProductState) -> bool:
    return state.status == ProductStatus.ACTIVE.value and not state.deleted


def _shown(state: ProductState) -> advertising.Shown:
    return advertising.Shown(
        price=(state.price_minor, state.price_currency),
        image_digest=state.image_digest,
        content_digest=state.content_digest,
        status=state.status,
        deleted=state.deleted,
    )


def _new_state(item: WorkItem, event: ProductObserved, at: dt.datetime) -> ProductState:
    return ProductState(
        store_id=item.store_id,
        product_id=event.product_id,
        status=event.status.value,
        deleted=False,
        doubtful=False,
        updated_at=at,
        triggered_at=item.triggered_at,
        content_digest=b"",
        image_digest=b"",
    )


def _placeholder(batch: Batch, key: Key) -> ProductState:
    """A product known only by a variation: older than anything it will ever say itself."""
    state = batch.products[key] = ProductState(
        store_id=key[0],
        product_id=key[1],
        status=ProductStatus.ACTIVE.value,
        deleted=False,
        doubtful=False,
        updated_at=UNDATED,
        triggered_at="",
        content_digest=b"",
        image_digest=b"",
    )
    return state


def _save_text(batch: Batch, state: ProductState, event: ProductObserved, *, is_new: bool) -> None:
    """Words and pictures, when they changed; what a partial payload leaves out stays."""
    key = (state.store_id, state.product_id)
    text = _merged_text(batch, state, event)
    content = semantic_digest(text.title, text.description, text.vendor, text.category)[:_DIGEST_BYTES]
    images = semantic_digest(list(text.image_urls))[:_DIGEST_BYTES]
    if is_new or content != state.content_digest or images != state.image_digest:
        state.content_digest, state.image_digest = content, images
        batch.texts[key] = batch.out.texts[key] = text


def _merged_text(batch: Batch, state: ProductState, event: ProductObserved) -> ProductText:
    known = batch.texts.get((state.store_id, state.product_id))
    told = ProductText(
        store_id=state.store_id,
        product_id=state.product_id,
        title=event.title,
        description=event.description,
        vendor=event.vendor,
        category=event.category,
        page_url=event.page_url,
        image_urls=list(event.image_urls),
        created_at=batch.now if known is None else known.created_at,
    )
    if known is not None:
        for name in event.unsaid & {"title", "description", "vendor", "category", "page_url", "image_urls"}:
            setattr(told, name, getattr(known, name))
    return told


def _save_variants(batch: Batch, key: Key, event: ProductObserved, at: dt.datetime) -> None:
    rows = batch.variants.setdefault(key, {})
    told: set[str] = set()
    for variant in event.variants:
        told.add(variant.variant_id)
        known = rows.get(variant.variant_id)
        if known is None or known.updated_at <= at:
            speaks = not event.variants_complete and variant.variant_id == event.product_id
            _put_variant(batch, key, variant, at, speaks=speaks, complete=event.variants_complete)
    gone: Iterable[VariantRow] = (row for row in rows.values() if row.variant_id not in told and not row.deleted)
    if not event.variants_complete:
        gone = (row for row in gone if row.speaks and event.unsaid == frozenset({"variants"}))
    for row in list(gone):
        if row.updated_at <= at:
            row.deleted, row.updated_at = True, at
            batch.out.variants.add((*key, row.variant_id))


def _put_variant(
    batch: Batch,
    key: Key,
    variant: Variant,
    at: dt.datetime,
    *,
    active: bool | None = None,
    speaks: bool = False,
    complete: bool = False,
) -> None:
    """Write a variant when something changed; a complete payload that only confirms it moves no row.

    One that is only listed tells nothing: what it says itself stays, and is not too old because of the list. Whether it
    is offered (`active`) a product's payload never tells.
    """
    rows = batch.variants.setdefault(key, {})
    known = rows.get(variant.variant_id)
    kept = known or _unknown_variant(key, variant.variant_id, at if _tells(variant) else UNDATED)
    row = VariantRow(
        store_id=key[0],
        product_id=key[1],
        variant_id=variant.variant_id,
        sku=variant.sku or kept.sku,
        price_minor=variant.price.minor if variant.price else kept.price_minor,
        compare_at_minor=variant.compare_at_price.minor if variant.compare_at_price else None,
        cost_minor=variant.cost.minor if variant.cost else kept.cost_minor,
        currency=variant.price.currency if variant.price else kept.currency,
        inventory_item_id=variant.inventory_item_id or kept.inventory_item_id,
        tracked=kept.tracked if variant.tracked is None else variant.tracked,
        may_oversell=kept.may_oversell if variant.may_oversell is None else variant.may_oversell,
        quantity=kept.quantity if variant.quantity is None else variant.quantity,
        stock_status=variant.status.value if variant.status else kept.stock_status,
        active=kept.active if active is None else active,
        deleted=False,
        speaks=speaks,
        updated_at=at if _tells(variant) or kept.deleted else kept.updated_at,
    )
    if known is not None and complete and replace(known, updated_at=row.updated_at) == row:
        return
    rows[variant.variant_id] = row
    batch.out.variants.add((*key, variant.variant_id))
    if row.inventory_item_id is not None:
        _sells(batch, key, row.inventory_item_id)


def _sells(batch: Batch, key: Key, inventory_item_id: str) -> None:
    """What is told of the item later in the batch concerns this product, too."""
    sellers = batch.products_of.setdefault((key[0], inventory_item_id), [])
    if key not in sellers:
        sellers.append(key)


def _tells(variant: Variant) -> bool:
    """Whether a variant says anything about itself, or is only listed."""
    said = (variant.price, variant.tracked, variant.may_oversell, variant.quantity, variant.status)
    return any(each is not None for each in said)


def _unknown_variant(key: Key, variant_id: str, at: dt.datetime) -> VariantRow:
    """Nothing is known of it: what a payload leaves out stays unknown."""
    return VariantRow(
        store_id=key[0],
        product_id=key[1],
        variant_id=variant_id,
        sku="",
        price_minor=None,
        compare_at_minor=None,
        cost_minor=None,
        currency=None,
        inventory_item_id=None,
        tracked=None,
        may_oversell=None,
        quantity=None,
        stock_status=None,
        active=True,
        deleted=False,
        speaks=False,
        updated_at=at,
    )
