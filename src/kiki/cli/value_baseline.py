"""`kiki value baseline`: what a shop would have earned, from a file of its revenue."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from kiki.cli.inputs import ByDateOrder
from kiki.cli.output import AsJson, console, print_fields, print_json, print_rows
from kiki.kit.errors import InvalidInput

Input = Annotated[
    Path,
    typer.Option("--input", help="CSV of revenue by day (date, revenue) or of orders (date, amount)."),
]
Promotions = Annotated[
    Path | None, typer.Option("--promotions", help="CSV of the shop's promotions, past and planned (first, last).")
]
Until = Annotated[
    str | None, typer.Option("--until", help="Last day known; left out: the last in the file, or of its month.")
]
Months = Annotated[int, typer.Option("--months", min=12, max=36, help="Months ahead.")]


def register_baseline(app: typer.Typer) -> None:
    """Add the command."""
    app.command("baseline")(_baseline)


def _baseline(
    input_path: Input,
    promotions: Promotions = None,
    until: Until = None,
    months: Months = 12,
    date_order: ByDateOrder = None,
    as_json: AsJson = False,
) -> None:
    """The plain 12-month average beside a seasonal forecast with its interval, both tested on the file's own past."""
    # Before numpy is loaded: on small matrices threads only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from kiki.runtime.studies.baseline import BaselineStudy, run_baseline_study

    study = BaselineStudy(input_path, promotions, _day(until), months, date_order.value if date_order else None)
    result = run_baseline_study(study)
    if as_json:
        print_json(result)
    else:
        _print(result)


def _day(text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"--until is a day such as 2026-03-31, got {text!r}", reason="BAD_TIME") from None


def _print(result: dict[str, Any]) -> None:
    history, plain, seasonal = result["history"], result["plain_average"], result["seasonal"]
    print_fields(history, "History")
    console().print()
    print_fields(plain, "Plain average (what contracts are settled on)")
    console().print()
    print_fields(
        seasonal["year"], f"Seasonal forecast of the next twelve months, {seasonal['interval_level']:.0%} interval"
    )
    print_rows(seasonal["months"], ("month", "expected", "lower", "upper"), empty="")
    console().print()
    tested = result["back_test"]
    if tested is None:
        console().print("No back-test: that takes 24 whole months.")
    else:
        figures = {name: f"{value:.1%}" for name, value in tested.items() if name != "origins"}
        print_fields(figures, "Back-test (median absolute errors)")
        print_rows(
            tested["origins"], ("origin", "actual", "seasonal", "plain_average", "error", "plain_error"), empty=""
        )
    console().print(f"Recommended: {result['recommended'].replace('_', ' ')}")
