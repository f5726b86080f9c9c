"""`kiki deliveries`: what shops sent, what became of it, and once more."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kiki.cli.inputs import Limit, confirm, read_time
from kiki.cli.output import AsJson, console, print_fields, print_json, print_rows
from kiki.cli.portal_client import PortalClient

_PATH = "/internal/deliveries"
_COLUMNS = ("delivery_id", "store_id", "platform", "topic", "status", "received_at", "attempts", "reason")
_STATUSES = ("queued", "waiting", "parked", "settled", "ignored", "dead")
Status = Annotated[
    str | None, typer.Option("--status", help=f"{', '.join(_STATUSES[:-1])}, or dead (given up, to be replayed).")
]
Store = Annotated[int | None, typer.Option("--store", min=1, help="Only of this store.")]
Topic = Annotated[str | None, typer.Option("--topic", help="Only of this topic, e.g. orders/create.")]
Since = Annotated[str | None, typer.Option("--since", help="Received from then on: ISO 8601, or an age such as 24h.")]
Until = Annotated[str | None, typer.Option("--until", help="Received before then: ISO 8601, or an age.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="List, show and replay the webhooks that came in.")
    group.command("list")(_list)
    group.command("show")(_show)
    group.command("replay")(_replay)
    app.add_typer(group, name="deliveries", rich_help_panel=panel)


def _list(
    status: Status = None,
    store: Store = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    filters = _filters(status, store, topic, since, until)
    with PortalClient.of_installation() as portal:
        deliveries = list(portal.rows(_PATH, "deliveries", limit, **filters))
    if as_json:
        print_json(deliveries)
    else:
        print_rows(deliveries, _COLUMNS, empty="No delivery matches.")


def _show(
    delivery_id: Annotated[int, typer.Argument(metavar="DELIVERY", min=1, help="The delivery's id.")],
    body: Annotated[bool, typer.Option("--body", help="Open the raw body, too; that is audited.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a delivery: when and how it came, every run, and why it was given up."""
    with PortalClient.of_installation() as portal:
        delivery = portal.get(f"{_PATH}/{delivery_id}", body=body or None)
    if as_json:
        print_json(delivery)
        return
    lists = {name: value for name, value in delivery.items() if isinstance(value, list) and value}
    print_fields({name: value for name, value in delivery.items() if name not in lists})
    for name, rows in lists.items():
        console().print(f"\n{name.replace('_', ' ')}", style="bold")
        print_rows(rows, rows[0], empty="none")


def _replay(
    delivery_ids: Annotated[list[int] | None, typer.Argument(metavar="DELIVERY", help="Ids; or use filters.")] = None,
    status: Status = None,
    store: Store = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Replay at most so many.")] = 1000,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before a replay by filter; --json does not ask.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Work on deliveries again, by id or by filter. Effects that already exist are not made twice.

    Exit code 3 when a named delivery does not exist; the others are replayed then.
    """
    filters = _filters(status, store, topic, since, until)
    if not delivery_ids and not filters:
        raise typer.BadParameter("name deliveries, or give a filter such as --status dead")
    if not delivery_ids and not yes and not as_json:
        told = ", ".join(f"{name} {value}" for name, value in filters.items())
        confirm(f"Replay up to {limit} deliveries with {told}?")
    body: dict[str, Any] = {**filters, "limit": limit}
    if delivery_ids:
        body["delivery_ids"] = delivery_ids
    with PortalClient.of_installation() as portal:
        answer = portal.post(f"{_PATH}/replay", body)
        if as_json:
            print_json(answer)
        else:
            print_fields(answer)
        if answer["replayed"] < len(set(delivery_ids or ())):
            for delivery_id in delivery_ids or ():
                portal.get(f"{_PATH}/{delivery_id}")  # Raises for what does not exist; the rest waits already.


def _filters(
    status: str | None, store: int | None, topic: str | None, since: str | None, until: str | None
) -> dict[str, object]:
    """The filters that were given, by the API's names."""
    given = {
        "status": status,
        "store_id": store,
        "topic": topic,
        "received_from": read_time(since),
        "received_to": read_time(until),
    }
    return {name: value for name, value in given.items() if value is not None}
