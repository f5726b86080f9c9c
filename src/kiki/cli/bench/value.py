"""`kiki bench value`: figures of the lifetime value models and of the baseline, as a table."""

from __future__ import annotations

from pathlib import Path

import typer

from kiki.cli import exits
from kiki.cli.output import console, print_json, print_progress, print_rows

_MET = {True: "yes", False: "NO", None: ""}


def run_value(
    data: Path | None,
    lifetimes_python: Path | None,
    customers: int,
    baseline_stores: int,
    *,
    pareto_at_scale: bool,
    as_json: bool,
) -> None:
    """Measure and print; leaves with the exit code of a failed check when a figure is not met."""
    from kiki.runtime.studies.baseline import run_baseline_bench
    from kiki.runtime.studies.value_bench import ValueBench, run_value_bench

    bench = ValueBench(data, lifetimes_python, customers, pareto_at_scale)
    result = run_value_bench(bench, print_progress)
    if baseline_stores:
        baseline = run_baseline_bench(baseline_stores, 1, print_progress)
        result["cases"] += baseline["cases"]
        result["met"] = result["met"] and baseline["met"]
    if as_json:
        print_json(result)
    else:
        rows = [{**case, "met": _MET[case["met"]]} for case in result["cases"]]
        print_rows(rows, ("case", "got", "wanted", "met"), empty="nothing was measured")
        for reason in result["skipped"]:
            console().print(f"Skipped: {reason}.", markup=False)
    if not result["met"]:
        raise typer.Exit(exits.FAILED)
