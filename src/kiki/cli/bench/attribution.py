"""`kiki bench attribution`: figures on known cases, and a large history recalculated by every model."""

from __future__ import annotations

import csv
import json
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress, TaskID

from kiki.cli.bench.history import TOUCHES_PER_ORDER, history, hold_out, visitors
from kiki.cli.output import error_console
from kiki.kit.errors import NotFound
from kiki.orchestrator.attribution.compare import Bill, bills, compare, in_chunks, merged, plain_bill
from kiki.orchestrator.attribution.default_model import ACQUIRED, CLICK, PROMOTED
from kiki.orchestrator.attribution.fitted import MarkovParameters
from kiki.orchestrator.attribution.holdout import read_holdout
from kiki.orchestrator.attribution.learned import fit_learned
from kiki.orchestrator.attribution.learned_report import against_truth, learned_report, read_truth, score_figures
from kiki.orchestrator.attribution.markov import TransitionCounts, fit_markov
from kiki.orchestrator.attribution.path_reading import read_paths
from kiki.orchestrator.attribution.path_report import report, study
from kiki.orchestrator.attribution.paths import Channels, Floats, chunked, path_of
from kiki.orchestrator.attribution.registry import available_models
from kiki.orchestrator.experiments.figures import Figure
from kiki.runtime.studies.experiments import experiment_figures

Advance = Callable[[str, int, int], None]
"""(what, done, of): moves a progress bar."""
_SEED = 7
_LARGEST_ECE = 0.03
_THREE_PATHS = "path,conversions,null\nC1 > C2 > C3,1,0\nC1,0,1\nC2 > C3,0,1\n"
_THREE = {
    "p_conversion": 1 / 3,
    "removal_effect": {"C1": 0.5, "C2": 1.0, "C3": 1.0},
    "attribution": {"C1": 0.2, "C2": 0.4, "C3": 0.4},
}
"""By hand; a file of known cases may say more."""


@dataclass(frozen=True, slots=True)
class AttributionOptions:
    """What is measured."""

    data: Path | None
    """A folder of known cases; None: only what needs none."""
    orders: int
    seeds: int


def run_attribution(options: AttributionOptions) -> dict[str, Any]:
    """Everything, the large history first: memory is measured before anything else is loaded."""
    if options.data is not None and not options.data.is_dir():
        raise NotFound(f"{options.data} is no folder", reason="FILE_NOT_FOUND")
    with _progress() as advance:
        recalculation = _recalculated(options.orders, advance)
    three, figures = _three_paths(options.data)
    learned: dict[str, Any] = {}
    for path in _simulations(options.data):
        learned[path.stem], found = _learned(path)
        figures += found
    with _progress() as advance:
        figures += experiment_figures(
            options.data, options.seeds, lambda done, of: advance("Simulating shops", done, of)
        )
    return {
        "figures": [asdict(figure) for figure in figures],
        "missed": [figure.name for figure in figures if not figure.met],
        "markov_three_paths": three,
        "learned": learned,
        "recalculation": recalculation,
    }


def _three_paths(data: Path | None) -> tuple[dict[str, Any], list[Figure]]:
    """The smallest chain with an answer by hand, equal to the last bit."""
    file = data / "markov_three_paths.json" if data is not None else None
    text, wanted = _THREE_PATHS, _THREE
    if file is not None and file.is_file():
        text = file.read_text(encoding="utf-8")
        wanted = json.loads(text)["markov_order1"]
    found = report(study(read_paths(text.splitlines(keepends=True)), ["markov"]), ["markov"])["models"]["markov"]
    got = {name: found[name] for name in _THREE}
    figures = [
        Figure(f"three paths: {name}", str(got[name]), str(wanted[name]), got[name] == wanted[name]) for name in _THREE
    ]
    return got, figures


def _simulations(data: Path | None) -> list[Path]:
    """Simulated hold-outs whose truth is known."""
    if data is None:
        return []
    return [path for path in sorted(data.glob("sim_attribution_*.csv")) if _truth_of(path).is_file()]


def _truth_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}_truth.csv")


def _learned(path: Path) -> tuple[dict[str, Any], list[Figure]]:
    """The learned model on a simulated hold-out: fitted without its truth, then held against it."""
    began = time.perf_counter()
    rows = _rows(path)
    data = read_holdout(rows)
    parameters = fit_learned(data)
    seconds = time.perf_counter() - began
    truth, chance = read_truth(_rows(_truth_of(path)), data)
    found = against_truth(data, parameters, truth, chance)
    rule = _default_rule(rows)
    if rule is not None:
        found["default_rule"] = score_figures(rule, truth, data)
    model, constant = found["learned"], found["constant"]["brier"]
    figures = [
        Figure(f"{path.stem}: Brier", model["brier"], f"< {constant:.6f}", model["brier"] < constant),
        Figure(f"{path.stem}: ECE, 10 bins", model["ece10"], f"< {_LARGEST_ECE}", model["ece10"] < _LARGEST_ECE),
    ]
    return {"fit_seconds": round(seconds, 3), **learned_report(data, parameters), "against_truth": found}, figures


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _default_rule(rows: list[dict[str, str]]) -> Floats | None:
    """The default model's confidence per user, where the file has what it asks for."""
    weights = (("ad_clicks_30d", CLICK), ("acquired_via_kiki", ACQUIRED), ("product_promoted", PROMOTED))
    if any(name not in rows[0] for name, _ in weights):
        return None
    confidence = [sum(float(weight) for name, weight in weights if float(row[name] or 0) > 0) for row in rows]
    return np.array([min(one, 1.0) for one in confidence])


def _recalculated(orders: int, advance: Advance) -> dict[str, Any]:
    """Two passes over a made-up history, chunk by chunk: fit the chain, then decide every order by every model."""
    before = _peak_megabytes()
    learned = fit_learned(hold_out(_SEED))
    began, processor = time.perf_counter(), time.process_time()
    markov = _fitted(orders, advance)
    fitted = time.perf_counter()
    models = available_models({"markov": markov, "learned": learned})
    found: list[Bill] = []
    deciding = 0.0
    for number, chunk in enumerate(in_chunks(history(orders, _SEED)), start=1):
        at = time.perf_counter()
        found = merged([found, bills(compare(chunk, models), models)])
        deciding += time.perf_counter() - at
        advance("Deciding by every model", min(number * len(chunk), orders), orders)
    seconds = time.perf_counter() - began
    touchpoints = orders * TOUCHES_PER_ORDER
    return {
        "orders": orders,
        "touchpoints": touchpoints,
        "models": len(models),
        "decisions": orders * len(models),
        "seconds": round(seconds, 2),
        "processor_seconds": round(time.process_time() - processor, 2),
        "seconds_fitting": round(fitted - began, 2),
        "seconds_deciding": round(deciding, 2),
        "touchpoints_per_second": round(touchpoints / seconds),
        "decisions_per_second": round(orders * len(models) / deciding),
        "peak_memory_megabytes": round(_peak_megabytes(), 1),
        "memory_growth_megabytes": round(_peak_megabytes() - before, 1),
        "would_bill": [
            {name: value for name, value in plain_bill(bill).items() if name != "billed_by_campaign_minor"}
            for bill in found
        ],
    }


def _fitted(orders: int, advance: Advance) -> MarkovParameters:
    channels, counts, done = Channels(), TransitionCounts(), 0
    for chunk in chunked(
        (path_of(priced.case, priced.amount_minor / 100) for priced in history(orders, _SEED)), channels
    ):
        counts.add(chunk)
        done += len(chunk)
        advance("Counting transitions", done, orders)
    for chunk in chunked(visitors(orders, _SEED), channels):
        counts.add(chunk)
    return fit_markov(counts, channels)


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def _progress() -> Iterator[Advance]:
    """A bar on standard error, one at a time."""
    with Progress(console=error_console(), transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=of)
            progress.update(tasks[what], completed=done)

        yield advance
