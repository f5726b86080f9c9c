"""A person pauses, resumes or holds a product's ads by hand, or takes the hand off; hands expire; resumes fall due."""

from __future__ import annotations

import datetime as dt
from typing import Any

from kiki.commerce.catalogue import HoldRow, ProductState
from kiki.commerce.events import UNDATED, ProductStatus
from kiki.kit.digest import event_id
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows import guarding
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.rpc.v1 import syncflow_pb2, syncshield_pb2

PAUSE, RESUME, HOLD, RELEASE = "pause", "resume", "hold", "release"
_ENDED = dt.timedelta(days=1)
"""How long ago an order ended that SyncFlow is told to end now: more than clocks differ by."""
_MANUAL = syncflow_pb2.PauseReason.PAUSE_REASON_MANUAL


def products_commanded(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """Put the hand on, tell SyncFlow and the audit log; taken off, the guard judges anew."""
    expires = body.get("expires_at")
    expires_at = dt.datetime.fromisoformat(expires) if expires else None
    for product_id in body["product_ids"]:
        state = batch.products.get((item.store_id, product_id)) or _unseen(batch, item.store_id, product_id)
        _command(batch, view, item, state, body, expires_at)


def holds_expired(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """Hands whose time is over: the guard judges anew. SyncFlow ends its own side by the same time."""
    for product_id, now in _due(batch, body):
        key = (item.store_id, product_id)
        hold, state = batch.holds.get(key), batch.products.get(key)
        if hold is None or hold.active(now):
            continue
        _lift(batch, (item.store_id, product_id))
        if state is not None:
            guarding.record(batch, state, "hold_expired", cause=hold.reason, actor=hold.actor)
            guarding.guard(batch, view, state, Lane.LIVE_STOCK, cause="hold_expired")


def resumes_due(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """Damped resumes whose time has come; one whose product is unsellable again is not resumed."""
    for product_id, now in _due(batch, body):
        state = batch.products.get((item.store_id, product_id))
        if state is not None and state.resume_at is not None:
            guarding.guard(batch, view, state, Lane.LIVE_STOCK, cause="damping_over", now=now)


def _due(batch: Batch, body: dict[str, Any]) -> list[tuple[str, dt.datetime]]:
    """Products, each with the time to judge it by: no earlier than what made it due, whoever's clock is behind."""
    told = [dt.datetime.fromisoformat(text) for text in body.get("due", ()) if text]
    times = told if len(told) == len(body["product_ids"]) else [batch.now] * len(body["product_ids"])
    return [(name, max(batch.now, at)) for name, at in zip(body["product_ids"], times, strict=True)]


def _command(
    batch: Batch,
    view: StoreView,
    item: WorkItem,
    state: ProductState,
    body: dict[str, Any],
    expires_at: dt.datetime | None,
) -> None:
    command, actor, reason = body["command"], body["actor"], body["reason"]
    key = (state.store_id, state.product_id)
    earlier = batch.holds.get(key)
    if command == RELEASE:
        if earlier is None:
            return
        _lift(batch, key)
        guarding.record(batch, state, f"hand_{command}", cause=reason, actor=actor)
        guarding.guard(batch, view, state, Lane.LIVE_STOCK, cause="hold_released")
        if earlier.kind != HOLD:
            _end_order(batch, state, actor, reason)  # After the guard's word: nothing sold out runs in between.
    else:
        kind = _kind(command, earlier, batch.now)
        batch.holds[key] = HoldRow(key[0], key[1], kind, actor, reason, batch.now, expires_at)
        batch.out.holds.add(key)
        batch.out.lifted_holds.discard(key)
        if kind == RESUME and earlier is not None and earlier.kind == PAUSE:
            _end_order(batch, state, actor, reason)
        if kind != HOLD:
            _tell_flow(batch, state, kind, actor, reason, expires_at)
        guarding.record(batch, state, f"hand_{command}", cause=reason, actor=actor)
    _audit(batch, item, state, command, actor)


def _kind(command: str, earlier: HoldRow | None, now: dt.datetime) -> str:
    """What the hand is: a hold leaves ads as they are, so that over another hand it goes on with that one's order."""
    goes_on = command == HOLD and earlier is not None and earlier.active(now)
    return earlier.kind if goes_on and earlier is not None else command


def _end_order(batch: Batch, state: ProductState, actor: str, reason: str) -> None:
    """Tell SyncFlow that what a person ordered is over, whichever order it was."""
    _tell_flow(batch, state, RESUME, actor, reason, batch.now - _ENDED)


def _tell_flow(
    batch: Batch,
    state: ProductState,
    command: str,
    actor: str,
    reason: str,
    expires_at: dt.datetime | None,
) -> None:
    seq = guarding.next_seq(batch, state)
    common: dict[str, Any] = {
        "store_id": state.store_id,
        "event_id": event_id(state.store_id, f"hand_{command}", state.product_id, seq),
        "lane": int(Lane.LIVE_STOCK),
        "decision_seq": seq,
        "product_id": state.product_id,
        "sku": guarding.sku_of(batch, state),
        "actor": actor,
        "note": reason,
        "expires_at": expires_at,
    }
    subject = f"product:{state.product_id}"
    if command == PAUSE:
        request: object = syncflow_pb2.PauseProductCampaignsRequest(**common, reason=_MANUAL)
        method = "PauseProductCampaigns"
    else:
        request = syncflow_pb2.ResumeProductCampaignsRequest(
            **common, reasons=[_MANUAL], new_quantity=max(state.quantity or 0, 0)
        )
        method = "ResumeProductCampaigns"
    batch.call("syncflow", method, Lane.LIVE_STOCK, entity=subject, subject=subject, request=request)


def _lift(batch: Batch, key: tuple[int, str]) -> None:
    batch.holds.pop(key, None)
    batch.out.holds.discard(key)
    batch.out.lifted_holds.add(key)


def _unseen(batch: Batch, store_id: int, product_id: str) -> ProductState:
    state = batch.products[store_id, product_id] = ProductState(
        store_id=store_id,
        product_id=product_id,
        status=ProductStatus.ACTIVE.value,
        deleted=False,
        doubtful=False,
        updated_at=UNDATED,
        triggered_at="",
        content_digest=b"",
        image_digest=b"",
    )
    batch.out.products.add((store_id, product_id))
    return state


def _audit(batch: Batch, item: WorkItem, state: ProductState, command: str, actor: str) -> None:
    request = syncshield_pb2.LogDataAccessRequest(
        store_id=state.store_id,
        event_id=event_id(state.store_id, f"audit_{command}", state.product_id, item.delivery_id),
        actor=actor,
        action=f"product_ads.{command}",
        resource_type="product",
        resource_id=state.product_id,
        purpose="manual",
        occurred_at=batch.now,
    )
    subject = f"product:{state.product_id}"
    batch.call("syncshield", "LogDataAccess", item.lane, entity=subject, subject=subject, request=request)
