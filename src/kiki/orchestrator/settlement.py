"""What may be billed, and when what was booked has to be booked anew. Pure."""

from __future__ import annotations

import datetime as dt
import enum

from kiki.commerce.orders import OrderRow
from kiki.kit.money import proportion
from kiki.orchestrator.attribution.model import Verdict

MAIL_WITHIN = dt.timedelta(hours=48)
"""Nothing is sent for an order placed longer ago."""


class Booking(enum.Enum):
    """What SyncLedger is to be asked about an order now."""

    NOTHING = "nothing"
    RECORD = "record"
    REVERSE = "reverse"


def is_live(placed_at: dt.datetime, connected_at: dt.datetime, ended_at: dt.datetime | None = None) -> bool:
    """Whether an order was placed under the contract, which ends when the app is removed (`ended_at`).

    What lies outside feeds lifetime value and baseline only.
    """
    return placed_at >= connected_at and (ended_at is None or placed_at < ended_at)


def is_billable(order: OrderRow) -> bool:
    """Paid, no test, placed under the contract, incremental, and not gone from the shop."""
    return (
        order.live
        and not order.is_test
        and order.paid_at is not None
        and order.deleted_at is None
        and order.verdict == Verdict.INCREMENTAL.value
    )


def counts_at(order: OrderRow) -> dt.datetime | None:
    """When an order counts for a month: its payment, or the approval of a person where that came later."""
    if order.paid_at is None or order.billable_at is None:
        return order.paid_at
    return max(order.paid_at, order.billable_at)


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


def kept(order: OrderRow, amount_minor: int) -> int:
    """What is left of an amount of the order (or of the amount in another currency) after its refunds.

    What goes is in proportion to what was charged, by the very function by which SyncLedger reverses.
    """
    amount = max(amount_minor, 0)
    return amount - proportion(amount, order.refunded_minor, order.total_minor)


def kept_amounts(order: OrderRow) -> tuple[int, int]:
    """(charged, net sales) less what was given back, in minor units, never negative."""
    return kept(order, order.total_minor), kept(order, order.net_minor)


def is_reversed(order: OrderRow) -> bool:
    """Whether nothing is left of an order: cancelled, deleted or wholly refunded."""
    if order.cancelled_at is not None or order.deleted_at is not None:
        return True
    return order.refunded_minor > 0 and order.refunded_minor >= order.total_minor


def may_mail(placed_at: dt.datetime, now: dt.datetime) -> bool:
    """Whether an order is fresh enough to be followed up."""
    return now - placed_at < MAIL_WITHIN
