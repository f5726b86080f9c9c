"""Fits a store's model by moments of a sample of its customers, leaning on the defaults while the sample is small."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence

import numpy as np

from kiki.council.syncvalue.domain import Customer, StoreModel
from kiki.council.syncvalue.ltv import Predictor, histories_of, models_of

_DEFAULT = StoreModel()
_DEFAULT_WEIGHT = 50.0
"""The defaults count as much as this many customers."""
_SEASONED_DAYS = 120.0
_MIN_FOR_QUANTILES = 20


def fit(
    customers: Sequence[Customer],
    *,
    known: int,
    now: dt.datetime,
    predictor: Predictor,
    low_share: float,
    high_share: float,
) -> StoreModel:
    """The model of a store from a sample of its `known` customers."""
    seen = [customer for customer in customers if customer.order_count > 0]
    if not seen:
        return dataclasses.replace(_DEFAULT, customers=known)
    histories = histories_of(seen, now)
    repeats, recency, age = histories.repeats, histories.recency_days, histories.age_days

    back = repeats > 0
    default_rate = _DEFAULT.rate_shape / _DEFAULT.rate_scale_days
    weight_days = _DEFAULT_WEIGHT * _DEFAULT.rate_scale_days
    rate = (repeats[back].sum() + default_rate * weight_days) / (recency[back].sum() + weight_days)
    scale = float(np.clip(_DEFAULT.rate_shape / rate, 5.0, 1_000.0))

    seasoned = age >= _SEASONED_DAYS
    stays = (back & seasoned).sum() + _DEFAULT_WEIGHT * _DEFAULT.stay / (_DEFAULT.stay + _DEFAULT.leave)
    share = float(np.clip(stays / (seasoned.sum() + _DEFAULT_WEIGHT), 0.05, 0.95))
    strength = _DEFAULT.leave + _DEFAULT.stay

    paying = histories.paying_orders
    mean = float((histories.mean_spend * paying).sum() / paying.sum()) if paying.sum() else 0.0
    model = StoreModel(
        rate_scale_days=scale,
        leave=strength * (1.0 - share),
        stay=strength * share,
        mean_spend_minor=mean,
        customers=known,
    )
    if len(seen) < _MIN_FOR_QUANTILES:
        return model
    values = predictor.predict(histories, models_of([model] * len(seen), histories.mean_spend)).value_minor
    low, high = np.quantile(values, [low_share, max(1.0 - high_share, low_share)]).tolist()
    return dataclasses.replace(model, low_below_minor=low, high_from_minor=high)
