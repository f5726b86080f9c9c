"""Every path model over a stream of paths: one pass, chunk by chunk, then what each channel gets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.fitted import MarkovParameters
from kiki.orchestrator.attribution.markov import TransitionCounts, fit_markov, joint_removal_effect, solved_conversion
from kiki.orchestrator.attribution.path_credit import RULES, Credit, by_position, grown
from kiki.orchestrator.attribution.paths import Channels, Floats, Path, Paths, chunked

PATH_MODELS = (*(name for name in RULES if name != "shapley"), "markov", "shapley")
"""Models that paths alone can answer for."""
POSITIONS = 10
"""Places on the path that ordered Shapley tells apart; the last one stands for all later ones."""


@dataclass(slots=True)
class PathStudy:
    """What a run over paths keeps: counts and sums, whose size depends on the channels and not on the paths."""

    channels: Channels
    transitions: TransitionCounts
    credit: dict[str, Credit]
    paths: float = 0.0
    touchpoints: float = 0.0
    rows: int = 0
    conversions: float = 0.0
    nulls: float = 0.0
    value: float = 0.0
    times_known: bool = True
    ordered: Floats = field(default_factory=lambda: np.zeros((0, POSITIONS)))
    """Shapley by place, (channels, places)."""

    @classmethod
    def of(cls, models: Sequence[str], *, order: int = 1, channels: Channels | None = None) -> PathStudy:
        """An empty study of these models. Raises InvalidInput for a model that paths cannot answer for."""
        for name in models:
            if name not in PATH_MODELS:
                raise InvalidInput(
                    f"paths can be asked for {', '.join(PATH_MODELS)} or all, got {name!r}", reason="UNKNOWN_MODEL"
                )
        return cls(
            channels=channels or Channels(),
            transitions=TransitionCounts(order),
            credit={name: Credit() for name in models if name in RULES},
        )

    def add(self, paths: Paths) -> None:
        """One more chunk, in the numbers of this study's channels."""
        weights = paths.conversions + paths.nulls
        self.rows += len(paths)
        self.paths += float(weights.sum())
        self.touchpoints += float(weights @ paths.lengths)
        self.conversions += float(paths.conversions.sum())
        self.nulls += float(paths.nulls.sum())
        self.value += float(paths.value.sum())
        self.times_known &= paths.times_known
        self.transitions.add(paths)
        for name, credit in self.credit.items():
            shares = RULES[name](paths)
            credit.add(paths, shares, len(self.channels))
            if name == "shapley":
                placed = by_position(paths, shares, len(self.channels), POSITIONS)
                self.ordered = grown(self.ordered, len(placed)) + placed

    def merge(self, other: PathStudy) -> None:
        """Add a study over other paths that shares this one's channel numbers and models."""
        for name in ("paths", "touchpoints", "rows", "conversions", "nulls", "value"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.times_known &= other.times_known
        self.transitions.merge(other.transitions)
        for model, credit in self.credit.items():
            credit.merge(other.credit[model])
        self.ordered = grown(self.ordered, len(other.ordered)) + grown(other.ordered, len(self.ordered))


def study(paths: Iterable[Path], models: Sequence[str], *, order: int = 1) -> PathStudy:
    """Run all paths through, a chunk at a time."""
    made = PathStudy.of(models, order=order)
    for chunk in chunked(paths, made.channels):
        made.add(chunk)
    return made


def report(
    done: PathStudy, models: Sequence[str], *, keep: Sequence[str] = (), ours: Sequence[str] = ()
) -> dict[str, Any]:
    """What the models give each channel, and `ours` together, as plain values; `keep` as in `fit_markov`.

    Raises InvalidInput for a channel that no path has.
    """
    for channel in (*keep, *ours):
        if done.channels.find(channel) is None:
            raise InvalidInput(f"no path has the channel {channel!r}", reason="UNKNOWN_CHANNEL")
    total = done.conversions + done.nulls
    base = done.conversions / total if total else 0.0
    found = {
        name: _markov(done, fit_markov(done.transitions, done.channels, keep=keep))
        if name == "markov"
        else _linear(done, name)
        for name in models
    }
    if ours:
        for name, figures in found.items():
            figures["ours"] = _ours(done, name, figures["channels"], set(ours))
    return {
        "rows": done.rows,
        "paths": done.paths,
        "touchpoints": done.touchpoints,
        "channels": len(done.channels),
        "conversions": done.conversions,
        "nulls": done.nulls,
        "value": done.value,
        "p_conversion": base,
        "models": found,
    }


def _linear(done: PathStudy, name: str) -> dict[str, Any]:
    credit = done.credit[name]
    conversions, value = float(credit.conversions.sum()), float(credit.value.sum())
    rows = [
        _row(
            channel,
            credit.conversions[code],
            credit.conversions[code] / conversions if conversions else 0.0,
            credit.value[code],
        )
        for code, channel in enumerate(done.channels.names)
    ]
    made: dict[str, Any] = {"version": "1", "channels": rows, "attribution": _shares(rows)}
    made |= {"unattributed_conversions": done.conversions - conversions, "unattributed_value": done.value - value}
    if name == "shapley":
        made["by_position"] = {
            channel: done.ordered[code].tolist() if code < len(done.ordered) else [0.0] * POSITIONS
            for code, channel in enumerate(done.channels.names)
        }
    if name == "time_decay" and not done.times_known:
        made["note"] = "times are not known: one day from touchpoint to touchpoint is assumed"
    return made


def _markov(done: PathStudy, parameters: MarkovParameters) -> dict[str, Any]:
    rows = [
        {
            **_row(effect.channel, effect.conversions, effect.share, effect.value),
            "removal_effect": effect.effect,
            "value_removal_effect": effect.value_effect,
        }
        for effect in parameters.effects
    ]
    return {
        "version": f"1:{parameters.fingerprint}",
        "order": parameters.order,
        "p_conversion": parameters.base_probability,
        "p_conversion_solved": solved_conversion(done.transitions),
        "removal_effect": {effect.channel: effect.effect for effect in parameters.effects},
        "channels": rows,
        "attribution": _shares(rows),
        "unattributed_conversions": parameters.unattributed,
        "unattributed_value": parameters.unattributed_value,
    }


def _ours(done: PathStudy, name: str, rows: Sequence[dict[str, Any]], ours: set[str]) -> dict[str, Any]:
    """What falls on our channels together; for the chain also what would be lost without all of them."""
    own = [row for row in rows if row["channel"] in ours]
    made = {field: sum(row[field] for row in own) for field in ("conversions", "share", "value")}
    if name == "markov":
        made["joint_removal_effect"] = joint_removal_effect(done.transitions, done.channels, ours)
    return made


def _row(channel: str, conversions: float, share: float, value: float) -> dict[str, Any]:
    return {"channel": channel, "conversions": float(conversions), "share": float(share), "value": float(value)}


def _shares(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {row["channel"]: row["share"] for row in rows}
