"""How right a store's model is: fitted to the first three quarters of its history and compared with the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from kiki.council.syncvalue.models.accuracy import calibration, coverage, errors
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.histories import Floats, Histories, Integers, Spend
from kiki.council.syncvalue.models.intervals import count_distribution, predictive_intervals
from kiki.council.syncvalue.models.prediction import Terms
from kiki.council.syncvalue.models.purchases import Purchases, observe, outcome
from kiki.council.syncvalue.models.tabled import Known, TabledModel
from kiki.council.syncvalue.models.tabulate import LEVEL, tabled
from kiki.council.syncvalue.refit.job import Plain

_KNOWN_SHARE = 0.75
_LONGEST_DAYS = 365
_LEAST_DAYS = 14
_LEAST_CUSTOMERS = 10
_EXACT_CUSTOMERS = 400
_COUNTED_CUSTOMERS = 2_000
_MOST_COUNTED = 10
_BINS = 10

Refit = Callable[[Histories, Spend], tuple[FittedModel, FittedModel]]


def accuracy(of: Purchases, until: int, yearly_discount: float, served: TabledModel, refit: Refit) -> Plain | None:
    """Figures as JSON has them; `None` when fewer than two weeks or ten customers can be held out."""
    held = min(int((until - of.first_day) * (1.0 - _KNOWN_SHARE)), _LONGEST_DAYS)
    if held < _LEAST_DAYS:
        return None
    seen = observe(of, until - held, "days")
    if len(seen.histories) < _LEAST_CUSTOMERS:
        return None
    model, spend_model = refit(seen.histories, seen.spend)
    terms = Terms(horizon_days=float(held), yearly_discount=yearly_discount)
    then = tabled(model, spend_model, seen.histories, seen.spend, terms=terms)
    found = then.serve(known(seen.histories, seen.spend))
    actual = outcome(of, seen, until)
    spend = found.purchases * found.outlook.mean
    now = observe(of, until, "days")
    return {
        "origin_day": until - held,
        "horizon_days": held,
        "customers": len(seen.histories),
        "purchases": errors(found.purchases, actual.purchases).as_dict(),
        "spend": errors(spend, actual.spend).as_dict(),
        "purchase_deciles": [asdict(part) for part in calibration(found.purchases, actual.purchases)],
        "spend_deciles": [asdict(part) for part in calibration(spend, actual.spend)],
        "interval": _interval(
            model, spend_model, seen.histories, seen.spend, found.low, found.high, actual.spend, held
        ),
        "counts": _counts(model, seen.histories, actual.purchases, held),
        "p_alive": _histogram(served.p_alive(known(now.histories, now.spend))),
    }


def known(of: Histories, spend: Spend) -> Known:
    """The same for serving."""
    return Known(of.x, of.t_x, of.age, spend.purchases, spend.mean)


def _interval(
    model: FittedModel,
    spend_model: FittedModel,
    of: Histories,
    spend: Spend,
    low: Floats,
    high: Floats,
    actual: Floats,
    held: int,
) -> Plain:
    """Coverage of the served intervals, of those that are not [0, 0], and of the exact ones on a part."""
    rows = _some(len(of), _EXACT_CUSTOMERS)
    exact = predictive_intervals(
        model, of.take(rows), float(held), level=LEVEL, spend_model=spend_model, spend=spend.take(rows)
    )
    assert exact.spend_low is not None, "a model of spend was given"
    assert exact.spend_high is not None, "a model of spend was given"
    open_ = high > 0
    whole = coverage(low, high, actual, LEVEL)
    return {
        "level": LEVEL,
        "covered": whole.covered,
        "mean_width": whole.mean_width,
        "customers": whole.customers,
        "likely_customers": int(open_.sum()),
        "likely_covered": coverage(low[open_], high[open_], actual[open_], LEVEL).covered if open_.any() else None,
        "exact_customers": len(rows),
        "exact_covered": coverage(exact.spend_low, exact.spend_high, actual[rows], LEVEL).covered,
        "served_of_exact_customers": coverage(low[rows], high[rows], actual[rows], LEVEL).covered,
    }


def _counts(model: FittedModel, of: Histories, actual: Floats, held: int) -> list[Plain]:
    """Customers by their purchases in the hold-out, expected and actual, on a part of them; ten and more together."""
    rows = _some(len(of), _COUNTED_CUSTOMERS)
    expected = count_distribution(model, of.take(rows), float(held), _MOST_COUNTED - 1).sum(axis=0).tolist()
    expected.append(max(len(rows) - sum(expected), 0.0))
    seen = np.bincount(np.minimum(actual[rows], _MOST_COUNTED).astype(np.int64), minlength=_MOST_COUNTED + 1).tolist()
    return [
        {"purchases": count, "expected": told, "actual": there}
        for count, (told, there) in enumerate(zip(expected, seen, strict=True))
    ]


def _histogram(p_alive: Floats) -> list[int]:
    counts, _ = np.histogram(p_alive, bins=_BINS, range=(0.0, 1.0))
    return [int(count) for count in counts]


def _some(size: int, most: int) -> Integers:
    return np.asarray(np.unique(np.linspace(0, size - 1, min(size, most)).astype(np.int64)))
