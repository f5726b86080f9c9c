"""`kiki orders`: what was bought, what caused it, and what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from kiki.cli.inputs import Limit, StoreId, read_time
from kiki.cli.output import AsJson, console, print_fields, print_json, print_rows
from kiki.cli.portal_client import PortalClient

_PATH = "/internal/orders"
_COLUMNS = ("order_id", "number", "placed_at", "status", "total", "verdict", "confidence", "campaign_id", "refunded")
_LISTS: Mapping[str, tuple[str, ...]] = {
    "lines": ("product_id", "variant_id", "title", "quantity", "net_total"),
    "refunds": ("refund_id", "amount", "refunded_at", "booked"),
    "attributions": ("revision", "decided_at", "cause", "model", "verdict", "confidence", "campaign_id"),
    "calls": ("agent", "method", "status", "reason"),
}
"""What an order has several of, with the columns that are shown."""


class Verdict(StrEnum):
    """How an order was decided."""

    NONE = "none"
    TOUCHED = "touched"
    INCREMENTAL = "incremental"


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="List and show a shop's orders, with what was decided about them.")
    group.command("list")(_list)
    group.command("show")(_show)
    app.add_typer(group, name="orders", rich_help_panel=panel)


def _list(
    store_id: StoreId,
    verdict: Annotated[Verdict | None, typer.Option("--verdict", help="Only those that were decided so.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Placed from then on: ISO 8601 (UTC if it names no zone), or 24h, 7d.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Placed before then: ISO 8601, or an age.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List a shop's orders, newest first."""
    filters = {"verdict": verdict, "placed_from": read_time(since), "placed_to": read_time(until)}
    with PortalClient.of_installation() as portal:
        orders = list(portal.rows(f"{_PATH}/{store_id}", "orders", limit, **filters))
    if as_json:
        print_json(orders)
    else:
        print_rows(orders, _COLUMNS, empty="No order matches.")


def _show(
    store_id: StoreId,
    order_id: Annotated[str, typer.Argument(metavar="ORDER", help="The order's id, as the shop has it.")],
    as_json: AsJson = False,
) -> None:
    """Show an order: its lines and refunds, every decision about it, and the calls to the agents.

    `kiki attribution explain` shows the contacts that a decision rested on.
    """
    with PortalClient.of_installation() as portal:
        order = portal.get(f"{_PATH}/{store_id}/{quote(order_id, safe='')}")
    if as_json:
        print_json(order)
        return
    print_fields(_plain(order))
    for name in ("review", "exchange"):
        if order[name]:
            print_fields(order[name], f"\n{name}")
    for name, columns in _LISTS.items():
        if order[name]:
            console().print(f"\n{name}", style="bold")
            print_rows(order[name], columns, empty="none")


def _plain(order: Mapping[str, Any]) -> dict[str, Any]:
    apart = {*_LISTS, "review", "exchange"}
    return {name: value for name, value in order.items() if name not in apart}
