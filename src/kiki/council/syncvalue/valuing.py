"""What a store's fitted model says of its customers; a typical shop's (`ltv.py`) speaks for stores without one.

Purchases are days with an order, as the models were fitted: a customer's first day counts neither in the repeats nor in
the mean spend.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.domain import NOTHING_KNOWN, Customer, Segment, StoreModel, Valuation
from kiki.council.syncvalue.ltv import value
from kiki.council.syncvalue.models.tabled import AGES, COLUMNS, REPEATS, Known, TabledModel

_MAX_MINOR = float(2**62)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One version of a store's model, ready to speak."""

    version: int
    name: str
    tabled: TabledModel
    currency: str
    """Of the amounts that it was fitted to."""
    own_weight: float
    low_below_minor: float
    high_from_minor: float


Speaker = tuple[StoreModel, ServedModel | None]
"""What speaks for a store: the fitted model where there is one, else a typical shop's with the store's mean order."""


def table_of(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The table as stored."""
    return np.frombuffer(content, dtype=np.float32).astype(np.float64).reshape(COLUMNS, len(REPEATS), AGES)


def valuations(
    prior: TabledModel,
    customers: Sequence[Customer],
    speakers: Sequence[Speaker],
    now: dt.datetime,
) -> list[Valuation]:
    """A valuation per customer, in order; customers of one store share one speaker."""
    if all(fitted is None for _, fitted in speakers):
        return value(prior, customers, [store for store, _ in speakers], now)
    places: dict[int, tuple[ServedModel | None, list[int]]] = {}
    for place, (_, fitted) in enumerate(speakers):
        places.setdefault(id(fitted), (fitted, []))[1].append(place)
    found: list[Valuation] = [NOTHING_KNOWN] * len(customers)
    for fitted, rows in places.values():
        some = [customers[row] for row in rows]
        if fitted is None:
            valued = value(prior, some, [speakers[row][0] for row in rows], now)
        else:
            valued = by_model(fitted, some, now)
        for row, valuation in zip(rows, valued, strict=True):
            found[row] = valuation
    return found


def by_model(model: ServedModel, customers: Sequence[Customer], now: dt.datetime) -> list[Valuation]:
    """Valuations by a fitted model. Money rounds half to even to the minor unit."""
    if not customers:
        return []
    found = model.tabled.serve(known_of(customers, now.toordinal(), model.currency))
    money = np.stack([found.value, found.lifetime_value, found.low, found.high])
    minor = np.rint(np.clip(money, 0.0, _MAX_MINOR)).astype(np.int64).tolist()
    confidence = found.own_share * (0.5 + 0.5 * model.own_weight)
    risk, purchases = 1.0 - found.p_alive, found.purchases
    columns = zip(customers, *minor, confidence.tolist(), risk.tolist(), purchases.tolist(), strict=True)
    version, name = model.version, model.name
    return [
        Valuation(ltv, sure, gone, _segment(model, ltv), orders, lifetime, low, high, version, name)
        if customer.order_count
        else NOTHING_KNOWN
        for customer, ltv, lifetime, low, high, sure, gone, orders in columns
    ]


def known_of(customers: Sequence[Customer], today: int, currency: str) -> Known:
    """What the models see at the end of a day (as `date.toordinal`); what lies after it counts as that day's.

    Of customers who pay in another currency than the model's, the worth of a purchase is taken as the store's.
    """
    rows = np.array([_row(customer, today, currency) for customer in customers], dtype=np.float64)
    return Known(*rows.reshape(-1, 5).T)


def _row(customer: Customer, today: int, currency: str) -> tuple[float, float, float, float, float]:
    own_currency, count, _, spent, first_at, last_at, days, first_minor = customer
    if first_at is None or last_at is None:
        return (0.0, 0.0, 0.0, 0.0, 0.0)
    first = min(first_at.toordinal(), today)
    recency = min(last_at.toordinal(), today) - first
    repeats = (days or count) - 1
    if not recency:
        repeats = 0
    later = spent - first_minor if days else spent * repeats / count
    if repeats <= 0 or later <= 0 or own_currency != currency:
        return (repeats, recency, today - first, 0.0, 0.0)
    return (repeats, recency, today - first, repeats, later / repeats)


def _segment(model: ServedModel, ltv_minor: int) -> Segment:
    """By the store's own quantiles at the fit."""
    if ltv_minor >= model.high_from_minor and ltv_minor > 0:
        return Segment.HIGH
    return Segment.MEDIUM if ltv_minor >= model.low_below_minor and ltv_minor > 0 else Segment.LOW
