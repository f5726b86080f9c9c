"""What a fitted store's customers are expected to do: whether they are active, how often they buy, what it is worth.

No optimisation and no state: a few hundred multiplications per customer. Equal histories are computed once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.models import gammagamma
from kiki.council.syncvalue.models.errors import BadModel
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.histories import (
    DAYS_PER_UNIT,
    DAYS_PER_YEAR,
    Floats,
    Histories,
    Spend,
    Unit,
    group_with_places,
)
from kiki.council.syncvalue.models.transactions import transaction_model

_ROWS = 2_000
"""So many customers at a time, to bound memory."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How far ahead, and what later money is worth."""

    horizon_days: float = DAYS_PER_YEAR
    yearly_discount: float = 0.1
    """0.1: a purchase in a year is worth 1 / 1.1 of one today."""

    def __post_init__(self) -> None:
        if not (0 < self.horizon_days < math.inf):
            raise BadModel(f"the horizon must be positive and finite, got {self.horizon_days} days")
        if not (0 < self.yearly_discount <= 10):
            raise BadModel(f"the yearly discount must be more than 0 and at most 10, got {self.yearly_discount}")

    def horizon(self, unit: Unit) -> float:
        """The horizon in a model's unit."""
        return self.horizon_days / DAYS_PER_UNIT[unit]

    def rate(self, unit: Unit) -> float:
        """The continuous discount rate per unit."""
        return math.log1p(self.yearly_discount) * DAYS_PER_UNIT[unit] / DAYS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Predictions:
    """One element per customer; money in the unit of the amounts that were fitted."""

    p_alive: Floats
    purchases: Floats
    """Expected in the horizon."""
    discounted_purchases: Floats
    """The same, discounted."""
    lifetime_purchases: Floats
    """Expected for ever, discounted (DET)."""
    mean_spend: Floats
    """Expected per purchase; 1 without a model of spend."""

    @property
    def value(self) -> Floats:
        """Discounted spend in the horizon."""
        return self.discounted_purchases * self.mean_spend

    @property
    def lifetime_value(self) -> Floats:
        """Discounted spend for ever."""
        return self.lifetime_purchases * self.mean_spend


def predict(
    model: FittedModel,
    of: Histories,
    *,
    terms: Terms,
    spend_model: FittedModel | None = None,
    spend: Spend | None = None,
) -> Predictions:
    """Predictions in the customers' order; `of` in the model's unit."""
    what = transaction_model(model.name)
    distinct, places = group_with_places(of)
    horizon, rate = terms.horizon(model.unit), terms.rate(model.unit)
    parameters = model.vector
    columns = np.empty((4, len(distinct)))
    for start in range(0, len(distinct), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(distinct)))
        some = distinct.take(rows)
        columns[0, rows] = what.p_alive(parameters, some)
        columns[1, rows] = what.expected(parameters, some, np.full(len(some), horizon))
        columns[2, rows] = what.discounted(parameters, some, horizon, rate)
        columns[3, rows] = what.discounted(parameters, some, math.inf, rate)
    alive, purchases, discounted, lifetime = columns[:, places]
    return Predictions(alive, purchases, discounted, lifetime, mean_spend(spend_model, spend, len(of)))


def expected_purchases(model: FittedModel, of: Histories, horizon: float) -> Floats:
    """E[Y(t)] alone; `horizon` in the model's unit."""
    what = transaction_model(model.name)
    distinct, places = group_with_places(of)
    result = np.empty(len(distinct))
    for start in range(0, len(distinct), _ROWS * 8):
        rows = np.arange(start, min(start + _ROWS * 8, len(distinct)))
        result[rows] = what.expected(model.vector, distinct.take(rows), np.full(len(rows), horizon))
    return result[places]


def p_alive(model: FittedModel, of: Histories) -> Floats:
    """P(alive) alone."""
    return transaction_model(model.name).p_alive(model.vector, of)


def mean_spend(model: FittedModel | None, of: Spend | None, customers: int) -> Floats:
    """Expected worth of a purchase of each customer; ones without a model."""
    if model is None:
        return np.ones(customers)
    if model.name != gammagamma.NAME:
        raise BadModel(f"spend is modelled by {gammagamma.NAME!r}, got {model.name!r}")
    known = of if of is not None else Spend(np.zeros(customers), np.zeros(customers))
    return gammagamma.expected_spend(model.vector, known)
