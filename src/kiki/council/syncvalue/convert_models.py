"""Fitted models and their accuracy as protobuf messages."""

from __future__ import annotations

import datetime as dt
from typing import Any

from google.type.date_pb2 import Date

from kiki.council.syncvalue.errors import BadRequest
from kiki.council.syncvalue.models.estimate import fitted_model
from kiki.council.syncvalue.repository.models import ModelRow
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncvalue_pb2 as pb

_NEWEST = 2**31 - 1
_CHOICES = {"back_test": pb.MODEL_CHOICE_BACK_TEST, "prior": pb.MODEL_CHOICE_PRIOR}


def version_before(token: str) -> int:
    """The version that a page's token stands for; one over all for the first page."""
    if not token:
        return _NEWEST
    if not token.isdecimal() or not 0 < int(token) <= _NEWEST:
        raise BadRequest("a page token is the `next_page_token` of an earlier answer", reason="BAD_CURSOR")
    return int(token)


def models_page(rows: list[ModelRow], limit: int) -> pb.ListModelsResponse:
    """A page of models."""
    token = str(rows[-1].version) if len(rows) == limit and rows[-1].version > 1 else ""
    return pb.ListModelsResponse(models=[_model(row) for row in rows], next_page_token=token)


def accuracy_answer(row: ModelRow) -> pb.GetAccuracyResponse:
    """A model, how right it was, and the back-test that chose it."""
    return pb.GetAccuracyResponse(
        model=_model(row),
        accuracy=None if row.accuracy is None else _accuracy(row.accuracy),
        back_test=[] if row.back_test is None else [_trial(trial) for trial in row.back_test["trials"]],
    )


def _model(row: ModelRow) -> pb.ValueModel:
    transactions = fitted_model(row.parameters["transactions"])
    spend = fitted_model(row.parameters["spend"])
    return pb.ValueModel(
        version=row.version,
        name=row.name,
        unit=row.unit,
        currency=row.currency,
        parameters=transactions.parameters,
        standard_errors=transactions.standard_errors,
        spend_parameters=spend.parameters,
        choice=_CHOICES[row.chosen_by],
        reason=row.reason,
        own_weight=row.own_weight,
        prior_stores=row.prior_stores,
        customers=row.customers,
        purchases=row.purchases,
        log_likelihood=row.log_likelihood,
        warnings=row.parameters["warnings"],
        yearly_discount=row.parameters["yearly_discount"],
        fitted_at=time_to_proto(row.fitted_at),
    )


def _accuracy(plain: dict[str, Any]) -> pb.ModelAccuracy:
    return pb.ModelAccuracy(
        origin=_day(plain["origin_day"]),
        horizon_days=plain["horizon_days"],
        customers=plain["customers"],
        purchases=_errors(plain["purchases"]),
        spend=_errors(plain["spend"]),
        purchase_deciles=[_decile(part) for part in plain["purchase_deciles"]],
        spend_deciles=[_decile(part) for part in plain["spend_deciles"]],
        interval=_coverage(plain["interval"]),
        counts=[pb.PurchaseCount(**entry) for entry in plain["counts"]],
        p_alive_bins=plain["p_alive"],
    )


def _coverage(plain: dict[str, Any]) -> pb.IntervalCoverage:
    return pb.IntervalCoverage(
        level=plain["level"],
        covered=plain["covered"],
        customers=plain["customers"],
        mean_width=plain["mean_width"],
        likely_covered=plain["likely_covered"] or 0.0,
        likely_customers=plain["likely_customers"],
        exact_covered=plain["exact_covered"],
        served_of_exact_covered=plain["served_of_exact_customers"],
    )


def _errors(plain: dict[str, Any]) -> pb.PredictionErrors:
    return pb.PredictionErrors(**{name: plain[name] for name in ("mae", "rmse", "expected_total", "actual_total")})


def _decile(plain: dict[str, Any]) -> pb.CalibrationDecile:
    return pb.CalibrationDecile(
        decile=plain["decile"],
        customers=plain["customers"],
        expected=plain["expected_mean"],
        actual=plain["actual_mean"],
        standard_error=plain["standard_error"],
    )


def _trial(plain: dict[str, Any]) -> pb.ModelTrial:
    return pb.ModelTrial(
        name=plain["model"],
        leans_on_prior=plain.get("leans", False),
        origin=_day(plain["origin"]),
        horizon_days=plain["horizon_days"],
        mae=plain["errors"]["mae"],
        rmse=plain["errors"]["rmse"],
        relative=plain["relative"],
        log_score=plain["log_score"],
    )


def _day(ordinal: int) -> Date:
    day = dt.date.fromordinal(ordinal)
    return Date(year=day.year, month=day.month, day=day.day)
