"""The learned model taught by a store's own hold-out experiment: what is learned, how good it is, and from what. Pure.

The people of `experiments.outcomes.samples` by intention to treat, in their arms. Features are those that the model
sees when it decides and that were known of everybody at the assignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kiki.kit.errors import InvalidInput
from kiki.kit.money import exponent
from kiki.orchestrator.attribution.fitted import LearnedParameters
from kiki.orchestrator.attribution.holdout import Holdout, feature_objection, refuse_contamination
from kiki.orchestrator.attribution.holdout_scores import cross_validated
from kiki.orchestrator.attribution.learned import fit_learned
from kiki.orchestrator.attribution.learned_model import PROMOTED
from kiki.orchestrator.attribution.learned_report import learned_report
from kiki.orchestrator.experiments.assignment import HOLDOUT
from kiki.orchestrator.experiments.checks import RatioCheck, sample_ratio
from kiki.orchestrator.experiments.outcomes import Question, SampleRow

LEAST_BUYERS = 30
"""In each arm: cross-validation leaves a tenth of them out."""
LEAST_EXPOSED = 10
"""Treated buyers with a contact before their order."""
_FEATURES = ("returning_customer", "customer_age_days")


@dataclass(frozen=True, slots=True)
class Lesson:
    """What an experiment taught."""

    parameters: LearnedParameters
    people: int
    report: dict[str, Any]
    """What the arms show, scores by cross-validation, and where it came from."""


def learn_from(rows: Sequence[SampleRow], question: Question) -> Lesson:
    """Fit, calibrate and score. Raises InvalidInput where the experiment cannot teach it, with what it lacks."""
    told = holdout_of(rows, question.currency)
    ratio = _check(told, question)
    data = replace(told, exposed=told.exposed & ~told.held_out)
    parameters = fit_learned(data)
    report = {
        **learned_report(data, parameters),
        "cross_validated": cross_validated(data, parameters),
        "learned_from": _origin(told, question, ratio),
    }
    return Lesson(parameters, data.count(np.ones(len(data), dtype=bool)), report)


def holdout_of(rows: Sequence[SampleRow], currency: str) -> Holdout:
    """Rows as a hold-out, amounts in major units; without features that say nothing, or that the arms differ in."""
    held_out = np.array([row.arm == HOLDOUT for row in rows], dtype=bool)
    people = np.array([row.people for row in rows], dtype=np.float64)
    columns = {name: np.array([getattr(row, name) for row in rows], dtype=np.float64) for name in _FEATURES}
    reasons = {name: feature_objection(column, ~held_out, held_out, people) for name, column in columns.items()}
    kept = [name for name in _FEATURES if not reasons[name]]
    left_out = [(name, reason) for name, reason in reasons.items() if reason]
    return Holdout(
        users=(),
        eligible=np.ones(len(rows), dtype=bool),
        held_out=held_out,
        exposed=np.array([row.exposed for row in rows], dtype=bool),
        ordered=np.array([row.ordered for row in rows], dtype=bool),
        amount=np.array([row.amount for row in rows], dtype=np.float64) / 10 ** exponent(currency),
        names=tuple(kept),
        features=np.column_stack([columns[name] for name in kept]) if kept else np.zeros((len(rows), 0)),
        left_out=(*left_out, (PROMOTED, "it is known of orders, not of people who did not order")),
        people=people,
        fold=np.array([row.fold for row in rows], dtype=np.int64),
    )


def _check(data: Holdout, question: Question) -> RatioCheck:
    """What must hold of the arms."""
    held_out, everybody = data.count(data.held_out), data.count(np.ones(len(data), dtype=bool))
    buyers = {
        "treated": data.count(data.ordered & ~data.held_out),
        "held-out": data.count(data.ordered & data.held_out),
    }
    seen = data.count(data.ordered & data.exposed & ~data.held_out)
    if min(buyers.values()) < LEAST_BUYERS or seen < LEAST_EXPOSED:
        got = " and ".join(f"{count} {arm}" for arm, count in buyers.items())
        raise InvalidInput(
            f"learning wants {LEAST_BUYERS} buyers in each arm and {LEAST_EXPOSED} treated ones with a contact before"
            f" their order, got {got} ones, {seen} with a contact",
            reason="TOO_LITTLE_DATA",
        )
    ratio = sample_ratio(held_out, everybody, question.experiment.plan.split().share_of(HOLDOUT))
    if ratio.is_suspect:
        raise InvalidInput(
            f"the arms did not fill as planned: {held_out} of {everybody} people are held out, "
            f"{ratio.planned_share:.1%} were planned; nothing is to be learned from them",
            reason="SUSPECT_EXPERIMENT",
        )
    refuse_contamination(data.count(data.held_out & data.exposed), held_out)
    return ratio


def _origin(data: Holdout, question: Question, ratio: RatioCheck) -> dict[str, Any]:
    plan = question.experiment.plan
    return {
        "experiment_id": question.experiment.experiment_id,
        "plan_digest": plan.digest(),
        "metric": plan.metric.value,
        "as_of": question.as_of.isoformat(),
        "starts_at": plan.starts_at.isoformat(),
        "outcome_window_days": plan.window_days,
        "attribution_window_days": question.attribution_window.days,
        "currency": question.currency,
        "treated": data.count(~data.held_out),
        "held_out": data.count(data.held_out),
        "treated_buyers": data.count(~data.held_out & data.ordered),
        "held_out_buyers": data.count(data.held_out & data.ordered),
        "held_out_exposed": data.count(data.held_out & data.exposed),
        "sample_ratio_p_value": ratio.p_value,
        "rows": len(data),
    }
