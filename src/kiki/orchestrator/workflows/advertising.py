"""What SyncFlow is told about margins, and SyncCreate about products."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kiki.commerce.catalogue import ProductState, ProductText
from kiki.commerce.events import ProductStatus
from kiki.kit.digest import event_id
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows import messages
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.orchestrator.workflows.guarding import guard, lane_of, next_seq, sku_of
from kiki.rpc.v1 import common_pb2, events_pb2, synccreate_pb2, syncflow_pb2

_NETWORKS = {
    "google": synccreate_pb2.AdNetwork.AD_NETWORK_GOOGLE,
    "meta": synccreate_pb2.AdNetwork.AD_NETWORK_META,
    "tiktok": synccreate_pb2.AdNetwork.AD_NETWORK_TIKTOK,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a product can be seen in an ad."""

    price: tuple[int | None, str | None]
    image_digest: bytes
    content_digest: bytes
    status: str
    deleted: bool


def tell_margin(batch: Batch, view: StoreView, state: ProductState, lane: Lane) -> None:
    """The margin, when it changed. One that is known no longer pauses nothing: the last one goes without a floor."""
    margin, known = margin_of(batch, state), state.margin
    if margin == known:
        return
    state.margin = margin
    if margin is None:
        _tell_margin(batch, state, lane, known, "0")
    else:
        _tell_margin(batch, state, lane, margin, view.store.settings.margin_floor)


def rules_changed(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """The store has another floor or low-stock threshold: what is known of these products is judged by it."""
    for product_id in body["product_ids"]:
        state = batch.products.get((item.store_id, product_id))
        if state is None:
            continue
        guard(batch, view, state, item.lane, cause="rules_changed")
        if body["margins"] and state.margin is not None:
            _tell_margin(batch, state, item.lane, state.margin, view.store.settings.margin_floor)


def _tell_margin(batch: Batch, state: ProductState, lane: Lane, told: Decimal | None, floor: str) -> None:
    seq = next_seq(batch, state)
    request = syncflow_pb2.UpdateProductMarginsRequest(
        store_id=state.store_id,
        event_id=event_id(state.store_id, "margin", state.product_id, seq),
        lane=int(lane_of(lane)),  # type: ignore[arg-type]  # an IntEnum with the numbers of the protocol
        decision_seq=seq,
        margins={state.product_id: float(told or 0)},
        margin_floor=float(floor),
    )
    subject = f"product:{state.product_id}"
    batch.call("syncflow", "UpdateProductMargins", lane_of(lane), entity=subject, subject=subject, request=request)


def show(batch: Batch, view: StoreView, state: ProductState, item: WorkItem, *, before: Shown, created: bool) -> None:
    """Make creatives for a product that is offered for the first time, refresh them when it looks different.

    A catalogue sync makes none: a hundred thousand pictures that nobody asked for would delay those that are wanted.
    """
    reasons = _changes(before, state)
    changed = bool(reasons) or before.status != state.status or before.deleted != state.deleted
    if (changed or created) and not (created and item.origin == "sync"):
        log_product(batch, state, created=created)
    if state.status != ProductStatus.ACTIVE.value or state.deleted or item.origin == "sync":
        return
    if created and not state.creative_made:
        _generate(batch, view, state)
    elif reasons and state.creative_made:
        _refresh(batch, state, reasons[0])


def log_product(batch: Batch, state: ProductState, *, created: bool) -> None:
    """The change, for the event log."""
    batch.log(
        "ProductUpdatedEvent",
        f"product:{state.product_id}",
        events_pb2.ProductUpdatedEvent(
            store_id=state.store_id,
            product=product_info(batch, state),
            status="deleted" if state.deleted else state.status,
            created=created,
        ),
    )


def product_info(batch: Batch, state: ProductState) -> common_pb2.ProductInfo:
    """The product as an agent needs to know it; words only where they were told in this batch or read for it."""
    text = batch.texts.get((state.store_id, state.product_id)) or _wordless(state)
    info = common_pb2.ProductInfo(
        product_id=state.product_id,
        title=text.title,
        description=text.description[:5000],
        sku=sku_of(batch, state),
        image_urls=text.image_urls[:20],
        page_url=text.page_url or "",
        vendor=text.vendor,
        category=text.category,
    )
    if state.price_minor is not None and state.price_currency is not None:
        info.price.CopyFrom(messages.amount(state.price_minor, state.price_currency))
        compare = _compare_at(batch, state)
        if compare is not None:
            info.compare_at_price.CopyFrom(messages.amount(compare, state.price_currency))
    return info


def _changes(before: Shown, state: ProductState) -> list[synccreate_pb2.RefreshReason]:
    reason = synccreate_pb2.RefreshReason
    found = (
        (before.price != (state.price_minor, state.price_currency), reason.REFRESH_REASON_PRICE_CHANGE),
        (before.image_digest != state.image_digest, reason.REFRESH_REASON_IMAGE_UPDATE),
        (before.content_digest != state.content_digest, reason.REFRESH_REASON_DESCRIPTION_UPDATE),
    )
    return [name for changed, name in found if changed]


def _generate(batch: Batch, view: StoreView, state: ProductState) -> None:
    state.creative_made = True
    batch.out.products.add((state.store_id, state.product_id))
    for network in view.store.settings.ad_networks:
        if network in _NETWORKS:
            request = synccreate_pb2.GenerateProductCreativeRequest(
                store_id=state.store_id,
                event_id=event_id(state.store_id, "creative", f"{state.product_id}\x1f{network}"),
                product=product_info(batch, state),
                creative_type=synccreate_pb2.CreativeType.CREATIVE_TYPE_IMAGE,
                ad_network=_NETWORKS[network],
            )
            _call(batch, state, "GenerateProductCreative", request)


def _refresh(batch: Batch, state: ProductState, reason: synccreate_pb2.RefreshReason) -> None:
    request = synccreate_pb2.RefreshProductCreativeRequest(
        store_id=state.store_id,
        event_id=event_id(state.store_id, "creative_refreshed", state.product_id, next_seq(batch, state)),
        product=product_info(batch, state),
        reason=reason,
    )
    _call(batch, state, "RefreshProductCreative", request)


def _call(batch: Batch, state: ProductState, method: str, request: object) -> None:
    subject = f"product:{state.product_id}"
    batch.call("synccreate", method, Lane.LIVE, entity=subject, subject=subject, request=request)


def _compare_at(batch: Batch, state: ProductState) -> int | None:
    rows = batch.variants.get((state.store_id, state.product_id), {}).values()
    found = [
        row.compare_at_minor
        for row in rows
        if not row.deleted and row.price_minor == state.price_minor and row.compare_at_minor is not None
    ]
    highest = max(found, default=0)
    return highest if state.price_minor is not None and highest > state.price_minor else None


def _wordless(state: ProductState) -> ProductText:
    return ProductText(state.store_id, state.product_id, "", "", "", "", None, [], state.updated_at)


def margin_of(batch: Batch, state: ProductState) -> Decimal | None:
    """(price − cost) ÷ price over the variants whose price and cost are known in one currency; None when none is."""
    price = cost = 0
    for row in batch.variants.get((state.store_id, state.product_id), {}).values():
        if not row.active or row.deleted or not row.price_minor:
            continue
        item = batch.inventory_items.get((row.store_id, row.inventory_item_id)) if row.inventory_item_id else None
        known = row.cost_minor
        if known is None and item is not None and item.cost_currency == row.currency:
            known = item.cost_minor
        if known is not None:
            price, cost = price + row.price_minor, cost + known
    if price <= 0:
        return None
    return max(min((Decimal(price - cost) / price).quantize(Decimal("0.0001")), Decimal(1)), Decimal(-99))
