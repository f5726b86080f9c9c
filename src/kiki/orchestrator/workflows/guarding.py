"""Asking the stock guard about a product, and carrying out what it says."""

from __future__ import annotations

import datetime as dt
from typing import Any

from kiki.commerce.catalogue import ProductState, VariantRow
from kiki.commerce.events import UNDATED
from kiki.kit.digest import event_id
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.stock_guard.guard import Action, GuardState, judge
from kiki.orchestrator.stock_guard.stock import Level, StockView, VariantStock, view_of
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.rpc.v1 import events_pb2, syncflow_pb2

ACTOR = "stock-guard"
_REASONS = {
    "out_of_stock": syncflow_pb2.PauseReason.PAUSE_REASON_OUT_OF_STOCK,
    "product_deleted": syncflow_pb2.PauseReason.PAUSE_REASON_PRODUCT_DELETED,
}


def guard(
    batch: Batch,
    view: StoreView,
    state: ProductState,
    lane: Lane,
    *,
    cause: str,
    actor: str = ACTOR,
    now: dt.datetime | None = None,
) -> None:
    """Judge a product anew. Nothing is written and nobody is called when nothing changed."""
    stock, now = stock_of(batch, state), now or batch.now
    hold = batch.holds.get((state.store_id, state.product_id))
    held = hold is not None and hold.active(now)
    before = GuardState(state.ads, state.ads_reason, state.resume_at, state.bids_lowered)
    judgement = judge(before, stock, held=held, now=now, rules=view.guard)
    if stock.sellable != state.sellable:
        batch.out.availability[state.store_id, state.product_id] = (stock.sellable, next_seq(batch, state))
    if (stock.sellable, stock.quantity) != (state.sellable, state.quantity):
        state.sellable, state.quantity = stock.sellable, stock.quantity
        batch.out.products.add((state.store_id, state.product_id))
    if judgement.state == before and not judgement.actions:
        return
    after = judgement.state
    state.ads, state.ads_reason, state.resume_at = after.ads, after.reason, after.resume_at
    state.bids_lowered = after.bids_lowered
    batch.out.products.add((state.store_id, state.product_id))
    for action in judgement.actions:
        _call(batch, view, state, lane, action, actor)
    for transition in judgement.transitions:
        state.ads_changed_at = batch.now
        _record(batch, state, transition, cause=_cause(cause, state), actor=actor)


def stock_of(batch: Batch, state: ProductState) -> StockView:
    """The product's stock as known now."""
    rows = [row for row in batch.variants.get((state.store_id, state.product_id), {}).values() if not row.deleted]
    speaker = next((row for row in rows if row.speaks), None)
    own = [row for row in rows if not row.speaks]
    variants = [
        variant_stock(batch, state, row) for row in own if speaker is None or state.told_at(row) > speaker.updated_at
    ]
    if speaker is not None and (len(variants) < len(own) or not own):
        variants.append(variant_stock(batch, state, speaker))
    return view_of(status=state.status, deleted=state.deleted, variants=variants)


def variant_stock(batch: Batch, state: ProductState, row: VariantRow) -> VariantStock:
    """One variant's stock as known now, with what its inventory item says."""
    levels: tuple[Level, ...] = ()
    tracked, complete = row.tracked, False
    if row.inventory_item_id is not None:
        key = (row.store_id, row.inventory_item_id)
        item = batch.inventory_items.get(key)
        if item is not None:
            tracked = item.tracked if item.updated_at != UNDATED else tracked
            complete = item.levels_complete
        levels = tuple(
            Level(level.available, level.updated_at, level.earlier) for level in batch.levels.get(key, {}).values()
        )
    return VariantStock(
        active=row.active,
        tracked=tracked,
        may_oversell=row.may_oversell,
        quantity=row.quantity,
        quantity_at=state.told_at(row),
        status=row.stock_status,
        levels=levels,
        levels_complete=complete,
    )


def sku_of(batch: Batch, state: ProductState) -> str:
    """The first variant's SKU, for display."""
    rows = batch.variants.get((state.store_id, state.product_id), {})
    return next((rows[name].sku for name in sorted(rows) if rows[name].sku and not rows[name].deleted), "")


def next_seq(batch: Batch, state: ProductState) -> int:
    """The number of the next decision about a product."""
    state.decision_seq += 1
    batch.out.products.add((state.store_id, state.product_id))
    return state.decision_seq


def lane_of(lane: Lane) -> Lane:
    """Stock decisions overtake everything, except those of a sync, which stay behind live work."""
    return Lane.BULK if lane is Lane.BULK else Lane.LIVE_STOCK


def _call(batch: Batch, view: StoreView, state: ProductState, lane: Lane, action: Action, actor: str) -> None:
    urgent = lane_of(lane)
    seq = next_seq(batch, state)
    common: dict[str, Any] = {
        "store_id": state.store_id,
        "event_id": event_id(state.store_id, f"guard_{action.value}", state.product_id, seq),
        "lane": int(urgent),
        "decision_seq": seq,
        "product_id": state.product_id,
    }
    if action is Action.PAUSE:
        request: object = syncflow_pb2.PauseProductCampaignsRequest(
            **common, sku=sku_of(batch, state), reason=_REASONS[state.ads_reason], actor=actor
        )
        method = "PauseProductCampaigns"
    elif action is Action.RESUME:
        request = syncflow_pb2.ResumeProductCampaignsRequest(
            **common, sku=sku_of(batch, state), new_quantity=max(state.quantity or 0, 0), actor=actor
        )
        method = "ResumeProductCampaigns"
    else:
        threshold = max(view.guard.low_stock_threshold, 0)
        enough = threshold + 1 if action is Action.RESTORE_BIDS else 0
        unlimited = max(threshold * 1000, enough)
        request = syncflow_pb2.AdjustBidsForInventoryRequest(
            **common,
            quantity=max(state.quantity if state.quantity is not None else unlimited, enough),
            low_stock_threshold=threshold,
            factor=view.store.settings.low_stock_factor,
        )
        method = "AdjustBidsForInventory"
    subject = f"product:{state.product_id}"
    batch.call("syncflow", method, urgent, entity=subject, subject=subject, request=request)


def _cause(cause: str, state: ProductState) -> str:
    return f"{cause}: {state.ads_reason}" if state.ads_reason else cause


def _record(batch: Batch, state: ProductState, transition: str, *, cause: str, actor: str) -> None:
    record(batch, state, transition, cause=cause, actor=actor)
    batch.log(
        "StockGuardEvent",
        f"product:{state.product_id}",
        events_pb2.StockGuardEvent(
            store_id=state.store_id,
            product_id=state.product_id,
            transition=transition,
            cause=cause,
            decision_seq=state.decision_seq,
            resume_at=state.resume_at,
        ),
    )


def record(batch: Batch, state: ProductState, transition: str, *, cause: str, actor: str) -> None:
    """One line of the inventory log."""
    batch.out.inventory_events.append(
        (
            state.store_id,
            state.product_id,
            batch.now,
            transition,
            cause,
            actor,
            state.quantity,
            state.decision_seq,
        )
    )
