"""Values of SyncValue: orders as told, a customer's running figures, a store's model, a baseline."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import NamedTuple

from kiki.council.syncvalue.seasonal.outlook import Promotion

CustomerRef = tuple[int, str]
"""Store and customer key."""
OrderRef = tuple[int, str]
"""Store and order id."""


class Segment(enum.IntEnum):
    """A customer's place among the store's customers; numbers as in the contract."""

    UNKNOWN = 0
    HIGH = 1
    MEDIUM = 2
    LOW = 3


class Basis(enum.IntEnum):
    """Which amount of an order is revenue; numbers as in the contract."""

    NET_SALES = 1
    TOTAL = 2


class Order(NamedTuple):
    """An order as told: amounts are what is left after refunds, in minor units of `currency`."""

    store_id: int
    order_id: str
    decision_seq: int
    customer_key: str
    total_minor: int
    net_minor: int
    currency: str
    ordered_at: dt.datetime
    paid_at: dt.datetime | None
    source: int
    units: int
    first_order: bool
    cancelled: bool


class Customer(NamedTuple):
    """A customer's sufficient statistics. `spent_minor` and `spend_orders` cover orders in `currency` alone."""

    currency: str
    order_count: int
    spend_orders: int
    spent_minor: int
    first_order_at: dt.datetime | None
    last_order_at: dt.datetime | None
    purchase_days: int = 0
    """Days (UTC) with an order; 0: not counted yet."""
    first_day_minor: int = 0
    """What was spent on the first of them."""


@dataclass(frozen=True, slots=True)
class StoreModel:
    """What is known of a store beside its fitted model, as the last refresh saw it."""

    mean_spend_minor: float = 0.0
    """The store's mean order; 0: not known yet."""
    low_below_minor: float | None = None
    high_from_minor: float | None = None
    customers: int = 0
    model_version: int = 0
    """The fitted model that speaks; 0: none, and a typical shop's does."""


class Valuation(NamedTuple):
    """What is predicted for one customer. The interval is of the next twelve months' spend."""

    ltv_minor: int
    confidence: float
    churn_risk: float
    segment: Segment
    expected_orders: float
    lifetime_minor: int = 0
    low_minor: int = 0
    high_minor: int = 0
    model_version: int = 0
    """0: none was fitted, and a typical shop's spoke."""
    model_name: str = ""

    @property
    def p_alive(self) -> float:
        """Probability that the customer is still active."""
        return 1.0 - self.churn_risk


NOTHING_KNOWN = Valuation(0, 0.0, 0.0, Segment.LOW, 0.0)
"""For a customer whose every order was cancelled."""


class OrderTold(NamedTuple):
    """The answer to one order."""

    order: Order
    customer: Customer | None
    valuation: Valuation | None
    applied: bool


@dataclass(frozen=True, slots=True)
class Revenue:
    """Paid revenue of a span."""

    revenue_minor: int
    orders: int
    unique_customers: int
    repeat_customers: int
    skipped_orders: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """A store's revenue before it was connected."""

    store_id: int
    start: dt.datetime
    end: dt.datetime
    time_zone: str
    basis: Basis
    currency: str
    revenue_minor: int
    monthly_average_minor: int
    average_order_minor: int
    orders: int
    unique_customers: int
    repeat_customers: int
    months_available: int
    skipped_orders: int
    computed_at: dt.datetime
    history_from: dt.datetime | None = None
    """From when on the history was said to be complete."""

    @property
    def complete(self) -> bool:
        """Whether the history covers twelve months or more."""
        return self.months_available >= 12

    @property
    def repeat_rate(self) -> float:
        """Part of the customers with two or more orders."""
        return self.repeat_customers / self.unique_customers if self.unique_customers else 0.0


@dataclass(frozen=True, slots=True)
class BaselineAsked:
    """How a baseline is to be computed; `span` None means the twelve whole months before the connection."""

    store_id: int
    span: tuple[dt.datetime, dt.datetime] | None
    connected_at: dt.datetime
    time_zone: str
    currency: str
    basis: Basis
    history_from: dt.datetime | None
    promotions: tuple[Promotion, ...] = ()


@dataclass(frozen=True, slots=True)
class RegisteredPromotion:
    """A promotion that the merchant registered; its number is never used again."""

    promotion_id: int
    promotion: Promotion
    registered_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PromotionsPut:
    """Promotions to register."""

    store_id: int
    promotions: tuple[Promotion, ...]


@dataclass(frozen=True, slots=True)
class PromotionRemoval:
    """A promotion to take back."""

    store_id: int
    promotion_id: int


@dataclass(frozen=True, slots=True)
class Merge:
    """Two customers become one."""

    store_id: int
    kept_key: str
    merged_key: str


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A customer who may not come back."""

    customer_key: str
    customer: Customer
    valuation: Valuation
    days_since_last_order: int
