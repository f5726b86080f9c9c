"""`kiki value report`: the model that serves a shop, and how right it was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kiki.cli.inputs import StoreId
from kiki.cli.output import AsJson, console, print_fields, print_json, print_rows, writing
from kiki.cli.portal_client import PortalClient
from kiki.kit.errors import FailedPrecondition

Plots = Annotated[Path | None, typer.Option("--plots", help="Write the plots to this folder, as SVG and PNG.")]
Version = Annotated[int, typer.Option("--version", min=0, help="The model's version; left out: the one that serves.")]

_MODEL = ("choice", "reason", "own_weight", "prior_stores", "customers", "purchases", "log_likelihood", "fitted_at")
_DECILE = ("decile", "customers", "expected", "actual", "standard_error")
_TRIAL = ("name", "origin", "horizon_days", "mae", "rmse", "relative", "log_score")


def register_report(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(_report)


def _report(store_id: StoreId, plots: Plots = None, version: Version = 0, as_json: AsJson = False) -> None:
    """Show a shop's model of lifetime value and how right it was: calibration, errors, coverage, back-test.

    The figures are of a hold-out: the model fitted to the first three quarters of the shop's history, compared with the
    rest. They were computed when the model was fitted.
    """
    with PortalClient.of_installation() as portal:
        report = portal.get(f"/internal/stores/{store_id}/value", version=version)
    written = [] if plots is None else _write_plots(report, plots)
    if as_json:
        print_json(report | ({"plots": [str(path) for path in written]} if plots else {}))
        return
    _print(report)
    for path in written:
        console().print(f"{path}: {path.stat().st_size} bytes", markup=False)


def _write_plots(report: dict[str, Any], folder: Path) -> list[Path]:
    if report["accuracy"] is None:
        raise FailedPrecondition(
            "there is nothing to plot: the shop's history is too short to hold anything out", reason="NO_ACCURACY"
        )
    from kiki.cli.value_plots import write_plots

    with writing(folder):
        return write_plots(report, folder)


def _print(report: dict[str, Any]) -> None:
    model, accuracy = report["model"], report["accuracy"]
    title = f"{model['name']}, version {model['version']}, of store {report['store_id']}"
    print_fields({name: _rounded(model[name]) for name in _MODEL}, title)
    rows = [
        {"parameter": name, "value": _rounded(value), "standard_error": _rounded(model["standard_errors"][name])}
        for name, value in model["parameters"].items()
    ]
    rows += [
        {"parameter": f"spend {name}", "value": _rounded(value), "standard_error": None}
        for name, value in model["spend_parameters"].items()
    ]
    console().print()
    print_rows(rows, ("parameter", "value", "standard_error"), empty="")
    for warning in model["warnings"]:
        console().print(f"Note: {warning}.", markup=False)
    if accuracy is None:
        console().print("\nThe history is too short to hold anything out: no accuracy yet.")
        return
    _print_accuracy(accuracy, model["currency"])
    console().print("\nBack-test", style="bold")
    print_rows(
        [_row(trial) for trial in report["back_test"]], _TRIAL, empty="None: the history was too little for one."
    )


def _print_accuracy(accuracy: dict[str, Any], currency: str) -> None:
    interval = accuracy["interval"]
    title = (
        f"\nHold-out of {accuracy['horizon_days']} days after {accuracy['origin']}, {accuracy['customers']} customers"
    )
    print_fields(
        {
            "purchases, MAE": _rounded(accuracy["purchases"]["mae"]),
            "purchases, RMSE": _rounded(accuracy["purchases"]["rmse"]),
            "purchases, expected": round(accuracy["purchases"]["expected_total"]),
            "purchases, actual": round(accuracy["purchases"]["actual_total"]),
            f"spend, MAE ({currency}, minor units)": round(accuracy["spend"]["mae"]),
            "spend, expected": round(accuracy["spend"]["expected_total"]),
            "spend, actual": round(accuracy["spend"]["actual_total"]),
            f"{interval['level']:.0%} interval of spend held": f"{interval['covered']:.1%}",
            "the same, of likely buyers": f"{interval['likely_covered']:.1%} of {interval['likely_customers']}",
        },
        title,
    )
    console().print("\nCalibration of purchases", style="bold")
    print_rows([_row(part) for part in accuracy["purchase_deciles"]], _DECILE, empty="")
    console().print("\nCalibration of spend, minor units", style="bold")
    print_rows([_row(part) for part in accuracy["spend_deciles"]], _DECILE, empty="")


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _rounded(value) for name, value in row.items()}


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
