"""`kiki value`: what customers are worth."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from kiki.cli.inputs import ByDateOrder
from kiki.cli.output import AsJson, console, print_fields, print_json, print_progress, print_rows
from kiki.cli.value_baseline import register_baseline
from kiki.cli.value_promotions import register_promotions
from kiki.cli.value_report import register_report


class _Model(StrEnum):
    BGNBD = "bgnbd"
    MBGNBD = "mbgnbd"
    PARETO = "pareto"
    BEST = "best"


class _Unit(StrEnum):
    DAYS = "days"
    WEEKS = "weeks"


Input = Annotated[
    Path,
    typer.Option(
        "--input",
        help="CSV of orders (customer, date, amount) or of customers (x, t_x, T; also frequency, recency, T); - for "
        "standard input.",
    ),
]
Model = Annotated[_Model, typer.Option("--model", help="Which model; best: chosen by a back-test on the file's past.")]
Units = Annotated[_Unit, typer.Option("--unit", help="Unit of time; for x, t_x, T the one that the file is in.")]
Until = Annotated[str | None, typer.Option("--until", help="Last day observed; left out: the last day in the file.")]
Calibration = Annotated[
    str | None, typer.Option("--calibration-end", help="Fit to what was known on this day, compare with the rest.")
]
Holdout = Annotated[int | None, typer.Option("--holdout-days", min=1, help="The same, by days before the last one.")]
Horizon = Annotated[float | None, typer.Option("--horizon", help="How far ahead, in units; left out: 365 days.")]
Discount = Annotated[float, typer.Option("--discount", help="Yearly discount rate of later purchases.")]
Borrow = Annotated[
    bool, typer.Option("--borrow", help="Lean on a typical shop where the file says too little; see own_weight.")
]
Predict = Annotated[
    list[str] | None, typer.Option("--predict", metavar="X,T_X,T[,SPEND]", help="Predict this customer; repeatable.")
]
Predictions = Annotated[
    Path | None, typer.Option("--predictions", help="Write every customer's prediction to this CSV file.")
]
SkipBadLines = Annotated[
    bool, typer.Option("--skip-bad-lines", help="Leave out lines that cannot be used, and say how many.")
]
WithIntervals = Annotated[
    bool | None,
    typer.Option("--intervals/--no-intervals", help="90 % intervals per customer; left out: up to 100,000 customers."),
]


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="What customers are worth, and what a shop would have earned.")
    group.callback()(_group)
    group.command("fit")(_fit)
    register_baseline(group)
    register_promotions(group)
    register_report(group)
    app.add_typer(group, name="value", rich_help_panel=panel)


def _group() -> None:
    """What customers are worth, and what a shop would have earned."""


def _fit(
    input_path: Input,
    model: Model = _Model.BEST,
    unit: Units = _Unit.WEEKS,
    until: Until = None,
    calibration_end: Calibration = None,
    holdout_days: Holdout = None,
    horizon: Horizon = None,
    discount: Discount = 0.1,
    borrow: Borrow = False,
    predict: Predict = None,
    predictions: Predictions = None,
    intervals: WithIntervals = None,
    skip_bad_lines: SkipBadLines = False,
    date_order: ByDateOrder = None,
    as_json: AsJson = False,
) -> None:
    """Fit BG/NBD, MBG/NBD or Pareto/NBD to a file, and Gamma-Gamma where it has amounts.

    Several orders of a customer on one day are one purchase. The first purchase of a customer counts neither in x nor
    in the mean spend. Times end on the last day of the file unless --until says otherwise.
    """
    from kiki.runtime.studies.value import ValueStudy, run_value_study
    from kiki.runtime.studies.value_input import Reading

    study = ValueStudy(
        input=input_path,
        model=model.value,
        unit=unit.value,
        until=until,
        calibration_end=calibration_end,
        holdout_days=holdout_days,
        horizon=horizon,
        yearly_discount=discount,
        borrow=borrow,
        examples=predict or (),
        predictions=predictions,
        intervals=intervals,
        reading=Reading(skip_bad_lines, date_order.value if date_order else None),
    )
    result = run_value_study(study, _silent if as_json else print_progress)
    if as_json:
        print_json(result)
    else:
        _print(result)


def _silent(_text: str) -> None:
    """Programs want nothing but the JSON."""


def _print(result: dict[str, Any]) -> None:
    chosen = {"request": "as asked for", "back_test": "chosen by back-test", "log_likelihood": "highest likelihood"}
    print_fields(
        {
            "customers": result["customers"],
            "repeat customers": result["repeat_customers"],
            "repeat purchases": result["repeat_purchases"],
            "log-likelihood": f"{result['log_likelihood']:.2f}",
        },
        f"{result['model']}, {chosen[result['chosen_by']]}, time in {result['unit']}",
    )
    _print_parameters(result)
    _print_notes(result["data"])
    if result["gamma_gamma"]:
        console().print()
        print_fields({"customers": result["gamma_gamma"]["customers"]}, "Gamma-Gamma")
        _print_parameters(result["gamma_gamma"])
    elif result["gamma_gamma_missing"]:
        console().print(f"No Gamma-Gamma: {result['gamma_gamma_missing']}.", markup=False)
    if "back_test" in result:
        _print_table(
            "Back-test",
            result["back_test"]["trials"],
            ("model", "prior", "origin", "horizon_days", "mae", "rmse", "log_score"),
        )
    if "holdout" in result:
        _print_holdout(result["holdout"])
    if "predictions" in result:
        _print_table("Predictions", result["predictions"], tuple(result["predictions"][0]))


def _print_parameters(fit: dict[str, Any]) -> None:
    rows = [
        {
            "parameter": name,
            "value": round(value, 4),
            "standard error": round(fit["standard_errors"][name], 4),
            "from": round(fit["intervals_95"][name][0], 4),
            "to": round(fit["intervals_95"][name][1], 4),
        }
        for name, value in fit["parameters"].items()
    ]
    print_rows(rows, ("parameter", "value", "standard error", "from", "to"), empty="")
    for warning in fit["warnings"]:
        console().print(f"Note: {warning}.", markup=False)


def _print_notes(data: dict[str, Any]) -> None:
    if data.get("left_out"):
        said = f"Note: {data['left_out']} lines were left out; the first: {data['left_out_first']}."
        console().print(said, markup=False)
    if data.get("returns"):
        beyond = f", by {data['returns_unmatched']:.2f} less than they say" if data["returns_unmatched"] else ""
        console().print(f"Note: {data['returns']} returns lessen the purchases before them{beyond}.", markup=False)


def _print_holdout(holdout: dict[str, Any]) -> None:
    console().print()
    counts = holdout["purchases"]
    fields = {name: round(counts[name], 4) for name in ("mae", "rmse", "expected_total", "actual_total")}
    for what, part in holdout.get("coverage", {}).items():
        fields[f"90 % interval of {what} held"] = f"{part['covered']:.1%} (expected {part['expected']:.1%})"
    print_fields(fields, f"Hold-out of {holdout['days']} days")
    _print_table("", holdout["calibration"], ("decile", "customers", "expected_mean", "actual_mean"))


def _print_table(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    console().print()
    if title:
        console().print(title, style="bold")
    rounded = [{n: round(v, 4) if isinstance(v, float) else v for n, v in row.items()} for row in rows]
    print_rows(rounded, columns, empty="")
