"""The whole analysis of a table of users, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.checks import same_twice, sample_ratio
from kiki.orchestrator.experiments.lift import Arm, Effect, adjust, bootstrap_interval, compare
from kiki.orchestrator.experiments.sequential import always_valid_reach
from kiki.orchestrator.experiments.table import UserTable

_FEWEST = 2
_FEW_BUYERS = 30


@dataclass(frozen=True, slots=True)
class Question:
    """How to analyse."""

    alpha: float = 0.05
    share: float | None = None
    """The planned share held out; checked against the arms when given."""
    planned_users: int | None = None
    """For the always-valid interval; left out: as many as there are."""
    draws: int = 2_000
    """Of the bootstrap; 0: none."""
    replays: int = 0
    """Of the A/A check; 0: none."""
    seed: int = 1


def analyse(table: UserTable, question: Question) -> dict[str, Any]:
    """Effect per user and in all, with intervals, checks and warnings; JSON-ready."""
    treated, held_out = table.outcomes[table.is_treated], table.outcomes[~table.is_treated]
    if min(len(treated), len(held_out)) < _FEWEST:
        raise InvalidInput(
            f"both arms want at least {_FEWEST} users, got {len(treated)} treated and {len(held_out)} held out",
            reason="TOO_FEW_USERS",
        )
    effect = compare(Arm.of(treated), Arm.of(held_out), question.alpha)
    document: dict[str, Any] = {"columns": table.columns, "users": len(table.outcomes), "not_eligible": table.left_out}
    document |= effect_document(effect)
    if question.draws:
        low, high = bootstrap_interval(
            treated, held_out, alpha=question.alpha, seed=question.seed, draws=question.draws
        )
        document["bootstrap_interval"] = [low, high]
        document["incremental_bootstrap_interval"] = [low * len(treated), high * len(treated)]
    reach = always_valid_reach(
        effect.standard_error, len(table.outcomes), question.planned_users or len(table.outcomes), question.alpha
    )
    document["always_valid_interval"] = [effect.difference - reach, effect.difference + reach]
    document["sample_ratio"] = _ratio(len(held_out), len(table.outcomes), question.share)
    document["adjusted"] = _adjusted(table, question.alpha)
    document["same_twice"] = _same_twice(table, question)
    document["warnings"] = _warnings(table, document["sample_ratio"])
    return document


def effect_document(effect: Effect) -> dict[str, Any]:
    """An effect as plain values: per user, relative, and in all."""
    return {
        "treated": {"users": effect.treated.users, "mean": effect.treated.mean},
        "held_out": {"users": effect.held_out.users, "mean": effect.held_out.mean},
        "alpha": effect.alpha,
        "difference": effect.difference,
        "standard_error": effect.standard_error,
        "interval": list(effect.interval),
        "p_value": effect.p_value,
        "lift": effect.lift,
        "lift_interval": None if effect.lift_interval is None else list(effect.lift_interval),
        "incremental": effect.incremental,
        "incremental_standard_error": effect.incremental_error,
        "incremental_interval": list(effect.incremental_interval),
        "incremental_lower_bound": effect.lower_bound(1 - effect.alpha),
    }


def _adjusted(table: UserTable, alpha: float) -> dict[str, Any] | None:
    if table.covariate is None:
        return None
    values, removed = adjust(table.outcomes, table.covariate, table.is_treated)
    effect = compare(Arm.of(values[table.is_treated]), Arm.of(values[~table.is_treated]), alpha)
    kept = ("difference", "standard_error", "interval", "p_value", "incremental", "incremental_standard_error")
    document = effect_document(effect)
    named = {name: document[name] for name in (*kept, "incremental_interval", "incremental_lower_bound")}
    return {"variance_removed": removed, **named}


def _ratio(held_out: int, users: int, share: float | None) -> dict[str, Any] | None:
    if share is None:
        return None
    found = sample_ratio(held_out, users, share)
    return {"planned": share, "got": held_out / users, "p_value": found.p_value, "is_suspect": found.is_suspect}


def _same_twice(table: UserTable, question: Question) -> dict[str, Any] | None:
    """The A/A check on these very outcomes, dealt again at random."""
    if not question.replays:
        return None
    share = float(np.mean(~table.is_treated))
    found = same_twice(table.outcomes, share, alpha=question.alpha, replays=question.replays, seed=question.seed)
    return {
        "replays": found.replays,
        "false_alarms": found.alarms,
        "rate": found.rate,
        "rate_interval": list(found.interval),
        "is_sound": found.is_sound,
    }


def _warnings(table: UserTable, ratio: dict[str, Any] | None) -> list[str]:
    found = []
    if ratio and ratio["is_suspect"]:
        found.append("the arms are not of the planned sizes: users were lost or added; do not use the estimate")
    for name, flags in (("treated", table.is_treated), ("held-out", ~table.is_treated)):
        buyers = int(np.count_nonzero(table.outcomes[flags]))
        if buyers < _FEW_BUYERS:
            found.append(f"only {buyers} {name} users have an outcome other than 0: the interval is rough")
    return found
