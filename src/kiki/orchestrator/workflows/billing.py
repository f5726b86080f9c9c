"""What SyncLedger is told: incremental revenue of paid orders, refunds, cancellations, and what is no longer ours."""

from __future__ import annotations

import datetime as dt
from typing import Any

from google.type.date_pb2 import Date

from kiki.commerce.campaigns import DecisionRow
from kiki.commerce.orders import OrderRow, RefundRow
from kiki.kit.digest import event_id
from kiki.orchestrator.attribution.model import WHOLE, share_of
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.settlement import Booking, counts_at, next_booking
from kiki.orchestrator.workflows import attributing, exchanging, messages
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.rpc.v1 import syncledger_pb2

_NOTHING_TOLD = DecisionRow("", {})


def settle(batch: Batch, view: StoreView, lane: Lane, order: OrderRow) -> None:
    """Bring the books up to what the order is now. One whose exchange rate is not known yet waits for it."""
    exchanging.fix_rate(batch, view, order)
    booking = next_booking(order)
    if booking is Booking.RECORD and exchanging.is_counted(view, order):
        _record(batch, view, lane, order)
    elif booking is Booking.REVERSE:
        _reverse(batch, lane, order)
    if order.booked_revision is not None and not order.booking_reversed:
        _tell_refunds(batch, lane, order)


def paid_earlier(view: StoreView, order: OrderRow, known: dt.datetime | None) -> None:
    """Payment turns out to have been at another time: in another month it is booked anew, of another day is its rate.

    A booked order keeps its rate.
    """
    now = counts_at(order)
    if known is None or now is None or order.paid_at is None or order.paid_at == known:
        return
    if order.booked_revision is None:
        exchanging.leave_day(order, known, order.paid_at)
    elif Month.at(max(known, order.billable_at or known), view.store.timezone) != Month.at(now, view.store.timezone):
        order.booked_minor = None


def _record(batch: Batch, view: StoreView, lane: Lane, order: OrderRow) -> None:
    revision = (order.booked_revision or 0) + 1
    order.booked_revision, order.booking_reversed = revision, False
    order.booked_minor, order.booked_total_minor = order.net_minor, order.total_minor
    order.booked_currency, order.booked_attribution = order.currency, order.attribution_revision
    batch.out.orders.add((order.store_id, order.order_id))
    foreign = order.currency != view.store.settled_in
    told = batch.evidence.get((order.store_id, order.order_id), _NOTHING_TOLD)
    request = syncledger_pb2.RecordIncrementalRevenueRequest(
        store_id=order.store_id,
        event_id=event_id(order.store_id, "revenue", order.order_id, revision),
        lane=int(lane),  # type: ignore[arg-type]  # an IntEnum with the numbers of the protocol
        decision_seq=revision,
        order_id=order.order_id,
        order_amount=messages.amount(order.total_minor, order.currency),
        net_sales=messages.amount(order.net_minor, order.currency),
        confidence=float(order.confidence),
        campaign_id=order.campaign_id or "",
        touchpoints=_evidence(told),
        model=told.model,
        ordered_at=messages.stamp(order.placed_at),
        paid_at=messages.stamp_or_none(counts_at(order)),
        exchange_rate=(order.exchange_rate or "") if foreign else "",
        rate_date=_date(order.rate_day) if foreign else None,
        rate_source=(order.rate_source or "") if foreign else "",
        test_order=order.is_test,
        standing=_standing(batch, order) if revision > 1 else None,
    )
    share = attributing.share_told(told.evidence)
    if share != WHOLE:
        caused = share_of(attributing.basis_minor(view, order), share)
        request.incremental_amount.CopyFrom(messages.amount(caused, order.currency))
        request.incremental_share = format(share, "f")
    _call(batch, "RecordIncrementalRevenue", lane, order, request)


def _reverse(batch: Batch, lane: Lane, order: OrderRow) -> None:
    revision = (order.booked_revision or 0) + 1
    order.booked_revision, order.booking_reversed = revision, True
    batch.out.orders.add((order.store_id, order.order_id))
    request = syncledger_pb2.ReverseOrderRevenueRequest(
        store_id=order.store_id,
        event_id=event_id(order.store_id, "revenue", order.order_id, revision),
        lane=int(lane),  # type: ignore[arg-type]  # an IntEnum with the numbers of the protocol
        decision_seq=revision,
        order_id=order.order_id,
        reason=_why_reversed(order),
    )
    _call(batch, "ReverseOrderRevenue", lane, order, request)


def _why_reversed(order: OrderRow) -> str:
    if order.deleted_at is not None:
        return "order_deleted"
    return "attribution_changed" if order.paid_at is not None else "not_paid"


def _standing(batch: Batch, order: OrderRow) -> syncledger_pb2.StandingRefunds:
    """What SyncLedger was told as given back, as it stands now; what it was not told yet follows the booking."""
    rows = batch.refunds.get((order.store_id, order.order_id), {}).values()
    return syncledger_pb2.StandingRefunds(
        refunds=[
            syncledger_pb2.StandingRefund(
                refund_id=row.refund_id,
                amount=messages.amount(row.amount_minor, row.currency),
                refunded_at=row.refunded_at,
            )
            for row in sorted(rows, key=lambda row: (row.refunded_at, row.refund_id))
            if row.booked and row.amount_minor
        ],
        cancelled=order.cancellation_booked and order.cancelled_at is not None,
    )


def _tell_refunds(batch: Batch, lane: Lane, order: OrderRow) -> None:
    """Each once; those in another currency than the booking's wait until the order is booked in it."""
    key = (order.store_id, order.order_id)
    for refund in sorted(batch.refunds.get(key, {}).values(), key=lambda row: (row.refunded_at, row.refund_id)):
        if not refund.booked and refund.amount_minor and order.booked_currency == order.currency:
            refund.booked = True
            batch.out.refunds[key[0], key[1], refund.refund_id] = refund
            _call(batch, "RecordRefund", lane, order, _refund_request(lane, refund))
    if order.cancelled_at is not None and not order.cancellation_booked:
        order.cancellation_booked = True
        batch.out.orders.add(key)
        request = syncledger_pb2.RecordRefundRequest(
            store_id=order.store_id,
            event_id=event_id(order.store_id, "cancellation", order.order_id),
            lane=int(lane),  # type: ignore[arg-type]  # an IntEnum with the numbers of the protocol
            order_id=order.order_id,
            refund_id="cancellation",
            refunded_at=order.cancelled_at,
            kind=syncledger_pb2.RefundKind.REFUND_KIND_CANCELLATION,
        )
        _call(batch, "RecordRefund", lane, order, request)


def _refund_request(lane: Lane, refund: RefundRow) -> syncledger_pb2.RecordRefundRequest:
    return syncledger_pb2.RecordRefundRequest(
        store_id=refund.store_id,
        event_id=event_id(refund.store_id, "refund", f"{refund.order_id}\x1f{refund.refund_id}", refund.amount_minor),
        lane=int(lane),  # type: ignore[arg-type]  # an IntEnum with the numbers of the protocol
        order_id=refund.order_id,
        refund_id=refund.refund_id,
        amount=messages.amount(refund.amount_minor, refund.currency),
        refunded_at=refund.refunded_at,
        kind=syncledger_pb2.RefundKind.REFUND_KIND_REFUND,
    )


def _evidence(told: DecisionRow) -> list[syncledger_pb2.Touchpoint]:
    """The newest decision's signals; the rest stands in our tables."""
    found: list[syncledger_pb2.Touchpoint] = []
    for signal in told.evidence.get("signals", ()):
        names = signal.get("touchpoint_ids") or [""]
        found += [
            syncledger_pb2.Touchpoint(
                touchpoint_id=name,
                campaign_id=next(iter(signal.get("campaign_ids", ())), ""),
                signal=signal["name"],
                weight=float(signal["weight"]),
            )
            for name in names
        ]
    return found


def _date(day: dt.date | None) -> Date | None:
    return None if day is None else Date(year=day.year, month=day.month, day=day.day)


def _call(batch: Batch, method: str, lane: Lane, order: OrderRow, request: Any) -> None:
    subject = f"order:{order.order_id}"
    batch.call("syncledger", method, lane, entity=subject, subject=subject, request=request)
