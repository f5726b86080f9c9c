"""What of an order is paid, cancelled and given back: facts that only come to be, or what the newest statement says."""

from __future__ import annotations

import datetime as dt

from kiki.commerce.events import OrderObserved, Refund
from kiki.commerce.orders import OrderRow, RefundRow
from kiki.kit.money import proportion
from kiki.orchestrator.workflows import messages
from kiki.orchestrator.workflows.batch import Batch, Key
from kiki.rpc.v1 import events_pb2


def take_facts(batch: Batch, order: OrderRow, event: OrderObserved) -> bool:
    """Payment, cancellation and each refund: an older statement adds them as well, and the earliest time counts."""
    before = (order.paid_at, order.cancelled_at)
    order.paid_at = _earliest(order.paid_at, event.paid_at)
    order.cancelled_at = _earliest(order.cancelled_at, event.cancelled_at)
    changed = (order.paid_at, order.cancelled_at) != before
    for refund in event.refunds:
        changed |= take_refund(batch, order, refund)
    return changed


def take_whole(batch: Batch, order: OrderRow, event: OrderObserved, *, newer: bool, older: bool) -> bool:
    """The newest statement decides, whatever was known; an older one only tells an earlier time of the same.

    Times are whole seconds: of two statements of one second the later to arrive counts, but a payment is not taken back
    within it, nor does a refund come back that was gone. What SyncLedger was told otherwise is booked anew.
    """
    before = (order.paid_at, order.cancelled_at)
    order.paid_at = _now(order.paid_at, event.paid_at, keep=not newer and (older or event.paid_at is None))
    order.cancelled_at = _now(order.cancelled_at, event.cancelled_at, keep=older)
    if order.cancellation_booked and (order.cancelled_at is None) != (before[1] is None):
        order.booked_minor = None
    changed = (order.paid_at, order.cancelled_at) != before
    return changed if older else _take_all_refunds(batch, order, event, newer=newer) or changed


def _take_all_refunds(batch: Batch, order: OrderRow, event: OrderObserved, *, newer: bool) -> bool:
    told = {refund.refund_id: refund for refund in event.refunds}
    known = batch.refunds.setdefault((order.store_id, order.order_id), {})
    changed = False
    for row in list(known.values()):
        refund = told.pop(row.refund_id, None)
        amount = 0 if refund is None else refund.amount.minor
        currency = row.currency if refund is None else refund.amount.currency
        if (row.amount_minor, row.currency) == (amount, currency) or not (row.amount_minor or newer):
            continue
        _amend(batch, order, row, amount, currency)
        changed = True
    for refund in told.values():
        changed |= take_refund(batch, order, refund)
    return changed


def take_refund(batch: Batch, order: OrderRow, refund: Refund) -> bool:
    """Add one refund, once; of two statements about it the larger amount counts."""
    key = (order.store_id, order.order_id)
    known = batch.refunds.setdefault(key, {}).get(refund.refund_id)
    amount = refund.amount
    if amount.minor <= 0:
        return False
    if known is not None and known.currency != amount.currency:
        if amount.currency != order.currency:
            return False  # It was converted with the order.
        _amend(batch, order, known, amount.minor, amount.currency)
        return True
    if known is not None and amount.minor <= known.amount_minor:
        return False
    if known is None:
        known = _refund_row(batch, key, refund, pending=False)
        batch.log(
            "OrderRefundedEvent",
            f"order:{order.order_id}",
            events_pb2.OrderRefundedEvent(
                store_id=order.store_id,
                order_id=order.order_id,
                refund_id=refund.refund_id,
                amount=messages.amount(amount.minor, amount.currency),
                refunded_at=refund.refunded_at,
            ),
        )
    else:
        known.amount_minor, known.booked = amount.minor, False
    _written(batch, order, known)
    return True


def keep_pending(batch: Batch, key: Key, refund: Refund) -> None:
    """A refund of an order that was not told yet."""
    known = batch.refunds.setdefault(key, {}).get(refund.refund_id)
    if known is None:
        batch.out.refunds[key[0], key[1], refund.refund_id] = _refund_row(batch, key, refund, pending=True)
    elif refund.amount.minor > known.amount_minor:
        known.amount_minor = refund.amount.minor
        batch.out.refunds[key[0], key[1], refund.refund_id] = known


def recur(batch: Batch, order: OrderRow, former_total: int) -> None:
    """The order is charged in another currency now: what was given back in the former one keeps its share of it."""
    for row in batch.refunds.get((order.store_id, order.order_id), {}).values():
        if row.currency != order.currency:
            share = proportion(max(0, order.total_minor), row.amount_minor, former_total)
            _amend(batch, order, row, share, order.currency)


def refunded(batch: Batch, key: Key) -> int:
    """All that was given back of an order, in minor units."""
    return sum(row.amount_minor for row in batch.refunds.get(key, {}).values())


def _amend(batch: Batch, order: OrderRow, row: RefundRow, amount_minor: int, currency: str) -> None:
    """A refund is not what was told of it: the booking that it was told with is replaced by one that says so."""
    row.amount_minor, row.currency = amount_minor, currency
    if row.booked:
        order.booked_minor = None
    _written(batch, order, row)


def _written(batch: Batch, order: OrderRow, row: RefundRow) -> None:
    batch.out.refunds[row.store_id, row.order_id, row.refund_id] = row
    order.refunded_minor = refunded(batch, (order.store_id, order.order_id))


def _refund_row(batch: Batch, key: Key, refund: Refund, *, pending: bool) -> RefundRow:
    row = RefundRow(
        store_id=key[0],
        order_id=key[1],
        refund_id=refund.refund_id,
        amount_minor=refund.amount.minor,
        currency=refund.amount.currency,
        refunded_at=refund.refunded_at,
        seen_at=batch.now,
        pending=pending,
    )
    batch.refunds.setdefault(key, {})[refund.refund_id] = row
    return row


def _now(known: dt.datetime | None, told: dt.datetime | None, *, keep: bool) -> dt.datetime | None:
    if known is None or told is None:
        return known if keep else told
    return min(known, told)


def _earliest(known: dt.datetime | None, told: dt.datetime | None) -> dt.datetime | None:
    return _now(known, told, keep=told is None)
