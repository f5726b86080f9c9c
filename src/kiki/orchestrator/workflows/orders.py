"""An order was placed, paid, changed, cancelled, deleted or refunded."""

from __future__ import annotations

import datetime as dt
from typing import Any

from kiki.commerce.events import OrderDeleted, OrderObserved, RefundObserved
from kiki.commerce.orders import TOMBSTONE, ItemRow, OrderRow, is_tombstone, lines_digest
from kiki.commerce.people import CustomerRow
from kiki.orchestrator import settlement
from kiki.orchestrator.attribution.model import Verdict
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.workflows import (
    attributing,
    billing,
    engaging,
    exchanging,
    messages,
    reopening,
    standing,
    valuing,
)
from kiki.orchestrator.workflows.batch import Batch, StoreView, deleted_at
from kiki.orchestrator.workflows.customers import buyer
from kiki.orchestrator.workflows.identities import comes_first
from kiki.rpc.v1 import events_pb2

_SENT = ("webhook", "replay")
"""Origins of what a shop told of itself when it had happened; a page of a sync may be older than its arrival."""


def order_observed(batch: Batch, view: StoreView, item: WorkItem, event: OrderObserved) -> None:
    """The order looks like this now: placed, paid, cancelled and refunded are read off it, each once."""
    key = (item.store_id, event.order_id)
    order = batch.orders.get(key)
    if batch.told.get(key) is event and order is not None and order.triggered_at == item.triggered_at:
        return  # The very same statement again, with nothing in between.
    batch.told[key] = event
    if order is None or is_tombstone(order):
        _order_placed(batch, view, item, event, gone=order)
        return
    before = valuing.worth(order)
    was_paid, was_cancelled, products = order.paid_at, order.cancelled_at, attributing.products_in(batch, order)
    age, known = _age(item, event), (order.updated_at, order.triggered_at)
    changed = _take_newer(batch, item, order, event)
    if event.whole:
        changed |= standing.take_whole(batch, order, event, newer=age > known, older=age < known)
    else:
        changed |= standing.take_facts(batch, order, event)
    billing.paid_earlier(view, order, was_paid)
    if not changed:
        return
    batch.out.orders.add(key)
    if was_paid is None and order.paid_at is not None:
        _log_paid(batch, order)
    if was_cancelled is None and order.cancelled_at is not None:
        _log_cancelled(batch, order, order.cancelled_at)
    if valuing.worth(order) != before:
        valuing.tell(batch, view, item.lane, order, messages.order_lines(event.lines))
    if attributing.products_in(batch, order) != products:
        _decide_edited(batch, view, order)
    first_order_standing(batch, order)
    engaging.take_back(batch, item.lane, order)
    billing.settle(batch, view, item.lane, order)


def _decide_edited(batch: Batch, view: StoreView, order: OrderRow) -> None:
    """Other products may be promoted ones, or none of them may be; what is billed follows with the booking."""
    person = batch.customers.get((order.store_id, order.customer_key))
    if view.campaigns and reopening.may_reopen(order, person, view.store.settings, batch.now):
        attributing.decide_again(batch, view, order, "edited")


def _order_placed(
    batch: Batch, view: StoreView, item: WorkItem, event: OrderObserved, *, gone: OrderRow | None
) -> None:
    """Save; attribute; value the customer; follow up; book when it arrives paid."""
    person = buyer(batch, item, event)
    order = _new_order(batch, view, item, event, person.customer_key)
    if gone is not None and gone.deleted_at is not None and not _is_back(item, event, gone):
        order.deleted_at = gone.deleted_at
    key = (order.store_id, order.order_id)
    batch.orders[key] = order
    batch.out.orders.add(key)
    _save_lines(batch, order, event)
    for refund in batch.refunds.get(key, {}).values():
        refund.pending = False
        batch.out.refunds[key[0], key[1], refund.refund_id] = refund
    for told in event.refunds:
        standing.take_refund(batch, order, told)
    order.refunded_minor = standing.refunded(batch, key)
    if order.live:
        _log_created(batch, order)
    if order.live and not order.is_test:
        attributing.decide_placed(batch, view, order, person, event)
    _count_purchase(batch, order, person)
    lines = messages.order_lines(event.lines)
    valuing.tell(batch, view, item.lane, order, lines)
    engaging.follow_up_purchase(batch, view, item.lane, order, person, event, lines)
    billing.settle(batch, view, item.lane, order)


def order_deleted(batch: Batch, view: StoreView, item: WorkItem, event: OrderDeleted) -> None:
    """The order is gone; newer state of it brings it back. One that was never seen leaves a tombstone."""
    key = (item.store_id, event.order_id)
    order = batch.orders.get(key)
    batch.told.pop(key, None)
    at = deleted_at(item, None if order is None else order.updated_at)
    if at is None or (order is not None and event.updated_at is not None and event.updated_at < order.updated_at):
        return
    if order is None:
        batch.orders[key] = _tombstone(item, event, at)
        batch.out.orders.add(key)
        return
    was_gone = order.deleted_at is not None
    if not was_gone or event.updated_at is not None:
        order.deleted_at, order.updated_at = at, event.updated_at or order.updated_at
        batch.out.orders.add(key)
    if was_gone:
        return
    if not exchanging.is_counted(view, order):
        exchanging.stop_waiting(batch, order)
    batch.log(
        "OrderCancelledEvent",
        f"order:{order.order_id}",
        events_pb2.OrderCancelledEvent(store_id=order.store_id, order_id=order.order_id, cancelled_at=at, deleted=True),
    )
    valuing.tell(batch, view, item.lane, order, ())
    first_order_standing(batch, order)
    engaging.take_back(batch, item.lane, order)
    billing.settle(batch, view, item.lane, order)


def _tombstone(item: WorkItem, event: OrderDeleted, at: dt.datetime) -> OrderRow:
    return OrderRow(
        store_id=item.store_id,
        order_id=event.order_id,
        number="",
        status=TOMBSTONE,
        customer_key="",
        placed_at=at,
        paid_at=None,
        cancelled_at=None,
        deleted_at=at,
        updated_at=event.updated_at or at,
        triggered_at=item.triggered_at,
        currency="",
        total_minor=0,
        net_minor=0,
        refunded_minor=0,
        settlement_currency=None,
        exchange_rate=None,
        is_test=True,
        live=False,
        lines_digest=b"",
    )


def refund_observed(batch: Batch, view: StoreView, item: WorkItem, event: RefundObserved) -> None:
    """One refund on its own; before its order it waits as a pending fact."""
    key = (item.store_id, event.order_id)
    order = batch.orders.get(key)
    batch.told.pop(key, None)
    if order is None or is_tombstone(order):
        standing.keep_pending(batch, key, event.refund)
        return
    if not standing.take_refund(batch, order, event.refund):
        return
    batch.out.orders.add(key)
    valuing.tell(batch, view, item.lane, order, ())
    first_order_standing(batch, order)
    engaging.take_back(batch, item.lane, order)
    billing.settle(batch, view, item.lane, order)


def rates_known(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """Exchange rates that orders waited for are known: each is valued and booked at its own, once."""
    for entry in body["orders"]:
        key = (item.store_id, entry["order_id"])
        order = batch.orders.get(key)
        if order is not None and exchanging.fix_rate(batch, view, order):
            valuing.tell(batch, view, item.lane, order, ())
            billing.settle(batch, view, item.lane, order)
        elif batch.out.waiting.get(key) is None:
            batch.out.waiting[key] = None  # It is gone, or needs none any more.


def _new_order(batch: Batch, view: StoreView, item: WorkItem, event: OrderObserved, customer_key: str) -> OrderRow:
    told = exchanging.told_rate(event)
    return OrderRow(
        store_id=item.store_id,
        order_id=event.order_id,
        number=event.number,
        status=event.status,
        customer_key=customer_key,
        placed_at=event.placed_at,
        paid_at=event.paid_at,
        cancelled_at=event.cancelled_at,
        deleted_at=None,
        updated_at=event.updated_at,
        triggered_at=item.triggered_at,
        currency=event.currency,
        total_minor=event.total.minor,
        net_minor=event.net_sales.minor,
        refunded_minor=0,
        settlement_currency=told[0],
        exchange_rate=told[1],
        is_test=event.is_test,
        live=settlement.is_live(event.placed_at, view.store.connected_at, view.store.uninstalled_at),
        lines_digest=lines_digest(event),
        recorded_at=batch.now,
    )


def _age(item: WorkItem, event: OrderObserved) -> tuple[dt.datetime, str]:
    return event.updated_at, item.triggered_at


def _is_back(item: WorkItem, event: OrderObserved, gone: OrderRow) -> bool:
    """Whether a deleted order is there again.

    A deletion tells no time, and comes late when the shop's queue runs late: later than what brought the order back. A
    whole statement shows the order as it was when it was sent, so that one which came after the deletion does as well.
    """
    if gone.deleted_at is None or event.updated_at > gone.deleted_at:
        return True
    if event.updated_at < gone.updated_at < gone.deleted_at:
        return False  # The deletion told a time after all.
    return event.whole and item.origin in _SENT and item.received_at > gone.deleted_at


def _take_newer(batch: Batch, item: WorkItem, order: OrderRow, event: OrderObserved) -> bool:
    """Overwrite what a newer statement may overwrite; whether anything changed."""
    if _age(item, event) < (order.updated_at, order.triggered_at):
        return False
    said = (event.number, event.status, event.currency, event.total.minor, event.net_sales.minor, event.is_test)
    known = (order.number, order.status, order.currency, order.total_minor, order.net_minor, order.is_test)
    digest = lines_digest(event)
    revived = order.deleted_at is not None and _is_back(item, event, order)
    newer = _age(item, event) > (order.updated_at, order.triggered_at)
    if said == known and digest == order.lines_digest and not revived and not newer:
        return False
    order.number, order.status, order.currency, order.total_minor, order.net_minor, order.is_test = said
    order.updated_at, order.triggered_at = event.updated_at, item.triggered_at
    exchanging.take_told_rate(batch, order, event, known[2])
    if event.currency != known[2]:
        standing.recur(batch, order, known[3])
    if revived:
        order.deleted_at = None
    if digest != order.lines_digest:
        order.lines_digest = digest
        batch.out.replaced_lines.add((order.store_id, order.order_id))
        _save_lines(batch, order, event)
    return True


def _save_lines(batch: Batch, order: OrderRow, event: OrderObserved) -> None:
    rows = {
        line.line_id: ItemRow(
            store_id=order.store_id,
            order_id=order.order_id,
            line_id=line.line_id,
            product_id=line.product_id,
            variant_id=line.variant_id,
            sku=line.sku,
            title=line.title,
            quantity=line.quantity,
            net_minor=line.net_total.minor,
            currency=line.net_total.currency,
            gift_card=line.gift_card,
        )
        for line in event.lines
    }
    key = (order.store_id, order.order_id)
    batch.items[key] = batch.out.lines[key] = list(rows.values())


def _count_purchase(batch: Batch, order: OrderRow, person: CustomerRow) -> None:
    """The buyer's history: first and last order, and whether we caused the first.

    Orders may arrive in any order; of those placed at the same moment the first by id counts as first.
    """
    if order.is_test:
        return
    view = batch.stores.get(order.store_id)
    before = reopening.standing_of(view, person) if person.orders_count else None
    person.orders_count += 1
    if person.last_order_at is None or order.placed_at > person.last_order_at:
        person.last_order_at = order.placed_at
    if comes_first((order.placed_at, order.order_id), person):
        person.first_order_id, person.first_order_at = order.order_id, order.placed_at
        person.first_order_incremental = _caused(order)
        if before is not None and reopening.standing_of(view, person) != before:
            reopening.first_changed(batch, person)
    batch.out.customers.add((person.store_id, person.customer_key))


def first_order_standing(batch: Batch, order: OrderRow) -> None:
    """Whether we acquired the buyer, when this was their first order: it was ours, and is not reversed.

    Where that changes, the buyer's other orders are decided anew.
    """
    person = batch.customers.get((order.store_id, order.customer_key))
    if person is None or person.first_order_id != order.order_id:
        return
    if person.first_order_incremental != _caused(order):
        view = batch.stores.get(order.store_id)
        before = reopening.standing_of(view, person)
        person.first_order_incremental = _caused(order)
        batch.out.customers.add((person.store_id, person.customer_key))
        if person.orders_count > 1 and reopening.standing_of(view, person) != before:
            reopening.first_changed(batch, person)


def _caused(order: OrderRow) -> bool:
    return order.verdict == Verdict.INCREMENTAL.value and not settlement.is_reversed(order)


def _log_created(batch: Batch, order: OrderRow) -> None:
    batch.log(
        "OrderCreatedEvent",
        f"order:{order.order_id}",
        events_pb2.OrderCreatedEvent(
            store_id=order.store_id,
            order_id=order.order_id,
            number=order.number,
            customer_key=order.customer_key,
            total=messages.amount(order.total_minor, order.currency),
            net_sales=messages.amount(order.net_minor, order.currency),
            placed_at=messages.stamp(order.placed_at),
            paid=order.paid_at is not None,
            live=order.live,
        ),
    )


def _log_paid(batch: Batch, order: OrderRow) -> None:
    batch.log(
        "OrderPaidEvent",
        f"order:{order.order_id}",
        events_pb2.OrderPaidEvent(store_id=order.store_id, order_id=order.order_id, paid_at=order.paid_at),
    )


def _log_cancelled(batch: Batch, order: OrderRow, at: dt.datetime) -> None:
    batch.log(
        "OrderCancelledEvent",
        f"order:{order.order_id}",
        events_pb2.OrderCancelledEvent(store_id=order.store_id, order_id=order.order_id, cancelled_at=at),
    )
