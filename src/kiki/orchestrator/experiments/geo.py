"""A geo test: places that got advertising against places that did not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.conformal import ConformalTest, conformal_test, jackknife_interval
from kiki.orchestrator.experiments.did import fit_did
from kiki.orchestrator.experiments.panel import Panel
from kiki.orchestrator.experiments.placebo import SpacePlacebo, TimePlacebo, in_space, in_time, lift_of
from kiki.orchestrator.experiments.power import effect_reach
from kiki.orchestrator.experiments.synthetic_control import Counterfactual, Fit, fit_equal, fit_synthetic

METHODS: dict[str, Fit] = {"synthetic": fit_synthetic, "did": fit_did}
_FEWEST_CONTROLS = 2
_FEWEST_BEFORE = 3
_LITTLE_BEFORE = 25
_NOTHING = 5e-5
_POOR_FIT = 0.5
_FAR_OFF = 0.25
_POWER = 0.8


@dataclass(frozen=True, slots=True)
class GeoTest:
    """What is asked."""

    treated: tuple[str, ...]
    start: str
    """First period of the test: a date, a number of the file, or a 1-based index."""
    end: str = ""
    """Last period of the test; empty: the last of the file."""
    method: str = "synthetic"
    alpha: float = 0.05
    seed: int = 1


@dataclass(frozen=True, slots=True)
class GeoResult:
    """What is answered. `att` is per treated place and period, `incremental` over all of them."""

    test: GeoTest
    periods: tuple[str, ...]
    pre: int
    controls: int
    att: float
    incremental: float
    observed: float
    lift: float
    att_interval: tuple[float, float]
    conformal: ConformalTest
    space: SpacePlacebo | None
    placebo_interval: tuple[float, float] | None
    time: tuple[TimePlacebo, ...]
    l2_imbalance: float
    scaled_l2: float
    weights: dict[str, float]
    observed_series: tuple[float, ...]
    expected_series: tuple[float, ...]
    warnings: tuple[str, ...]

    @property
    def places_and_periods(self) -> int:
        """Treated places times periods of the test."""
        return len(self.test.treated) * (len(self.periods) - self.pre)


def run_geo_test(panel: Panel, test: GeoTest) -> GeoResult:
    """The estimate with its inference; what cannot be answered is `InvalidInput`."""
    fit = _method(test.method)
    if not 0 < test.alpha < 1:
        raise InvalidInput(f"alpha lies between 0 and 1, got {test.alpha:g}", reason="BAD_ALPHA")
    treated_rows, control_rows = _split(panel, test.treated)
    pre, stop = _span(panel, test)
    treated = panel.values[treated_rows, :stop].mean(axis=0)
    controls = panel.values[control_rows, :stop]
    found = fit(treated, controls, pre)
    space = in_space(fit, controls, found, len(treated_rows), seed=test.seed)
    naive = fit_equal(treated, controls, pre).l2_imbalance
    scaled = found.l2_imbalance / naive if naive > 0 else 0.0
    size = len(treated_rows) * (stop - pre)
    names = [panel.places[row] for row in control_rows]
    return GeoResult(
        test=test,
        periods=tuple(str(period) for period in panel.periods[:stop]),
        pre=pre,
        controls=len(control_rows),
        att=found.att,
        incremental=found.att * size,
        observed=float(treated[pre:].sum()) * len(treated_rows),
        lift=lift_of(found),
        att_interval=jackknife_interval(_warm(fit, found), treated, controls, pre, test.alpha),
        conformal=conformal_test(fit, treated, controls, pre, seed=test.seed),
        space=space,
        placebo_interval=_placebo_interval(found, space, test.alpha),
        time=tuple(in_time(fit, treated, controls, pre)),
        l2_imbalance=found.l2_imbalance,
        scaled_l2=scaled,
        weights={names[index]: float(found.weights[index]) for index in np.argsort(-found.weights, kind="stable")},
        observed_series=tuple(map(float, treated)),
        expected_series=tuple(map(float, found.expected)),
        warnings=(*panel.warnings, *_warnings(found, len(control_rows), pre, stop, scaled, test.method)),
    )


def as_document(result: GeoResult, panel: Panel, *, series: bool = False) -> dict[str, Any]:
    """The answer as plain values; sums over all treated places and periods, `att` per place and period."""
    size = result.places_and_periods
    low, high = result.att_interval
    document: dict[str, Any] = {
        "method": result.test.method,
        "treated": [panel.places[panel.index_of(name)] for name in result.test.treated],
        "controls": result.controls,
        "start": result.periods[result.pre],
        "end": result.periods[-1],
        "pre_periods": result.pre,
        "test_periods": len(result.periods) - result.pre,
        "att": result.att,
        "incremental": result.incremental,
        "observed": result.observed,
        "expected": result.observed - result.incremental,
        "lift": _known(result.lift),
        "percent_lift": _known(100 * result.lift),
        "alpha": result.test.alpha,
        "p_value": result.conformal.p_value,
        "p_value_blocks": result.conformal.p_value_blocks,
        "att_interval": [low, high],
        "incremental_interval": [low * size, high * size],
        "l2_imbalance": result.l2_imbalance,
        "scaled_l2": result.scaled_l2,
        "percent_improvement_over_naive": 100 * (1 - result.scaled_l2),
        "weights": {name: weight for name, weight in result.weights.items() if weight >= _NOTHING},
        "placebo_space": _space_document(result),
        "placebo_time": [
            {"start": result.periods[one.start], "att": one.att, "lift": _known(one.lift)} for one in result.time
        ],
        "warnings": list(result.warnings),
    }
    if series:
        document["series"] = [
            {"period": period, "observed": observed, "expected": expected, "gap": observed - expected}
            for period, observed, expected in zip(
                result.periods, result.observed_series, result.expected_series, strict=True
            )
        ]
    return document


def _space_document(result: GeoResult) -> dict[str, Any] | None:
    if result.space is None or result.placebo_interval is None:
        return None
    return {
        "groups": result.space.groups,
        "p_value": result.space.p_value,
        "lift_standard_deviation": result.space.lift_deviation,
        "minimum_lift": effect_reach(result.test.alpha, _POWER) * result.space.lift_deviation,
        "att_interval": list(result.placebo_interval),
        "incremental_interval": [end * result.places_and_periods for end in result.placebo_interval],
    }


def _known(number: float) -> float | None:
    """JSON has no word for what is not a number."""
    return number if math.isfinite(number) else None


def _method(name: str) -> Fit:
    if name not in METHODS:
        raise InvalidInput(f"a method is one of {', '.join(METHODS)}, got {name!r}", reason="UNKNOWN_METHOD")
    return METHODS[name]


def _warm(fit: Fit, found: Counterfactual) -> Fit:
    """A fit that starts from weights already found: neighbouring questions have neighbouring answers."""
    return partial(fit_synthetic, start=found.weights) if fit is fit_synthetic else fit


def _split(panel: Panel, names: Sequence[str]) -> tuple[list[int], list[int]]:
    treated = sorted({panel.index_of(name) for name in names})
    if not treated or len(treated) < len(names):
        shown = ", ".join(names) or "none"
        raise InvalidInput(f"treated places are named once each, got {shown}", reason="BAD_TREATED")
    rest = set(range(len(panel.places))) - set(treated)
    controls = sorted(rest, key=lambda row: panel.places[row].casefold())
    if len(controls) < _FEWEST_CONTROLS:
        raise InvalidInput(
            f"at least {_FEWEST_CONTROLS} untreated places are wanted to compare with, got {len(controls)}",
            reason="TOO_FEW_CONTROLS",
        )
    return treated, controls


def _span(panel: Panel, test: GeoTest) -> tuple[int, int]:
    pre = panel.position_of(test.start, "--start")
    stop = panel.position_of(test.end, "--end") + 1 if test.end else len(panel.periods)
    if stop <= pre:
        raise InvalidInput(f"the test ends at or after its start, got {test.start} to {test.end}", reason="BAD_SPAN")
    if pre < _FEWEST_BEFORE:
        raise InvalidInput(
            f"at least {_FEWEST_BEFORE} periods are wanted before the start, got {pre}", reason="TOO_FEW_PERIODS"
        )
    return pre, stop


def _placebo_interval(found: Counterfactual, space: SpacePlacebo | None, alpha: float) -> tuple[float, float] | None:
    if space is None or not np.isfinite(space.lift_deviation):
        return None
    reach = NormalDist().inv_cdf(1 - alpha / 2) * space.lift_deviation
    reach *= abs(float(found.expected[found.pre :].mean()))
    return found.att - reach, found.att + reach


def _warnings(fit: Counterfactual, controls: int, pre: int, stop: int, scaled: float, method: str) -> list[str]:
    found = []
    if pre < min(_LITTLE_BEFORE, 4 * (stop - pre)):
        found.append(f"only {pre} periods before a test of {stop - pre}: weights and intervals rest on little")
    if method == "synthetic" and controls > pre:
        found.append(f"more controls ({controls}) than periods before the start ({pre}): other weights fit as well")
    if method == "synthetic" and scaled > _POOR_FIT:
        found.append(f"the weights fit little better than equal ones (scaled imbalance {scaled:.2f})")
    if not fit.gap[:pre].any() and np.ptp(fit.expected[:pre]) == 0 and method == "synthetic":
        found.append("no treated place moved before the start: weights and intervals rest on nothing")
    level = float(np.abs(fit.expected[:pre]).mean())
    if level and fit.l2_imbalance / np.sqrt(pre) > _FAR_OFF * level:
        found.append("the fit before the start is off by more than a quarter of the level: do not trust the effect")
    return found
