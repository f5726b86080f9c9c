"""What is told of a store from a sample of its customers: the mean order, and where its segments part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from kiki.council.syncvalue.domain import Customer, StoreModel
from kiki.council.syncvalue.ltv import in_mean_purchases, known_of, scale_of
from kiki.council.syncvalue.models.tabled import TabledModel

_LEAST_FOR_QUANTILES = 20


def fit(
    customers: Sequence[Customer],
    *,
    known: int,
    now: dt.datetime,
    prior: TabledModel,
    low_share: float,
    high_share: float,
) -> StoreModel:
    """Of a store from a sample of its `known` customers."""
    seen = [customer for customer in customers if customer.order_count > 0]
    orders = sum(customer.spend_orders for customer in seen)
    mean = max(sum(customer.spent_minor for customer in seen), 0) / orders if orders else 0.0
    store = StoreModel(mean_spend_minor=mean, customers=known)
    if len(seen) < _LEAST_FOR_QUANTILES:
        return store
    of = known_of(seen, now.toordinal())
    scale = scale_of([store] * len(seen), of.mean)
    values = prior.serve(in_mean_purchases(of, scale)).value * scale
    low, high = np.quantile(values, [low_share, max(1.0 - high_share, low_share)]).tolist()
    return StoreModel(mean, low, high, known)
