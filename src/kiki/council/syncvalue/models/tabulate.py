"""Lays a fitted model out for serving (`tabled.py`): its table, and the ends of its intervals, calibrated."""

from __future__ import annotations

import math

import numpy as np

from kiki.council.syncvalue.models import gammagamma
from kiki.council.syncvalue.models.errors import BadModel
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.histories import Floats, Histories, Spend
from kiki.council.syncvalue.models.intervals import Intervals, predictive_intervals
from kiki.council.syncvalue.models.prediction import Terms, predict
from kiki.council.syncvalue.models.tabled import (
    AGES,
    COLUMNS,
    REPEATS,
    TERMS,
    Known,
    TabledModel,
    grid,
)
from kiki.council.syncvalue.models.transactions import transaction_model

LEVEL = 0.9
_CALIBRATED_ON = 400
_RIDGE = 1e-3
_LEAST_PROBABILITY = 0.01


def tabled(model: FittedModel, spend_model: FittedModel, of: Histories, spend: Spend, *, terms: Terms) -> TabledModel:
    """The model for serving. `of` and `spend` are the store's customers, by some of whom the intervals are calibrated.

    Both models are in days.
    """
    if model.unit != "days" or spend_model.name != gammagamma.NAME:
        raise BadModel(f"a model in days and one of spend are served, got {model.unit!r} and {spend_model.name!r}")
    bare = TabledModel(
        model.name, model.vector, spend_model.vector, _table(model, terms), np.zeros(TERMS, dtype=np.float64), LEVEL
    )
    some, their_spend = _calibration_customers(spend_model, of, spend)
    exact = predictive_intervals(
        model, some, terms.horizon_days, level=LEVEL, spend_model=spend_model, spend=their_spend
    )
    ends = _ends(bare, some, their_spend, exact)
    return TabledModel(bare.name, bare.parameters, bare.spend, bare.table, ends, LEVEL)


def _table(model: FittedModel, terms: Terms) -> Floats:
    r, alpha = float(model.vector[0]), float(model.vector[1])
    first, step = grid(alpha)
    ages = np.maximum(np.exp(first + step * np.arange(AGES)) - alpha, 0.0)
    x, age = (part.ravel() for part in np.meshgrid(np.array(REPEATS, dtype=np.float64), ages, indexing="ij"))
    active = Histories(x, np.where(x > 0, age, 0.0), age)
    found = predict(model, active, terms=terms)
    per = found.p_alive * (r + x) / (alpha + age)
    none = transaction_model(model.name).counts(model.vector, active, terms.horizon_days, 0)[:, 0]
    given = np.clip((none - (1.0 - found.p_alive)) / found.p_alive, 1e-300, 1.0)
    columns = (found.purchases / per, found.discounted_purchases / per, found.lifetime_purchases / per)
    return np.stack([*columns, -np.log(given) / (r + x)]).reshape(COLUMNS, len(REPEATS), AGES)


def _calibration_customers(spend_model: FittedModel, of: Histories, spend: Spend) -> tuple[Histories, Spend]:
    """Some of the store's customers, and some that it has not got: new ones, and frequent ones."""
    rows = np.unique(np.linspace(0, len(of) - 1, min(len(of), _CALIBRATED_ON)).astype(np.int64))
    x, days, part = (
        column.ravel() for column in np.meshgrid([0.0, 1.0, 2.0, 4.0, 8.0], [1.0, 30.0, 200.0], [0.5, 1.0])
    )
    p, q, v = spend_model.vector.tolist()
    mean = np.where(x > 0, p * v / (q - 1.0), 0.0)
    histories = Histories(
        np.concatenate([of.x[rows], x]),
        np.concatenate([of.t_x[rows], np.where(x > 0, days * part, 0.0)]),
        np.concatenate([of.age[rows], days]),
    )
    return histories, Spend(np.concatenate([spend.purchases[rows], x]), np.concatenate([spend.mean[rows], mean]))


def _ends(bare: TabledModel, of: Histories, spend: Spend, exact: Intervals) -> Floats:
    """Least squares on the logarithms of the exact ends, with a slight pull to 0."""
    outlook = bare.serve(Known(of.x, of.t_x, of.age, spend.purchases, spend.mean)).outlook
    tail = (1.0 - LEVEL) / 2.0
    top, bottom = np.where(outlook.none > tail, LEVEL, 1.0 - tail), np.full(len(of), tail)
    rows, targets = [_RIDGE * math.sqrt(len(of)) * np.eye(TERMS)], [np.zeros(TERMS)]
    for probability, end in ((top, exact.spend_high), (bottom, exact.spend_low)):
        assert end is not None, "a model of spend was given"
        share = outlook.share(probability)
        use = (share > _LEAST_PROBABILITY) & (end > 0)
        rows.append(outlook.features(share)[use])
        targets.append(np.log(end[use] / outlook.scale[use]))
    return np.asarray(np.linalg.lstsq(np.concatenate(rows), np.concatenate(targets), rcond=None)[0])
