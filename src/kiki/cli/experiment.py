"""`kiki experiment`: measure what ads cause, on any file or in a store: geo tests, hold-outs, sample sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kiki.cli.experiment_store import add_commands
from kiki.cli.inputs import ByDateOrder, read_rows
from kiki.cli.output import AsJson, console, error_console, print_fields, print_json, print_rows, writing
from kiki.kit.errors import InvalidInput

Input = Annotated[Path, typer.Option("--input", "-i", help="CSV, JSON or JSON lines; - for standard input.")]
Alpha = Annotated[float, typer.Option("--alpha", help="Chance of a false alarm; intervals have level 1 - alpha.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of random draws; the same seed gives the same answer.")]
Share = Annotated[float, typer.Option("--share", help="Share of users held out, a fraction such as 0.1.")]
Salt = Annotated[str, typer.Option("--salt", help="The experiment's salt: another one deals anew.")]

_GEO = (
    "method",
    "start",
    "end",
    "att",
    "att_interval",
    "incremental",
    "incremental_interval",
    "percent_lift",
    "p_value",
    "p_value_blocks",
    "l2_imbalance",
    "scaled_l2",
    "percent_improvement_over_naive",
)
_LIFT = (
    "users",
    "difference",
    "standard_error",
    "interval",
    "p_value",
    "lift",
    "lift_interval",
    "incremental",
    "incremental_standard_error",
    "incremental_interval",
    "incremental_lower_bound",
    "incremental_bootstrap_interval",
    "always_valid_interval",
)
_BILL = ("target", "billed", "carry", "billed_to_date")


def register(app: typer.Typer, panel: str) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="Measure what ads cause, in a store or on any file.")
    group.command("geo")(_geo)
    group.command("lift")(_lift)
    group.command("power")(_power)
    group.command("assign")(_assign)
    group.command("bill")(_bill)
    group.command("simulate")(_simulate)
    add_commands(group)
    app.add_typer(group, name="experiment", rich_help_panel=panel)


def _geo(
    source: Input,
    treated: Annotated[list[str], typer.Option("--treated", help="Treated places, comma-separated or repeated.")],
    start: Annotated[str, typer.Option("--start", help="First period of the test: a date, or its 1-based number.")],
    end: Annotated[str, typer.Option("--end", help="Last period of the test; left out: the file's last.")] = "",
    method: Annotated[str, typer.Option("--method", help="synthetic or did.")] = "synthetic",
    alpha: Alpha = 0.05,
    seed: Seed = 1,
    allow_negative: Annotated[bool, typer.Option("--allow-negative", help="Take values under 0, as refunds.")] = False,
    place_column: Annotated[str, typer.Option("--place-column", help="Column of places; left out: by name.")] = "",
    value_column: Annotated[str, typer.Option("--value-column", help="Column of values; left out: by name.")] = "",
    time_column: Annotated[str, typer.Option("--time-column", help="Column of periods; left out: by name.")] = "",
    missing_are_zero: Annotated[
        bool, typer.Option("--missing-are-zero", help="A place without a row for a period sold nothing.")
    ] = False,
    date_order: ByDateOrder = None,
    series: Annotated[bool, typer.Option("--series", help="Print the series and its counterfactual too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Evaluate a geo test: places that got ads against a synthetic control, or by difference in differences."""
    from kiki.orchestrator.experiments.geo import GeoTest, as_document, run_geo_test
    from kiki.orchestrator.experiments.panel import read_panel
    from kiki.orchestrator.experiments.panel_columns import Columns

    columns = Columns(place_column, value_column, time_column)
    panel = read_panel(
        read_rows(source),
        columns,
        allow_negative=allow_negative,
        missing_are_zero=missing_are_zero,
        date_order=date_order.value if date_order else None,
    )
    places = panel.named_in(treated)
    with error_console().status("fitting and comparing with placebos"):
        found = run_geo_test(panel, GeoTest(places, start, end, method, alpha, seed))
    document = as_document(found, panel, series=series)
    if as_json:
        print_json(document)
        return
    print_fields({name: _rounded(document[name]) for name in _GEO}, ", ".join(document["treated"]))
    console().print("\nweights", style="bold")
    weights = [{"place": name, "weight": round(weight, 4)} for name, weight in document["weights"].items()]
    print_rows(weights, ("place", "weight"), empty="")
    space = document["placebo_space"]
    if space:
        console().print("\nplacebo places", style="bold")
        print_fields({name: _rounded(value) for name, value in space.items()})
    console().print("\nplacebo starts", style="bold")
    rows = [{name: _rounded(value) for name, value in row.items()} for row in document["placebo_time"]]
    print_rows(rows, ("start", "att", "lift"), empty="Too few periods before the start.")
    if series:
        console().print("\nseries", style="bold")
        rows = [{name: _rounded(value) for name, value in row.items()} for row in document["series"]]
        print_rows(rows, ("period", "observed", "expected", "gap"), empty="")
    _print_warnings(document)


def _lift(
    source: Input,
    metric: Annotated[str, typer.Option("--metric", help="Column of the outcome; left out: by name.")] = "",
    group: Annotated[str, typer.Option("--group", help="Column of the arm; left out: by name.")] = "",
    covariate: Annotated[str, typer.Option("--covariate", help="Column from before the assignment (CUPED).")] = "",
    share: Annotated[float | None, typer.Option("--share", help="Planned share held out, to check the arms.")] = None,
    planned_users: Annotated[
        int | None, typer.Option("--planned-users", min=2, help="Planned users, for the always-valid interval.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="Count users who are not eligible too.")] = False,
    draws: Annotated[int, typer.Option("--draws", min=0, max=100_000, help="Bootstrap draws; 0: none.")] = 2_000,
    replays: Annotated[int, typer.Option("--replays", min=0, max=100_000, help="A/A replays; 0: none.")] = 0,
    alpha: Alpha = 0.05,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Evaluate a hold-out by intention to treat: one row per user with user, group (or holdout) and outcome.

    The p-value and the interval are for the registered end alone; the always-valid interval may be read at any time.
    """
    from kiki.orchestrator.experiments.analysis import Question, analyse
    from kiki.orchestrator.experiments.table import Choice, read_user_table

    table = read_user_table(read_rows(source), Choice(metric, group, covariate, everybody))
    document = analyse(table, Question(alpha, share, planned_users, draws, replays, seed))
    if as_json:
        print_json(document)
        return
    for arm in ("treated", "held_out"):
        print_fields({arm: f"{document[arm]['users']} users, mean {_rounded(document[arm]['mean'])}"})
    print_fields({name: _rounded(document[name]) for name in _LIFT if name in document})
    for part in ("sample_ratio", "adjusted", "same_twice"):
        if document[part]:
            console().print(f"\n{part.replace('_', ' ')}", style="bold")
            print_fields({name: _rounded(value) for name, value in document[part].items()})
    _print_warnings(document)


def _power(
    share: Share,
    baseline_rate: Annotated[float | None, typer.Option("--baseline-rate", help="Order rate of the held out.")] = None,
    mean: Annotated[float | None, typer.Option("--mean", help="Mean per user, zeros included.")] = None,
    deviation: Annotated[float | None, typer.Option("--sd", help="Standard deviation per user.")] = None,
    users: Annotated[int | None, typer.Option("--users", min=2, help="Users in both arms: gives the effect.")] = None,
    effect: Annotated[float | None, typer.Option("--effect", help="Effect per user: gives the users.")] = None,
    lift: Annotated[float | None, typer.Option("--lift", help="The same, relative to the held out.")] = None,
    alpha: Alpha = 0.05,
    power: Annotated[float, typer.Option("--power", help="Chance of seeing the effect when it is there.")] = 0.8,
    as_json: AsJson = False,
) -> None:
    """How many users an effect takes (--effect or --lift), or what effect so many users show (--users)."""
    from kiki.orchestrator.experiments.power import Design, Mean, Rate, minimum_effect, standard_error, users_needed

    if sum(given is not None for given in (users, effect, lift)) != 1:
        raise typer.BadParameter("one of --users, --effect and --lift is wanted")
    if (baseline_rate is None) == (mean is None) or (mean is None) != (deviation is None):
        raise typer.BadParameter("--baseline-rate is wanted, or --mean with --sd")
    usual = Rate(baseline_rate) if baseline_rate is not None else Mean(mean or 0.0, deviation or 0.0)
    design = Design(share, alpha, power)
    if users is None:
        wanted = effect if effect is not None else (lift or 0.0) * usual.level
        users = users_needed(usual, design, wanted)
    else:
        wanted = minimum_effect(usual, design, users)
    error = standard_error(usual, wanted, users, share)
    document: dict[str, Any] = {
        "minimum_effect": wanted,
        "minimum_lift": wanted / usual.level if usual.level else None,
        "users": users,
        "held_out": round(users * share),
        "treated": users - round(users * share),
        "standard_error": error,
        "share": share,
        "alpha": alpha,
        "power": design.power_at(wanted, error),
    }
    if as_json:
        print_json(document)
    else:
        print_fields({name: _rounded(value, 6) for name, value in document.items()})


def _assign(
    subjects: Annotated[list[str], typer.Argument(metavar="ID…", help="Opaque keys of users, never addresses.")],
    salt: Salt,
    share: Share = 0.1,
    version: Annotated[int, typer.Option("--version", min=1, help="Version of the experiment.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Say who is held out: the same answer for the same salt, version and key, everywhere and for ever."""
    from kiki.orchestrator.experiments.assignment import holdout_split, share_in_ppm

    split = holdout_split(salt, share_in_ppm(share), version)
    assigned = [split.assign(subject) for subject in subjects]
    rows = [{"subject": one.subject, "arm": one.arm, "point": round(one.point, 6)} for one in assigned]
    if as_json:
        print_json({"salt": salt, "version": version, "share": share, "assignments": rows})
    else:
        print_rows(rows, ("subject", "arm", "point"), empty="")


def _bill(
    source: Input,
    basis: Annotated[str, typer.Option("--basis", help="estimate or lower_bound.")] = "estimate",
    currency: Annotated[str, typer.Option("--currency", help="ISO 4217 code of the amounts.")] = "EUR",
    as_json: AsJson = False,
) -> None:
    """What months bill on an experiment: rows of month, estimate and lower_bound, each to date since the start.

    A reading that falls is carried forward: later months bill only after it has been made good.
    """
    from kiki.kit.money import check_currency
    from kiki.orchestrator.experiments.billing import Basis, bill_months, credit_at_end, read_readings

    if basis not in {known.value for known in Basis}:
        raise typer.BadParameter(f"--basis is one of {', '.join(known.value for known in Basis)}, got {basis!r}")
    bills = bill_months(read_readings(read_rows(source), check_currency(currency)), Basis(basis))
    rows = [{"month": bill.month, **{name: str(getattr(bill, name).amount) for name in _BILL}} for bill in bills]
    credit = str(credit_at_end(bills).amount)
    if as_json:
        print_json({"basis": basis, "currency": currency.upper(), "months": rows, "credit_at_end": credit})
        return
    print_rows(rows, ("month", *_BILL), empty="")
    print_fields({"credit_at_end": credit})


def _simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV of what a shop sees.")],
    truth: Annotated[Path | None, typer.Option("--truth", help="CSV of which orders the ads caused.")] = None,
    users: Annotated[int, typer.Option("--users", min=1, max=10_000_000, help="Visitors.")] = 40_000,
    share: Share = 0.1,
    effect: Annotated[float, typer.Option("--effect", min=0, max=1, help="Chance that an ad causes an order.")] = 0.05,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Write a simulated shop's visitors, whose ads chase those who would buy anyhow; to try `lift` on a known truth."""
    from kiki.sandbox.visitors import COLUMNS, TRUTH_COLUMNS, World, as_csv, simulate_visitors

    if output == truth:
        raise InvalidInput("--output and --truth are two files", reason="BAD_FILE")
    visitors = simulate_visitors(World(users=users, holdout_share=share, effect=effect), seed)
    with writing(output):
        output.write_text(as_csv(COLUMNS, visitors.rows()), encoding="utf-8")
    if truth is not None:
        with writing(truth):
            truth.write_text(as_csv(TRUTH_COLUMNS, visitors.truth_rows()), encoding="utf-8")
    document = {
        "users": users,
        "orders": int(visitors.ordered.sum()),
        "revenue": f"{int(visitors.amount_minor.sum()) / 100:.2f}",
        "true_incremental_revenue": f"{visitors.true_incremental_minor / 100:.2f}",
    }
    if as_json:
        print_json(document)
    else:
        print_fields(document, str(output))


def _print_warnings(document: dict[str, Any]) -> None:
    for warning in document["warnings"]:
        console().print(f"\nnote: {warning}", markup=False)


def _rounded(value: Any, digits: int = 4) -> Any:
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, list):
        return [_rounded(item, digits) for item in value]
    return value
