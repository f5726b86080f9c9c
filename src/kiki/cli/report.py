"""`kiki report`: the monthly statement."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kiki.cli.inputs import StoreId
from kiki.cli.months import describe, read_month
from kiki.cli.output import AsJson, console, print_fields, print_json, print_rows, writing
from kiki.cli.portal_client import PortalClient
from kiki.cli.streams import write_bytes

_TABLE, _FORMATS = "table", ("table", "json", "csv", "pdf")
_LINES = 50
_FIGURES = (
    "baseline_revenue",
    "current_revenue",
    "growth_percent",
    "incremental_revenue",
    "refunded_revenue",
    "corrected_revenue",
    "fee_revenue",
    "accrued_fee",
    "true_up",
    "fee",
    "attributed_orders",
    "mean_confidence",
)
_TERMS = ("fee_rate", "basis", "rule")
_LINE = ("order_id", "kind", "paid_at", "order_amount", "incremental_revenue", "fee", "confidence", "campaign_id")


def register(app: typer.Typer, panel: str) -> None:
    """Add the command."""
    app.command("report", rich_help_panel=panel)(_report)


def _report(
    store_id: StoreId,
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month; left out: the running one.")] = "",
    form: Annotated[str, typer.Option("--format", help="table, json, csv or pdf.")] = _TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a file instead; needed for pdf.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a shop's statement of a month: baseline, revenue caused, fee, and every order with its evidence.

    A table into a file is JSON. With --json and --output the file is written, and its name and size are printed.
    """
    form = "json" if as_json and form == _TABLE else form
    if form not in _FORMATS:
        raise typer.BadParameter(f"--format is one of {', '.join(_FORMATS)}, got {form!r}")
    if form == "pdf" and output is None:
        raise typer.BadParameter("--format pdf wants --output FILE")
    if as_json and form == "csv" and output is None:
        raise typer.BadParameter("--format csv wants --output FILE beside --json")
    with PortalClient.of_installation() as portal:
        year, number = _month(month or _running(portal, store_id))
        query = {"year": year, "month": number, "format": "json" if form == _TABLE else form}
        answer = portal.send("GET", f"/reports/oaas/monthly/{store_id}", query=query)
    if output is not None:
        with writing(output):
            output.write_bytes(answer.content)
        if as_json:
            print_json({"file": str(output), "bytes": len(answer.content)})
        else:
            console().print(f"{output}: {len(answer.content)} bytes", markup=False, soft_wrap=True)
    elif form == "csv":
        write_bytes(answer.content)
    elif form == "json":
        print_json(answer.json())
    else:
        _print(answer.json())


def _print(report: dict[str, Any]) -> None:
    store, statement, baseline = report["store"], report["statement"], report["baseline"] or {}
    state, closing = describe(report["closing"])
    title = f"{store['display_name']} ({store['platform']}) {statement['year']:04d}-{statement['month']:02d}, {state}"
    print_fields(_figures(statement), title)
    if statement.get("compared") and statement["whole_baseline_revenue"]:
        print_fields(
            {
                "whole baseline": statement["whole_baseline_revenue"],
                **{
                    f"part {at}": f"{part['start']} to {part['end']}"
                    for at, part in enumerate(statement["compared"], 1)
                },
            },
            "\nconnected for a part of the month: compared with as much of the baseline",
        )
    if baseline:
        print_fields(
            {name: value for name, value in baseline.items() if not isinstance(value, (list, dict))}, "\nbaseline"
        )
    if statement.get("experiment"):
        print_fields(statement["experiment"], "\nbilled on an experiment")
    if closing:
        console().print(f"\n{closing}", markup=False)
    if statement["problem"]:
        console().print(f"\nNot billed: {statement['problem']}", markup=False)
    console().print("\norders", style="bold")
    print_rows(report["orders"][:_LINES], _LINE, empty="No order was caused by our campaigns this month.")
    if statement["line_count"] > _LINES:
        console().print(f"… {statement['line_count'] - _LINES} more; --format csv has them all")
    if report["digest"]:
        print_fields({"SHA-256": report["digest"]})


def _figures(statement: dict[str, Any]) -> dict[str, Any]:
    """The terms and what the month comes to."""
    contract = statement.get("contract") or {}
    figures = {name.replace("_revenue", " revenue"): statement.get(name) for name in _FIGURES}
    figures["mean_confidence"] = f"{statement['mean_confidence']:.4g}"
    growth = statement.get("growth_percent")
    figures["growth_percent"] = None if growth is None else f"{growth:.1f}"
    return {**{name: contract[name] for name in _TERMS if name in contract}, **figures}


def _running(portal: PortalClient, store_id: int) -> str:
    """The running month in the store's own time zone."""
    from zoneinfo import ZoneInfo

    from kiki.kit.clock import SystemClock

    zone = ZoneInfo(portal.get(f"/internal/stores/{store_id}")["timezone"])
    return SystemClock().now().astimezone(zone).strftime("%Y-%m")


def _month(text: str) -> tuple[int, int]:
    year, _, number = read_month(text).partition("-")
    return int(year), int(number)
