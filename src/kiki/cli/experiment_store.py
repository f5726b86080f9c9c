"""`kiki experiment register | list | show | start | end | cancel | reading | record`: a store's own, by the portal."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from kiki.cli.inputs import Limit, StoreId, read_time
from kiki.cli.output import AsJson, console, print_fields, print_json, print_rows
from kiki.cli.portal_client import PortalClient

ExperimentId = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="The experiment's id.")]
Optional = float | None

_COLUMNS = ("experiment_id", "status", "metric", "holdout_ppm", "starts_at", "ends_at", "complete_at")
_READINGS = (
    "month",
    "revision",
    "as_of",
    "decision",
    "users",
    "estimate",
    "lower_bound",
    "compliance",
    "contamination",
    "final",
    "told",
)
_PER_USER = ("difference", "standard_error", "interval", "lift", "p_value")


def add_commands(group: typer.Typer) -> None:
    """Add them to the group `experiment`."""
    for name, command in (
        ("register", _register),
        ("list", _list),
        ("show", _show),
        ("start", _start),
        ("end", _end),
        ("cancel", _cancel),
        ("reading", _reading),
        ("record", _record),
    ):
        group.command(name)(command)


def _register(
    store_id: StoreId,
    experiment: ExperimentId,
    starts: Annotated[str, typer.Option("--starts", help="From when subjects are dealt, e.g. 2026-10-01T00:00:00Z.")],
    ends: Annotated[str, typer.Option("--ends", help="Until when; outcomes count for the window more.")],
    minimum_effect: Annotated[
        str, typer.Option("--minimum-effect", help="Smallest effect per user that matters: a rate, or major units.")
    ],
    planned_users: Annotated[int, typer.Option("--planned-users", min=2, help="Users in both arms.")],
    metric: Annotated[
        str, typer.Option("--metric", help="order_rate, revenue_per_user or net_revenue_per_user.")
    ] = "net_revenue_per_user",
    holdout: Annotated[str, typer.Option("--holdout", help="Share held out, a fraction such as 0.1.")] = "0.1",
    window_days: Annotated[int, typer.Option("--window-days", min=1, help="How long a user's orders count.")] = 30,
    alpha: Annotated[str, typer.Option("--alpha", help="Chance of a false alarm.")] = "0.05",
    power: Annotated[str, typer.Option("--power", help="Chance of seeing the effect when it is there.")] = "0.8",
    name: Annotated[str, typer.Option("--name", help="What it is called; left out: its id.")] = "",
    salt: Annotated[str, typer.Option("--salt", help="Left out: made of store and id.")] = "",
    expected_rate: Annotated[Optional, typer.Option("--expected-rate", help="Order rate of the held out.")] = None,
    expected_mean: Annotated[Optional, typer.Option("--expected-mean", help="Their mean, zeros included.")] = None,
    expected_deviation: Annotated[Optional, typer.Option("--expected-sd", help="Its standard deviation.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fix an experiment's plan before it starts, and say what it can show. A draft may be registered anew."""
    body = {
        "experiment_id": experiment,
        "name": name,
        "metric": metric,
        "holdout": holdout,
        "starts_at": starts,
        "ends_at": ends,
        "window_days": window_days,
        "alpha": alpha,
        "power": power,
        "minimum_effect": minimum_effect,
        "planned_users": planned_users,
        "salt": salt,
        "expected_rate": expected_rate,
        "expected_mean": expected_mean,
        "expected_deviation": expected_deviation,
    }
    with PortalClient.of_installation() as portal:
        document = portal.post(f"/internal/experiments/{store_id}", body)
    if as_json:
        print_json(document)
        return
    _print_plan(document)


def _list(store_id: StoreId, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List a store's experiments."""
    with PortalClient.of_installation() as portal:
        found = list(portal.rows(f"/internal/experiments/{store_id}", "experiments", limit))
    if as_json:
        print_json(found)
        return
    rows = [{**one, **one["plan"]} for one in found]
    print_rows(rows, _COLUMNS, empty="No experiment; `kiki experiment register` fixes the plan of one.")


def _show(store_id: StoreId, experiment: ExperimentId, as_json: AsJson = False) -> None:
    """Show an experiment: its plan and digest, how many were dealt, and the recorded readings."""
    with PortalClient.of_installation() as portal:
        document = portal.get(_place(store_id, experiment))
    if as_json:
        print_json(document)
        return
    _print_plan(document)
    print_fields(document["assigned"] or {"nobody": "was dealt yet"}, "\nassigned")
    exposed = [{"arm": arm, **counts} for arm, counts in document["exposed"].items()]
    console().print("\nexposed, as logged", style="bold")
    print_rows(exposed, ("arm", "subjects", "contacts", "last_at"), empty="No contact of anybody was logged.")
    console().print("\nreadings", style="bold")
    print_rows([_reading_row(row) for row in document["readings"]], _READINGS, empty="None was recorded.")


def _start(store_id: StoreId, experiment: ExperimentId, as_json: AsJson = False) -> None:
    """Freeze the plan; subjects are dealt from its start on."""
    _command(store_id, experiment, "start", as_json)


def _end(store_id: StoreId, experiment: ExperimentId, as_json: AsJson = False) -> None:
    """Deal nobody any more. Before the planned end, the registered interval is given up."""
    _command(store_id, experiment, "end", as_json)


def _cancel(store_id: StoreId, experiment: ExperimentId, as_json: AsJson = False) -> None:
    """Take an experiment back of which nothing was read yet."""
    _command(store_id, experiment, "cancel", as_json)


def _reading(
    store_id: StoreId,
    experiment: ExperimentId,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Up to when outcomes count; left out: now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read an experiment from the shop's own orders, by intention to treat; as often as you like."""
    with PortalClient.of_installation() as portal:
        document = portal.get(f"{_place(store_id, experiment)}/reading", as_of=read_time(as_of))
    if as_json:
        print_json(document)
    else:
        _print_reading(document)


def _record(
    store_id: StoreId,
    experiment: ExperimentId,
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month; left out: the running one.")] = "",
    as_json: AsJson = False,
) -> None:
    """Record a month's reading and hand it to SyncLedger; the worker does so by itself after a month's end."""
    with PortalClient.of_installation() as portal:
        body = {"month": month or None}
        document = portal.post(f"{_place(store_id, experiment)}/readings", body)
    if as_json:
        print_json(document)
        return
    print_fields(_reading_row(document), "recorded" if document["new"] else "known already")


def _command(store_id: int, experiment: str, command: str, as_json: bool) -> None:
    with PortalClient.of_installation() as portal:
        document = portal.post(f"{_place(store_id, experiment)}/{command}")
    if as_json:
        print_json(document)
    else:
        print_fields({name: {**document, **document["plan"]}[name] for name in _COLUMNS})


def _place(store_id: int, experiment: str) -> str:
    return f"/internal/experiments/{store_id}/{quote(experiment, safe='')}"


def _print_plan(document: dict[str, Any]) -> None:
    plan = {name: value for name, value in document["plan"].items() if value is not None}
    print_fields(plan, f"{document['experiment_id']}, {document['status']}")
    print_fields({"digest": document["digest"], "complete_at": document["complete_at"]})
    if document["power"]:
        print_fields(document["power"], "\nwhat the plan can show")


def _print_reading(document: dict[str, Any]) -> None:
    kind = document["interval_kind"].replace("_", " ")
    title = f"{document['experiment_id']} as of {document['as_of']}: {document['decision'].replace('_', ' ')}"
    print_fields({"metric": document["metric"], "phase": document["phase"], "interval": kind}, title)
    rows = [{"arm": name, **row} for name, row in document["arms"].items()]
    print_rows(rows, ("arm", "users", "buyers", "order_rate", "net_revenue_per_user"), empty="Nobody was dealt yet.")
    for part in ("order_rate", "net_revenue_per_user", "incremental_revenue", "sample_ratio", "same_before"):
        if document[part]:
            wanted = _PER_USER if part in ("order_rate", "net_revenue_per_user") else tuple(document[part])
            values = {name: document[part][name] for name in wanted}
            print_fields(values, f"\n{part.replace('_', ' ')}")
    if document.get("exposure"):
        _print_exposure(document["exposure"])
    print_fields(document["not_counted"], "\nnot counted")
    for warning in document["warnings"]:
        console().print(f"\nnote: {warning}", markup=False)


def _print_exposure(exposure: dict[str, Any]) -> None:
    rows = [{"of": name, **exposure[name]} for name in ("compliance", "contamination")]
    console().print("\nexposure", style="bold")
    print_rows(rows, ("of", "users", "exposed", "contacts", "rate", "interval"), empty="")
    effects = [{"metric": name, **effect} for name, effect in exposure["complier_effect"].items() if effect]
    shown = ("metric", "effect", "standard_error", "interval", "compliers")
    print_rows(effects, shown, empty="Being treated exposed nobody more: no effect on compliers can be told.")
    if exposure["campaigns"]:
        print_rows(exposure["campaigns"], ("campaign_id", "holdout", "treated"), empty="")


def _reading_row(row: dict[str, Any]) -> dict[str, Any]:
    revenue = row["incremental_revenue"] or {}
    shown = {name: revenue[name]["amount"] for name in ("estimate", "lower_bound") if name in revenue}
    return {name: {**row, **shown}.get(name, "") for name in _READINGS}
