"""`kiki bounces`: addresses that mail servers refused for good, and writing to them again."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from kiki.cli.inputs import Limit, StoreId
from kiki.cli.output import AsJson, print_answer, print_json, print_rows
from kiki.cli.portal_client import PortalClient
from kiki.kit.errors import NotFound

_PATH = "/internal/bounces"
_COLUMNS = ("customer_key", "refused_at", "reason", "refusals", "suppressed")


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="List the mail addresses that were refused for good, and lift it.")
    group.command("list")(_list)
    group.command("lift")(_lift)
    app.add_typer(group, name="bounces", rich_help_panel=panel)


def _list(store_id: StoreId, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List whose address was refused, newest first; where `suppressed`, no marketing goes there. Never the address."""
    with PortalClient.of_installation() as portal:
        bounces = list(portal.rows(f"{_PATH}/{store_id}", "bounces", limit))
    if as_json:
        print_json(bounces)
    else:
        print_rows(bounces, _COLUMNS, empty="No address was refused.")


def _lift(
    store_id: StoreId,
    customer_key: Annotated[str, typer.Argument(metavar="CUSTOMER", help="`customer_key` of the list.")],
    as_json: AsJson = False,
) -> None:
    """Write to a person's address again. A mail that the server takes lifts it by itself.

    Exit code 3 when the address was not refused.
    """
    with PortalClient.of_installation() as portal:
        answer = portal.post(f"{_PATH}/{store_id}/{quote(customer_key, safe='')}/lift", {})
    print_answer(answer, as_json=as_json)
    if not answer["lifted"]:
        raise NotFound("the address of this person was not refused", reason="NOT_BOUNCED")
