"""What may be billed, and when what was booked has to be booked anew. Pure."""

from __future__ import annotations

import datetime as dt
import enum
from decimal import ROUND_HALF_UP, Decimal

from kiki.commerce.orders import OrderRow
from kiki.orchestrator.attribution.model import Verdict

MAIL_WITHIN = dt.timedelta(hours=48)
"""Nothing is sent for an order placed longer ago."""


class Booking(enum.Enum):
    """What SyncLedger is to be asked about an order now."""

    NOTHING = "nothing"
    RECORD = "record"
    REVERSE = "reverse"


def is_live(placed_at: dt.datetime, connected_at: dt.datetime) -> bool:
    """Whether an order was placed under the contract; history feeds lifetime value and baseline only."""
    return placed_at >= connected_at


def is_billable(order: OrderRow) -> bool:
    """Paid, no test, placed under the contract, incremental, and not gone from the shop."""
    return (
        order.live
        and not order.is_test
        and order.paid_at is not None
        and order.deleted_at is None
        and order.verdict == Verdict.INCREMENTAL.value
    )


def next_booking(order: OrderRow) -> Booking:
    """What the books lack. Asked again after it was done, the answer is nothing."""
    booked = order.booked_revision is not None and not order.booking_reversed
    if not is_billable(order):
        return Booking.REVERSE if booked else Booking.NOTHING
    same = (
        order.booked_minor == order.net_minor
        and order.booked_total_minor == order.total_minor
        and order.booked_currency == order.currency
        and order.booked_attribution == order.attribution_revision
    )
    return Booking.NOTHING if booked and same else Booking.RECORD


def refunded_share(refunded_minor: int, charged_minor: int) -> Decimal:
    """Refunded ÷ charged, at least 0 and at most 1; 1 when nothing was charged and something given back."""
    if refunded_minor <= 0:
        return Decimal(0)
    if refunded_minor >= charged_minor:
        return Decimal(1)
    return Decimal(refunded_minor) / Decimal(charged_minor)


def kept_amounts(order: OrderRow) -> tuple[int, int]:
    """(charged, net sales) less what was given back, in minor units, never negative."""
    total = max(order.total_minor, 0)
    net = max(order.net_minor, 0)
    if order.refunded_minor <= 0:
        return total, net
    share = refunded_share(order.refunded_minor, total)
    kept_net = Decimal(net) * (1 - share)
    return max(total - order.refunded_minor, 0), int(kept_net.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def is_reversed(order: OrderRow) -> bool:
    """Whether nothing is left of an order: cancelled, deleted or wholly refunded."""
    if order.cancelled_at is not None or order.deleted_at is not None:
        return True
    return order.refunded_minor > 0 and order.refunded_minor >= order.total_minor


def may_mail(placed_at: dt.datetime, now: dt.datetime) -> bool:
    """Whether an order is fresh enough to be followed up."""
    return now - placed_at < MAIL_WITHIN
