"""`kiki attribution` on connected shops: fit, compare, recalculate, explain, and the review queue."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from kiki.cli.inputs import Limit, StoreId, read_time
from kiki.cli.jobs import finished
from kiki.cli.output import AsJson, console, print_answer, print_fields, print_json, print_rows, writing
from kiki.cli.portal_client import PortalClient

_PATH = "/internal/attribution"
_DIFF_ROWS = 10_000_000
_COMPARED = (
    "model",
    "orders",
    "touched",
    "billed_orders",
    "billed",
    "fee",
    "mean_confidence",
    "agreement",
    "in_review",
)
_SHADOW = ("model", "model_version", "decided_at", "arm", "verdict", "confidence", "would_bill_minor")
_TOUCHPOINT = ("at", "kind", "source", "campaign_id", "channel", "in_window", "touchpoint_id")

From = Annotated[str | None, typer.Option("--from", help="Orders placed since: ISO 8601, or an age such as 90d.")]
To = Annotated[str | None, typer.Option("--to", help="Orders placed before: ISO 8601, or an age such as 24h.")]
OrderId = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id in the shop.")]
Model = Annotated[str | None, typer.Option("--model", help="The model to decide by; left out: the shop's own.")]
Apply = Annotated[
    bool,
    typer.Option("--apply", help="Have exactly the orders of the diff decided anew; the model must be the shop's."),
]
DiffFile = Annotated[Path | None, typer.Option("--output", "-o", metavar="CSV", help="Write the diff, an order a row.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; stands in the review and on the order.")]
Status = Annotated[str, typer.Option("--status", help="open, approved, rejected or superseded.")]


def register(group: typer.Typer) -> None:
    """Add the commands to the group."""
    group.command("models")(_models)
    group.command("fit")(_fit)
    group.command("compare")(_compare)
    group.command("recalculate")(_recalculate)
    group.command("adopt")(_adopt)
    group.command("explain")(_explain)
    reviews = typer.Typer(no_args_is_help=True, help="Orders that wait for a person.")
    reviews.command("list")(_list_reviews)
    reviews.command("approve")(_approve)
    reviews.command("reject")(_reject)
    reviews.callback()(_reviews)
    group.add_typer(reviews, name="reviews")


def put_learned(store_id: int, found: dict[str, Any]) -> dict[str, Any]:
    """Store what a hold-out taught; the parameters as the portal keeps them."""
    report = {name: value for name, value in found.items() if name not in ("parameters", "against_truth")}
    body = {"parameters": found["parameters"], "report": report, "size": int(found.get("users", 0))}
    with PortalClient.of_installation() as portal:
        kept = portal.put(f"{_PATH}/models/{store_id}/learned", body)
    return {name: kept[name] for name in ("name", "version", "fitted_at")}


def learn(store_id: int, experiment: str, as_of: str | None, *, as_json: bool) -> None:
    """Have a shop's own experiment teach the candidate, and show what came of it."""
    until = read_time(as_of)
    body = {"experiment_id": experiment, **({"as_of": until} if until else {})}
    with PortalClient.of_installation() as portal:
        job = finished(portal, portal.post(f"{_PATH}/learn/{store_id}", body), as_json=as_json)
    found = job["result"]
    if as_json:
        print_json(found)
        return
    scores, origin = found.pop("cross_validated"), found.pop("learned_from")
    print_fields(found, job["message"])
    print_fields(scores, "\ncross-validated")
    print_fields(origin, "\nlearned from")


def _reviews() -> None:
    """Orders that wait for a person."""


def _models(store_id: StoreId, as_json: AsJson = False) -> None:
    """Show which models a shop names, and every fit of its models."""
    with PortalClient.of_installation() as portal:
        found = portal.get(f"{_PATH}/models/{store_id}")
    if as_json:
        print_json(found)
        return
    fits = found.pop("fits")
    print_fields(found)
    print_rows(fits, ("name", "version", "fitted_at", "source", "size", "in_use"), empty="No model has been fitted.")


def _fit(store_id: StoreId, since: From = None, until: To = None, as_json: AsJson = False) -> None:
    """Fit the Markov chain on a shop's own orders and visitors; from then on the model speaks by it."""
    with PortalClient.of_installation() as portal:
        job = finished(portal, portal.post(f"{_PATH}/fit/{store_id}", _span(since, until)), as_json=as_json)
    print_answer(job["result"] if as_json else {"message": job["message"], **job["result"]}, as_json=as_json)


def _adopt(store_id: StoreId, as_json: AsJson = False) -> None:
    """Let the candidate speak as `learned`, after it has decided 30 orders in the shadow."""
    with PortalClient.of_installation() as portal:
        found = portal.post(f"{_PATH}/models/{store_id}/candidate/adopt")
    if as_json:
        print_json(found)
        return
    shown = ("name", "version", "fitted_at", "source", "size", "store_model")
    print_fields({**{name: found[name] for name in shown}, **found["report"]["shadow_run"]})


def _compare(store_id: StoreId, since: From = None, until: To = None, as_json: AsJson = False) -> None:
    """Set all models side by side on a shop's orders: what each would have billed, by arm where two are tested."""
    with PortalClient.of_installation() as portal:
        job = finished(portal, portal.post(f"{_PATH}/compare/{store_id}", _span(since, until)), as_json=as_json)
    found = job["result"]
    if as_json:
        print_json(found)
        return
    print_fields({name: value for name, value in found.items() if name != "models"})
    sides = dict.fromkeys((row["currency"], row["arm"]) for row in found["models"])
    for currency, arm in sides:
        console().print(f"\n{currency}{f', arm {arm}' if arm else ''}", style="bold", markup=False)
        rows = [row for row in found["models"] if (row["currency"], row["arm"]) == (currency, arm)]
        print_rows([{**row, **_amounts(row, "billed", "fee")} for row in rows], _COMPARED, empty="No order.")
    if not sides:
        console().print("No order of the shop is in this time.")


def _recalculate(
    store_id: StoreId,
    model: Model = None,
    since: From = None,
    until: To = None,
    apply: Apply = False,
    output: DiffFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what would change if orders were decided anew; with --apply, have exactly those decided anew.

    Closed months stay closed: what changes lands in the next open one.
    """
    path = f"{_PATH}/recalculate/{store_id}"
    body = {**_span(since, until), "dry_run": True, **({"model": model} if model else {})}
    with PortalClient.of_installation() as portal:
        job = finished(portal, portal.post(path, body), as_json=as_json)
        found = {"diff_job": job["job_id"], **job["result"]}
        if output is not None:
            _write_diff(output, portal.rows(f"/internal/jobs/{job['job_id']}/diff", "orders", _DIFF_ROWS))
        if apply and found["changed"]:
            applied = finished(portal, portal.post(path, {"diff_job": job["job_id"]}), as_json=as_json)
            found["applied"] = {"job_id": applied["job_id"], "orders": applied["done"]}
    if as_json:
        print_json(found)
        return
    months, _ = found.pop("months"), found.pop("computed_under", None)
    print_fields(found)
    rows = [{**row, **_amounts(row, "then", "now")} for row in months]
    print_rows(rows, ("month", "currency", "orders", "then", "now"), empty="Nothing would change.")


def _explain(store_id: StoreId, order_id: OrderId, as_json: AsJson = False) -> None:
    """Show why an order was decided as it was: signals, evidence, every decision, and who approved."""
    with PortalClient.of_installation() as portal:
        found = portal.get(f"{_PATH}/explain/{store_id}/{quote(order_id, safe='')}")
    if as_json:
        print_json(found)
        return
    lists = ("decisions", "touchpoints", "models", "second_model", "review", "facts")
    print_fields({name: value for name, value in found.items() if name not in lists}, f"Order {order_id}")
    for decision in found["decisions"]:
        evidence = decision["evidence"]
        head = f"revision {decision['revision']}: {decision['model']} {decision['model_version']}"
        told = f"{decision['verdict']}, confidence {decision['confidence']}, {decision['cause']}"
        console().print(f"\n{head}, {decision['decided_at']}", style="bold", markup=False)
        share = evidence.get("billed_share")
        console().print(f"{told}{f', billed share {share}' if share else ''}", markup=False)
        signals = [{**signal, "rests_on": _grounds(signal)} for signal in evidence.get("signals", ())]
        print_rows(signals, ("name", "weight", "without", "rests_on"), empty="No signal.")
    console().print("\ntouchpoints", style="bold")
    print_rows(found["touchpoints"], _TOUCHPOINT, empty="No touchpoint of this buyer is known.")
    console().print("\nwhat the models say now", style="bold")
    shown = ("model", "version", "verdict", "confidence", "billed_share", "campaign_id")
    print_rows(found["models"], shown, empty="No model.")
    if found["second_model"]:
        console().print("\nrecorded, never billed", style="bold")
        print_rows(found["second_model"], _SHADOW, empty="")
    if found["review"]:
        print_fields(found["review"], "\nreview")


def _list_reviews(store_id: StoreId, status: Status = "open", limit: Limit = 100, as_json: AsJson = False) -> None:
    """List the review queue, the longest waiting first."""
    with PortalClient.of_installation() as portal:
        rows = list(portal.rows(f"/internal/reviews/{store_id}", "reviews", limit, status=status))
    if as_json:
        print_json(rows)
        return
    shown = ("order_id", "number", "net_sales", "confidence", "campaign_id", "opened_at", "status", "actor", "reason")
    print_rows(rows, shown, empty=f"No review is {status}.")


def _approve(store_id: StoreId, order_id: OrderId, reason: Reason, as_json: AsJson = False) -> None:
    """Approve: the order is billed, in the next open month."""
    _decide(store_id, order_id, "approve", reason, as_json=as_json)


def _reject(store_id: StoreId, order_id: OrderId, reason: Reason, as_json: AsJson = False) -> None:
    """Reject: the order stays unbilled."""
    _decide(store_id, order_id, "reject", reason, as_json=as_json)


def _decide(store_id: int, order_id: str, decision: str, reason: str, *, as_json: bool) -> None:
    body = {"decision": decision, "reason": reason}
    with PortalClient.of_installation() as portal:
        print_answer(portal.post(f"/internal/reviews/{store_id}/{quote(order_id, safe='')}", body), as_json=as_json)


def _span(since: str | None, until: str | None) -> dict[str, str]:
    times = {"placed_from": read_time(since), "placed_to": read_time(until)}
    return {name: at for name, at in times.items() if at is not None}


def _amounts(row: dict[str, Any], *names: str) -> dict[str, str]:
    from kiki.kit.money import Money

    return {name: str(Money(row[f"{name}_minor"], row["currency"])) for name in names}


def _grounds(signal: dict[str, Any]) -> str:
    names = [*signal.get("campaign_ids", ()), *signal.get("touchpoint_ids", ()), *signal.get("product_ids", ())]
    if signal.get("order_id"):
        names.append(signal["order_id"])
    return ", ".join(names)


def _write_diff(path: Path, rows: Any) -> None:
    writer = None
    with writing(path), path.open("w", newline="", encoding="utf-8") as file:
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(file, fieldnames=list(row))
                writer.writeheader()
            writer.writerow(row)
