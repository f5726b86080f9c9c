"""Values of SyncLedger. Amounts are whole minor units; months are numbers (`months.py`)."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

OrderRef = tuple[int, str]
"""Store and order id."""
RefundRef = tuple[int, str, str]
"""Store, order id and refund id."""


class Basis(enum.IntEnum):
    """Which amount of an order the fee is taken on; numbers as in the contract."""

    NET_SALES = 1
    TOTAL = 2


class Rule(enum.IntEnum):
    """From which revenue the statement takes the fee; numbers as in the contract."""

    ATTRIBUTED = 1
    UPLIFT = 2
    LESSER_OF = 3
    EXPERIMENT_ESTIMATE = 4
    EXPERIMENT_LOWER_BOUND = 5
    ENDED = 6

    @property
    def needs_baseline(self) -> bool:
        """Whether current revenue is compared with a complete baseline."""
        return self in (Rule.UPLIFT, Rule.LESSER_OF)

    @property
    def by_experiment(self) -> bool:
        """Whether the contract's experiment says what was caused."""
        return self in (Rule.EXPERIMENT_ESTIMATE, Rule.EXPERIMENT_LOWER_BOUND)


class Reason(enum.IntEnum):
    """Why an order is not counted; numbers as in the contract."""

    COUNTED = 0
    BEFORE_CONNECTION = 1
    NOT_PAID = 2
    TEST_ORDER = 3
    NOTHING_INCREMENTAL = 4
    SUPERSEDED = 5


class EntryKind(enum.IntEnum):
    """What an entry stands for; numbers as in the contract."""

    REVENUE = 1
    REFUND = 2
    REVERSAL = 3
    TRUE_UP = 4
    BILLING = 5
    EXPERIMENT_CREDIT = 6


LOST = ("order_deleted", "not_paid")
"""Reasons of a reversal whose order is gone from the shop or lost its payment: nothing of it is kept."""


class Account(enum.IntEnum):
    """Accounts of a store's books; numbers as in the contract. Debits are positive."""

    ATTRIBUTED_SALES = 1
    INCREMENTAL_REVENUE = 2
    ACCRUED_FEES = 3
    FEE_INCOME = 4
    BILLED_FEES = 5


class BaselineFigures(NamedTuple):
    """Revenue before the connection."""

    revenue_minor: int
    monthly_minor: int
    months: int

    @property
    def complete(self) -> bool:
        """Whether it covers twelve months."""
        return self.months >= 12


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of a contract."""

    store_id: int
    version: int
    fee_rate_ppm: int
    """Millionths."""
    basis: Basis
    rule: Rule
    currency: str
    time_zone: str
    connected_at: dt.datetime
    baseline: BaselineFigures | None
    effective_month: int
    experiment_id: str = ""
    """What the rules by experiment bill on; empty under others."""
    ended_at: dt.datetime | None = None
    """When the app was removed, which ended the connection; None where it was not."""


@dataclass(frozen=True, slots=True)
class TermsAsked:
    """A new version as asked for; `effective_month` None leaves the choice to the rule."""

    store_id: int
    fee_rate_ppm: int
    basis: Basis
    rule: Rule
    currency: str
    time_zone: str
    connected_at: dt.datetime
    baseline: BaselineFigures | None
    effective_month: int | None
    experiment_id: str = ""
    ended_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class BaselineTold:
    """A baseline for the contract as it stands; the other terms go on."""

    store_id: int
    baseline: BaselineFigures
    basis: Basis
    """The amount that it counts."""
    currency: str
    effective_month: int | None


@dataclass(frozen=True, slots=True)
class Books:
    """A store's books as a batch finds them: terms (oldest first) and the last closed month."""

    store_id: int
    closed_through: int | None
    versions: tuple[Terms, ...]

    def terms_for(self, month: int) -> Terms:
        """The version in force in a month; the first one for months before it."""
        for terms in reversed(self.versions):
            if terms.effective_month <= month:
                return terms
        return self.versions[0]

    def open_month(self, month: int) -> int:
        """The month itself while it is open, otherwise the next open one."""
        closed = self.closed_through
        return month if closed is None or month > closed else closed + 1


class RevenueTold(NamedTuple):
    """An order's incremental revenue as told, in the order's currency."""

    store_id: int
    order_id: str
    decision_seq: int
    currency: str
    charged_minor: int
    net_minor: int
    incremental: int | Decimal | None
    """Minor units, a share of the amount that the contract counts, or all of it."""
    confidence: float
    ordered_at: dt.datetime
    paid_at: dt.datetime | None
    exchange_rate: str
    test_order: bool
    evidence: bytes
    """What the statement shows beside the amounts; opaque here."""
    standing: tuple[RefundTold, ...] | None = None
    """Refunds and cancellation as they stand, in place of all that was told before; None: what was told stays."""


class RefundTold(NamedTuple):
    """A refund or cancellation as told; `currency` is empty for a cancellation without an amount."""

    store_id: int
    order_id: str
    refund_id: str
    amount_minor: int
    currency: str
    cancellation: bool
    refunded_at: dt.datetime


class ReversalTold(NamedTuple):
    """An order that turned out not to be ours."""

    store_id: int
    order_id: str
    decision_seq: int
    reason: str


class ReadingTold(NamedTuple):
    """What an experiment shows up to a moment of a month, since its start; amounts in the settlement currency."""

    store_id: int
    experiment_id: str
    month: int
    revision: int
    currency: str
    estimate_minor: int
    lower_bound_minor: int
    started_at: dt.datetime
    as_of: dt.datetime
    users: int
    final: bool
    """It stands for later months too."""
    plan_digest: str


class OrderState(NamedTuple):
    """What the books hold for an order. `booked` and `reversed` are those of the latest decision."""

    decision_seq: int
    reason: int
    currency: str
    charged_minor: int
    settlement_currency: str
    booked_revenue: int
    booked_fee: int
    reversed_revenue: int
    reversed_fee: int
    refunded_minor: int
    cancelled: bool
    confidence: float
    paid_at: dt.datetime | None
    paid_month: int
    billing_month: int
    booking_id: int
    evidence: bytes | None
    """Kept here only while nothing is booked; a booking's evidence stands with its entry."""


CANCELLATION = "cancellation"
"""The `refund_id` under which a decision's standing cancellation is kept."""

NEVER_TOLD = OrderState(-1, 0, "", 0, "", 0, 0, 0, 0, 0, False, 0.0, None, 0, 0, 0, None)
"""An order without a decision: it may hold refunds that wait."""


class Entry(NamedTuple):
    """One transaction: what it stands for and how it moves revenue and accrued fee."""

    store_id: int
    entry_id: int
    kind: EntryKind
    month: int
    order_id: str
    refund_id: str
    correction: bool
    about: int
    """The booking that a refund or reversal takes back from; 0 for others."""
    currency: str
    revenue_minor: int
    fee_minor: int
    billed_minor: int
    reason: str
    evidence: bytes | None
    fee_rate_ppm: int | None = None
    """Of a booking, in millionths."""
    counted_minor: int | None = None
    """What of the order a booking counts, in the order's currency."""
    returned_minor: int | None = None
    """What of the order's charge a refund's entry takes as given back in all, in the order's currency."""
    about_month: int | None = None
    """The closed month that a correction is about: that of the order's payment as its booking had it."""


class Posting(NamedTuple):
    """One side of an entry."""

    store_id: int
    entry_id: int
    line: int
    account: int
    currency: str
    amount_minor: int


class RevenueBooked(NamedTuple):
    """The answer to `RevenueTold`."""

    order_id: str
    state: OrderState
    reason: Reason
    reversed_revenue: int
    reversed_fee: int


class RefundBooked(NamedTuple):
    """The answer to `RefundTold`."""

    order_id: str
    refund_id: str
    currency: str
    """Settlement currency; empty while nothing is booked."""
    reversed_revenue: int
    reversed_fee: int
    entry_id: int
    month: int
    pending: bool
    already_known: bool


class ReversalBooked(NamedTuple):
    """The answer to `ReversalTold`."""

    order_id: str
    currency: str
    reversed_revenue: int
    reversed_fee: int
    entry_id: int
    month: int
    applied: bool
