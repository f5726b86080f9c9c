"""Lifetime value from a file: fits the models, tries them on the past, predicts each customer."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kiki.council.syncvalue.models import gammagamma
from kiki.council.syncvalue.models.accuracy import calibration, coverage, errors
from kiki.council.syncvalue.models.backtest import TIE, BackTest, back_test
from kiki.council.syncvalue.models.errors import CannotFit
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.fitting import fit_spend, fit_transactions, spend_frequency_correlation
from kiki.council.syncvalue.models.histories import DAYS_PER_UNIT, Histories, Spend, Unit, histories, spend
from kiki.council.syncvalue.models.intervals import Intervals, predictive_intervals
from kiki.council.syncvalue.models.pooling import default_prior
from kiki.council.syncvalue.models.prediction import Predictions, Terms, expected_purchases, predict
from kiki.council.syncvalue.models.purchases import Observation, Outcome, Purchases, observe, outcome
from kiki.council.syncvalue.models.transactions import MODELS
from kiki.kit.errors import InvalidInput
from kiki.runtime.studies.value_input import Orders, Reading, Summaries, read_customers, read_day

BEST = "best"
LEVEL = 0.9
_RULE = (
    "lowest mean over origins of MAE and RMSE, each over the best model's; "
    f"within {TIE:.1%} of it, the highest probability of what happened; "
    "each model is tried by maximum likelihood and under a prior"
)
MANY_CUSTOMERS = 100_000
"""Beyond so many, intervals are computed when they are asked for and not otherwise."""


class BadStudy(InvalidInput):
    """The options do not go together, or not with the file."""

    reason = "BAD_STUDY"


@dataclass(frozen=True, slots=True)
class ValueStudy:
    """What is asked for."""

    input: Path
    model: str = BEST
    unit: Unit = "weeks"
    until: str | None = None
    calibration_end: str | None = None
    holdout_days: int | None = None
    horizon: float | None = None
    """In `unit`; left out: 365 days."""
    yearly_discount: float = 0.1
    borrow: bool = False
    examples: Sequence[str] = field(default=())
    """Customers to predict, each as `x,t_x,T` or `x,t_x,T,mean spend`."""
    predictions: Path | None = None
    intervals: bool | None = None
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class _Data:
    """What the models are fitted to, and what came after it where the file says so."""

    labels: list[str]
    histories: Histories
    spend: Spend | None
    description: dict[str, Any]
    orders: Purchases | None = None
    observation: Observation | None = None
    holdout_days: int = 0
    after: Outcome | None = None


def run_value_study(study: ValueStudy, progress: Callable[[str], None]) -> dict[str, Any]:
    """The study's result as plain data. Raises `BadFile`, `BadStudy` and `CannotFit`."""
    if study.model != BEST and study.model not in MODELS:
        raise BadStudy(f"the model is one of {', '.join(MODELS)} or {BEST}, got {study.model!r}")
    terms = _terms(study)
    examples = [_example(text) for text in study.examples]
    progress(f"reading {study.input}")
    data = _prepare(study, read_customers(study.input, study.reading))
    progress(f"fitting {len(data.histories):,} customers")
    chosen, tried = _choose(study, data)
    fitted = chosen[0]
    money, why_not = _fit_spend(data, study)
    result: dict[str, Any] = {
        "model": fitted.name,
        "chosen_by": chosen[1],
        "unit": study.unit,
        **_described(fitted),
        "customers": len(data.histories),
        "repeat_customers": int((data.histories.x > 0).sum()),
        "repeat_purchases": int(data.histories.x.sum()),
        "gamma_gamma": _spend_described(money, data),
        "gamma_gamma_missing": why_not,
        "data": data.description,
        **tried,
    }
    if data.after is not None:
        progress("comparing with what followed")
        result["holdout"] = _compare(data, fitted, money, study)
    if examples:
        result["predictions"] = [_predict_example(example, fitted, money, terms) for example in examples]
    if study.predictions is not None:
        progress(f"predicting {len(data.histories):,} customers")
        _write_predictions(study, data, fitted, money, terms)
        result["predictions_file"] = str(study.predictions)
    return result


def _terms(study: ValueStudy) -> Terms:
    days = 365.0 if study.horizon is None else study.horizon * DAYS_PER_UNIT[study.unit]
    return Terms(horizon_days=days, yearly_discount=study.yearly_discount)


def _example(text: str) -> tuple[Histories, Spend | None]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (3, 4):
        raise BadStudy(f"a customer is given as x,t_x,T or x,t_x,T,mean spend, got {text!r}")
    known = histories(numbers[:1], numbers[1:2], numbers[2:3])
    return known, spend(numbers[:1], numbers[3:]) if len(numbers) == 4 else None


def _prepare(study: ValueStudy, given: Orders | Summaries) -> _Data:
    if isinstance(given, Summaries):
        if study.until or study.calibration_end or study.holdout_days is not None:
            raise BadStudy("a file of x, t_x and T has no dates: it cannot be cut at one")
        description = {"kind": "summaries", "rows": len(given.labels), **given.notes}
        return _Data(given.labels, given.histories, given.spend, description)
    of = given.purchases
    until = _day(study.until, "last day observed") if study.until else of.last_day
    end = _calibration_end(study, until)
    if end < of.first_day:
        raise BadStudy(f"{_iso(end)} lies before the first order ({_iso(of.first_day)})")
    seen = observe(of, end, study.unit)
    description = {
        "kind": "orders",
        "rows": given.rows,
        **given.notes,
        "purchases": len(of.day),
        "first_day": _iso(of.first_day),
        "until": _iso(until),
        "calibration_end": _iso(end),
        "holdout_days": until - end,
        "customers_after_calibration": of.customers - len(seen.customer),
    }
    return _Data(
        labels=[given.labels[number] for number in seen.customer.tolist()],
        histories=seen.histories,
        spend=seen.spend if of.has_amounts else None,
        description=description,
        orders=of,
        observation=seen,
        holdout_days=until - end,
        after=outcome(of, seen, until) if until > end else None,
    )


def _calibration_end(study: ValueStudy, until: int) -> int:
    if study.calibration_end and study.holdout_days is not None:
        raise BadStudy("give either the end of the calibration or the days of the hold-out")
    if study.calibration_end:
        end = _day(study.calibration_end, "end of the calibration")
        if end > until:
            raise BadStudy(f"the calibration cannot end ({_iso(end)}) after the observation ({_iso(until)})")
        return end
    return until - (study.holdout_days or 0)


def _day(text: str, what: str) -> int:
    try:
        return read_day(text).toordinal()
    except ValueError:
        raise BadStudy(f"the {what} is a day such as 2026-01-31, got {text!r}") from None


def _iso(day: int) -> str:
    return dt.date.fromordinal(day).isoformat()


def _choose(study: ValueStudy, data: _Data) -> tuple[tuple[FittedModel, str], dict[str, Any]]:
    """The fitted model with how it was chosen, and what else there is to say."""
    if study.model != BEST:
        return (_fit(study.model, data, study), "request"), {}
    tried = _back_test(study, data)
    if isinstance(tried, BackTest):
        fitted = _fit(tried.chosen, data, study, leans=tried.leans)
        return (fitted, "back_test"), {"back_test": _back_test_described(tried)}
    candidates = [_fit(name, data, study) for name in MODELS]
    best = max(candidates, key=lambda model: model.log_likelihood)
    others = {model.name: model.log_likelihood for model in candidates}
    return (best, "log_likelihood"), {"log_likelihoods": others, "back_test_missing": tried}


def _back_test(study: ValueStudy, data: _Data) -> BackTest | str:
    """The back-test on what the calibration saw, or why there is none."""
    if data.orders is None or data.observation is None:
        return "a file of x, t_x and T has no past to go back to"
    try:
        return back_test(data.orders, until=data.observation.until, unit=study.unit)
    except CannotFit as error:
        return error.message


def _back_test_described(tried: BackTest) -> dict[str, Any]:
    trials = [
        {
            "model": trial.model,
            "prior": trial.leans,
            "origin": _iso(trial.origin),
            "horizon_days": trial.horizon_days,
            "relative": trial.relative,
            "log_score": trial.log_score,
            **trial.errors.as_dict(),
        }
        for trial in tried.trials
    ]
    return {
        "chosen": tried.chosen,
        "prior": tried.leans,
        "rule": _RULE,
        "scores": tried.scores,
        "log_scores": tried.log_scores,
        "trials": trials,
    }


def _fit(name: str, data: _Data, study: ValueStudy, *, leans: bool = False) -> FittedModel:
    prior = default_prior(name) if study.borrow or leans else None
    return fit_transactions(name, data.histories, study.unit, prior)


def _fit_spend(data: _Data, study: ValueStudy) -> tuple[FittedModel | None, str | None]:
    if data.spend is None:
        return None, "the file has no amounts"
    try:
        return fit_spend(data.spend, study.unit, default_prior(gammagamma.NAME) if study.borrow else None), None
    except CannotFit as error:
        return None, error.message


def _described(model: FittedModel) -> dict[str, Any]:
    return {
        "version": model.version,
        "parameters": dict(model.parameters),
        "log_likelihood": model.log_likelihood,
        "standard_errors": model.standard_errors,
        "intervals_95": {name: list(ends) for name, ends in model.intervals().items()},
        "method": model.method,
        "own_weight": model.own_weight,
        "warnings": list(model.warnings),
    }


def _spend_described(model: FittedModel | None, data: _Data) -> dict[str, Any] | None:
    if model is None or data.spend is None:
        return None
    return {
        **_described(model),
        "customers": model.customers,
        "purchases": model.purchases,
        "spend_frequency_correlation": spend_frequency_correlation(data.spend),
    }


def _compare(data: _Data, fitted: FittedModel, money: FittedModel | None, study: ValueStudy) -> dict[str, Any]:
    """Accuracy against the hold-out: errors, calibration by decile, coverage of the intervals."""
    assert data.after is not None
    horizon = data.holdout_days / DAYS_PER_UNIT[fitted.unit]
    expected = expected_purchases(fitted, data.histories, horizon)
    actual = data.after.purchases
    result: dict[str, Any] = {
        "days": data.holdout_days,
        "purchases": errors(expected, actual).as_dict(),
        "calibration": [asdict(part) for part in calibration(expected, actual)],
    }
    if study.intervals is False or (study.intervals is None and len(actual) > MANY_CUSTOMERS):
        return result
    ends = predictive_intervals(fitted, data.histories, horizon, level=LEVEL, spend_model=money, spend=data.spend)
    result["coverage"] = covered(ends, data.after)
    return result


def covered(ends: Intervals, after: Outcome) -> dict[str, Any]:
    """Coverage of the intervals; of counts with what the model itself expects, for counts are whole numbers."""
    counts = coverage(ends.purchases_low, ends.purchases_high, after.purchases, ends.level)
    result: dict[str, Any] = {"purchases": counts.as_dict() | {"expected": float(ends.purchases_mass.mean())}}
    if ends.spend_low is not None and ends.spend_high is not None:
        of_spend = coverage(ends.spend_low, ends.spend_high, after.spend, ends.level)
        result["spend"] = of_spend.as_dict() | {"expected": float(np.maximum(ends.p_none, ends.level).mean())}
    return result


def _predict_example(
    example: tuple[Histories, Spend | None], fitted: FittedModel, money: FittedModel | None, terms: Terms
) -> dict[str, Any]:
    known, spent = example
    predictions = predict(fitted, known, terms=terms, spend_model=money, spend=spent)
    horizon = terms.horizon(fitted.unit)
    ends = predictive_intervals(fitted, known, horizon, level=LEVEL, spend_model=money, spend=spent)
    columns = _columns(known, predictions, ends, with_money=money is not None)
    return {"horizon": horizon} | {name: float(values[0]) for name, values in columns.items()}


def _columns(
    known: Histories, predictions: Predictions, ends: Intervals | None, *, with_money: bool
) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    columns = {
        "x": known.x,
        "t_x": known.t_x,
        "T": known.age,
        "p_alive": predictions.p_alive,
        "expected_purchases": predictions.purchases,
        "discounted_purchases": predictions.discounted_purchases,
        "lifetime_purchases": predictions.lifetime_purchases,
    }
    if ends is not None:
        columns |= {"purchases_low": ends.purchases_low, "purchases_high": ends.purchases_high}
    if with_money:
        columns |= {
            "expected_mean_spend": predictions.mean_spend,
            "value": predictions.value,
            "lifetime_value": predictions.lifetime_value,
        }
    if ends is not None and ends.spend_low is not None and ends.spend_high is not None:
        columns |= {"spend_low": ends.spend_low, "spend_high": ends.spend_high}
    return columns


def _write_predictions(
    study: ValueStudy, data: _Data, fitted: FittedModel, money: FittedModel | None, terms: Terms
) -> None:
    assert study.predictions is not None
    predictions = predict(fitted, data.histories, terms=terms, spend_model=money, spend=data.spend)
    ends = None
    if study.intervals or (study.intervals is None and len(data.histories) <= MANY_CUSTOMERS):
        ends = predictive_intervals(
            fitted, data.histories, terms.horizon(fitted.unit), level=LEVEL, spend_model=money, spend=data.spend
        )
    columns = _columns(data.histories, predictions, ends, with_money=money is not None)
    try:
        with study.predictions.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["customer", *columns])
            values = [np.round(column, 6).tolist() for column in columns.values()]
            writer.writerows(zip(data.labels, *values, strict=True))
    except OSError as error:
        raise BadStudy(f"{study.predictions} cannot be written: {error.strerror}") from None
