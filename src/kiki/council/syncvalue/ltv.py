"""Values customers of stores for which nothing was fitted: by a typical shop's model, and the store's own mean order.

The model (`models/prior_model.py`) is in mean purchases, so that one table serves all stores, whatever they sell. All
of a customer's purchases count for the mean worth of one, the first included: it is all that is known on the first day.
While the store's mean order is not known yet, the customer's own stands for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from kiki.council.syncvalue.domain import NOTHING_KNOWN, Customer, Segment, StoreModel, Valuation
from kiki.council.syncvalue.models.histories import Floats
from kiki.council.syncvalue.models.prior_model import NAME
from kiki.council.syncvalue.models.tabled import Known, TabledModel

_MAX_MINOR = float(2**62)
_OWN_WEIGHT = 0.5
"""Confidence is halved: none of the model is the store's own."""
_DEFAULT_LOW_ORDERS = 1.0
_DEFAULT_HIGH_ORDERS = 3.0


def value(
    prior: TabledModel, customers: Sequence[Customer], stores: Sequence[StoreModel], now: dt.datetime
) -> list[Valuation]:
    """A valuation per customer, in order. Money rounds half to even to the minor unit."""
    if not customers:
        return []
    known = known_of(customers, now.toordinal())
    scale = scale_of(stores, known.mean)
    found = prior.serve(in_mean_purchases(known, scale))
    money = np.stack([found.value, found.lifetime_value, found.low, found.high]) * scale
    minor = np.rint(np.minimum(money, _MAX_MINOR)).astype(np.int64).tolist()
    columns = zip(
        customers,
        stores,
        *minor,
        (found.own_share * _OWN_WEIGHT).tolist(),
        (1.0 - found.p_alive).tolist(),
        found.purchases.tolist(),
        scale.tolist(),
        strict=True,
    )
    return [
        Valuation(ltv, sure, gone, segment_of(ltv, store, mean), orders, lifetime, low, high, 0, NAME)
        if customer.order_count
        else NOTHING_KNOWN
        for customer, store, ltv, lifetime, low, high, sure, gone, orders, mean in columns
    ]


def known_of(customers: Sequence[Customer], today: int) -> Known:
    """What the model sees at the end of a day (as `date.toordinal`), in minor units; what lies later is that day's."""
    rows = [_row(customer, today) for customer in customers]
    return Known(*np.array(rows, dtype=np.float64).T)


def scale_of(stores: Sequence[StoreModel], own_means: Floats) -> Floats:
    """The mean purchase of each customer's store, in minor units; the customer's own while the store's is not known."""
    means = np.array([store.mean_spend_minor for store in stores])
    return np.where(means > 0, means, own_means)


def in_mean_purchases(of: Known, scale: Floats) -> Known:
    """The same customers, money in mean purchases."""
    return Known(of.x, of.t_x, of.age, of.paid, of.mean / np.where(scale > 0, scale, 1.0))


def segment_of(ltv_minor: int, store: StoreModel, mean_minor: float) -> Segment:
    """By the store's own quantiles; before the first refresh, by how many mean orders the value is worth."""
    low, high = store.low_below_minor, store.high_from_minor
    if low is None or high is None:
        low, high = _DEFAULT_LOW_ORDERS * mean_minor, _DEFAULT_HIGH_ORDERS * mean_minor
    if ltv_minor >= high and ltv_minor > 0:
        return Segment.HIGH
    return Segment.MEDIUM if ltv_minor >= low and ltv_minor > 0 else Segment.LOW


def _row(customer: Customer, today: int) -> tuple[float, float, float, float, float]:
    _, count, paying, spent, first_at, last_at, days, _ = customer
    if first_at is None or last_at is None:
        return (0.0, 0.0, 0.0, 0.0, 0.0)
    first, last = first_at.toordinal(), last_at.toordinal()
    if last > today:
        first, last = min(first, today), today
    repeats = (days or count) - 1 if last > first else 0
    paid = paying if paying <= repeats else repeats + 1
    mean = spent / paid if paid and spent > 0 else 0.0
    return (repeats, last - first, today - first, paid, mean)
