"""The experiments' figures: published cases from files, and simulated shops."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kiki.kit.errors import NotFound
from kiki.orchestrator.experiments.figures import (
    Figure,
    Month,
    caused_figures,
    geo_figures,
    holdout_figures,
    nothing_figures,
    same_twice_figure,
    simulate_contract,
)
from kiki.orchestrator.experiments.panel import read_panel
from kiki.sandbox.visitors import Visitors, World, simulate_visitors

EFFECT = World().effect
_THRESHOLD = 0.7
_SHARE = 0.1
_GEO = "geolift"


def experiment_figures(
    data: Path | None, seeds: int, progress: Callable[[int, int], None] | None = None
) -> list[Figure]:
    """All figures: of the known cases that `data` holds, and of so many simulated shops, with ads that work and do not.

    Cases are `geolift/` and every `sim_attribution_*.csv` with its truth beside it; one that is not there gives no
    figure. `progress` hears of simulated shops done and in all.
    """
    figures = [] if data is None else _known(data)
    caused, nothing = [], []
    for seed in range(1, seeds + 1):
        caused.append(simulate_contract(_month, seed, EFFECT))
        nothing.append(simulate_contract(_month, seed, 0.0))
        if progress:
            progress(seed, seeds)
    if seeds:
        figures += [*caused_figures(caused), *nothing_figures(nothing)]
        figures.append(same_twice_figure(_month(1, 1, 0.0).outcomes, _SHARE))
    return figures


def _known(data: Path) -> list[Figure]:
    figures: list[Figure] = []
    if (data / _GEO / "expected.json").is_file():
        panel = read_panel(_rows(data / _GEO / "GeoLift_Test.csv"))
        figures += geo_figures(panel, _json(data / _GEO / "expected.json"))
    published = _json(data / "sim_expected.json") if (data / "sim_expected.json").is_file() else {}
    for path in sorted(data.glob("sim_attribution_*.csv")):
        truth = path.with_name(f"{path.stem}_truth.csv")
        if truth.is_file():
            figures += _holdout(path, truth, published.get(path.stem.removeprefix("sim_")))
    return figures


def _holdout(path: Path, truth_path: Path, published: dict[str, float] | None) -> list[Figure]:
    visitors = _rows(path)
    caused = {row["user_id"] for row in _rows(truth_path) if row["truly_incremental"] == "1"}
    truth = sum(float(row["order_amount"]) for row in visitors if row["user_id"] in caused)
    targeted = [row for row in visitors if row["eligible"] == "1"]
    outcomes = np.array([float(row["order_amount"]) for row in targeted])
    held_out = np.array([row["holdout"] == "1" for row in targeted])
    return holdout_figures(path.stem, outcomes, held_out, truth, published)


def _month(seed: int, month: int, effect: float) -> Month:
    visitors = simulate_visitors(World(effect=effect), seed, month)
    amounts = visitors.amount_minor / 100
    return Month(
        outcomes=amounts[visitors.eligible],
        held_out=visitors.holdout[visitors.eligible],
        revenue=float(amounts.sum()),
        truth=visitors.true_incremental_minor / 100,
        claimed=float(amounts[_default_rule(visitors) >= _THRESHOLD].sum()),
    )


def _default_rule(visitors: Visitors) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The default model's confidence: a click, acquired by us, a promoted product."""
    confidence = 0.5 * (visitors.clicks > 0) + 0.5 * visitors.acquired + 0.3 * visitors.promoted
    return np.asarray(np.minimum(1.0, confidence), dtype=np.float64)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise _absent(path, error) from None


def _json(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _absent(path, error) from None
    return document


def _absent(path: Path, error: OSError) -> NotFound:
    return NotFound(f"{path} cannot be read ({type(error).__name__})", reason="FILE_NOT_FOUND")
