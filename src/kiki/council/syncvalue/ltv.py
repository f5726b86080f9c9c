"""Predicts what a customer will spend: shrinkage of rate, staying and mean order towards the store's customers.

The first model, deliberately simple and closed-form; others take its place behind `Predictor`. With x repeat purchases,
the last of them t days after the first purchase, seen for T days (Batislam, Denizel, Filiztekin 2007, "MBG/NBD"):

    P(alive)  = 1 / (1 + leave / (stay + x) · ((scale + T) / (scale + t)) ^ (shape + x))
    rate      = (shape + x) / (scale + T)                  posterior mean of the purchase rate
    p         = leave / (leave + stay + x + 1)             posterior mean of leaving after a purchase
    purchases = P(alive) · (1 − exp(−rate · p · 365)) / p  in the next twelve months
    spend     = (strength · store's mean + n · own mean) / (strength + n)
    value     = purchases · spend

So value grows with own spend and with recency, risk grows with silence, and all of it is bounded.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kiki.council.syncvalue.domain import NOTHING_KNOWN, Customer, Segment, StoreModel, Valuation

Floats = NDArray[np.float64]

HORIZON_DAYS = 365.0
_DAY = 86_400.0
_MAX_MINOR = float(2**62)
_DEFAULT_LOW_ORDERS = 1.0
_DEFAULT_HIGH_ORDERS = 3.0


@dataclass(frozen=True, slots=True)
class Histories:
    """Sufficient statistics of many customers, one element each; days since the customer's first purchase."""

    repeats: Floats
    """Purchases after the first one (x)."""
    recency_days: Floats
    """First to last purchase (t)."""
    age_days: Floats
    """First purchase to now (T)."""
    paying_orders: Floats
    """Purchases that `mean_spend` covers (n)."""
    mean_spend: Floats
    """Mean of these, in minor units."""


@dataclass(frozen=True, slots=True)
class StoreModels:
    """The parameters that go with each customer, one element each."""

    rate_shape: Floats
    rate_scale_days: Floats
    leave: Floats
    stay: Floats
    mean_spend_minor: Floats
    spend_strength: Floats


@dataclass(frozen=True, slots=True)
class Predictions:
    """What is predicted, one element per customer."""

    value_minor: Floats
    confidence: Floats
    churn_risk: Floats
    expected_orders: Floats


class Predictor(Protocol):
    """A model of lifetime value. Pure; every answer finite, value not negative, risk and confidence within 0 and 1."""

    @property
    def name(self) -> str: ...

    def predict(self, histories: Histories, models: StoreModels) -> Predictions: ...


class ShrinkagePredictor:
    """The model that the module describes."""

    name = "shrinkage-1"

    def predict(self, histories: Histories, models: StoreModels) -> Predictions:
        x, recency, age = histories.repeats, histories.recency_days, histories.age_days
        shape, scale = models.rate_shape, models.rate_scale_days
        exponent = np.minimum((shape + x) * np.log((scale + age) / (scale + recency)), 700.0)
        alive = 1.0 / (1.0 + models.leave / (models.stay + x) * np.exp(exponent))
        rate = (shape + x) / (scale + age)
        leaves = models.leave / (models.leave + models.stay + x + 1.0)
        purchases = alive * -np.expm1(-rate * leaves * HORIZON_DAYS) / leaves
        n, strength = histories.paying_orders, models.spend_strength
        spend = (strength * models.mean_spend_minor + n * histories.mean_spend) / (strength + n)
        confidence = 0.5 * n / (strength + n) + 0.5 * age / (scale + age)
        return Predictions(np.minimum(purchases * spend, _MAX_MINOR), confidence, 1.0 - alive, purchases)


def histories_of(customers: Sequence[Customer], now: dt.datetime) -> Histories:
    """Statistics of customers with at least one purchase; what lies after `now` counts as now."""
    at = now.timestamp()
    rows = np.array([_row(customer, at) for customer in customers], dtype=np.float64).reshape(-1, 5)
    x, recency, age, n, spend = rows.T
    return Histories(x, recency, np.maximum(age, recency), n, spend)


def _row(customer: Customer, at: float) -> tuple[float, float, float, float, float]:
    _, count, paying, spent, first, last = customer[:6]
    if first is None or last is None:
        return (0.0, 0.0, 0.0, 0.0, 0.0)
    start = min(first.timestamp(), at)
    mean = spent / paying if paying else 0.0
    return (max(count - 1, 0), (min(last.timestamp(), at) - start) / _DAY, (at - start) / _DAY, paying, max(mean, 0.0))


def models_of(models: Sequence[StoreModel], fallback_spend: Floats) -> StoreModels:
    """Parameters side by side; a store whose mean order is not known yet leans on the customer's own."""
    distinct = {id(model): model for model in models}
    if len(distinct) == 1:
        columns = np.repeat(np.array([_parameters(models[0])], dtype=np.float64), len(models), axis=0).T
    else:
        columns = np.array([_parameters(model) for model in models], dtype=np.float64).reshape(-1, 6).T
    shape, scale, leave, stay, mean, strength = columns
    return StoreModels(shape, scale, leave, stay, np.where(mean > 0, mean, fallback_spend), strength)


def _parameters(model: StoreModel) -> tuple[float, float, float, float, float, float]:
    return (
        model.rate_shape,
        model.rate_scale_days,
        model.leave,
        model.stay,
        model.mean_spend_minor,
        model.spend_strength,
    )


def value(
    predictor: Predictor, customers: Sequence[Customer], models: Sequence[StoreModel], now: dt.datetime
) -> list[Valuation]:
    """A valuation per customer, in order. Value rounds half to even to the minor unit."""
    if not customers:
        return []
    histories = histories_of(customers, now)
    predictions = predictor.predict(histories, models_of(models, histories.mean_spend))
    minor = np.rint(predictions.value_minor).astype(np.int64).tolist()
    columns = zip(
        customers,
        models,
        minor,
        predictions.confidence.tolist(),
        predictions.churn_risk.tolist(),
        predictions.expected_orders.tolist(),
        histories.mean_spend.tolist(),
        strict=True,
    )
    return [
        Valuation(ltv, confidence, risk, segment_of(ltv, model, own), orders) if customer.order_count else NOTHING_KNOWN
        for customer, model, ltv, confidence, risk, orders, own in columns
    ]


def segment_of(ltv_minor: int, model: StoreModel, own_mean: float) -> Segment:
    """By the store's own quantiles; before the first refresh, by how many mean orders the value is worth."""
    low, high = model.low_below_minor, model.high_from_minor
    if low is None or high is None:
        order = model.mean_spend_minor or own_mean
        low, high = _DEFAULT_LOW_ORDERS * order, _DEFAULT_HIGH_ORDERS * order
    if ltv_minor >= high and ltv_minor > 0:
        return Segment.HIGH
    return Segment.MEDIUM if ltv_minor >= low and ltv_minor > 0 else Segment.LOW
