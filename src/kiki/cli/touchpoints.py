"""`kiki touchpoints`: customers' contacts with campaigns, from a file."""

from __future__ import annotations

from typing import Any

import typer
from rich.progress import track

from kiki.cli.inputs import File, StoreId, read_rows
from kiki.cli.output import AsJson, console, error_console, print_json
from kiki.cli.portal_client import PortalClient

_CHUNK = 500


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Bring in customers' contacts with campaigns.")
    group.command("import")(_import)
    app.add_typer(group, name="touchpoints", rich_help_panel=panel)
    group.callback()(_group)


def _group() -> None:
    """Bring in customers' contacts with campaigns."""


def _import(store_id: StoreId, file: File, as_json: AsJson = False) -> None:
    """Import touchpoints; one whose touchpoint_id is known already is not counted twice.

    Fields: touchpoint_id, at, kind (click, view, visit), one of customer_id, email, email_sha256, phone,
    first_party_id, and one of campaign_id, utm_campaign, utm_id, or a click id such as gclid or fbclid. Personal fields
    are kept as blind indexes only.
    """
    points = [_touchpoint(row) for row in read_rows(file)]
    chunks = [points[at : at + _CHUNK] for at in range(0, len(points), _CHUNK)]
    accepted = 0
    with PortalClient.of_installation() as portal:
        for chunk in track(chunks, "Importing", console=error_console(), disable=as_json or len(chunks) < 2):
            accepted += int(portal.post(f"/internal/touchpoints/{store_id}", {"touchpoints": chunk})["accepted"])
    if as_json:
        print_json({"accepted": accepted})
    else:
        console().print(f"{accepted} touchpoints are accepted")


def _touchpoint(row: dict[str, Any]) -> dict[str, Any]:
    from kiki.platforms.visits import CLICK_IDS

    point = dict(row)
    click_ids = {name: str(point.pop(name)) for name in sorted(CLICK_IDS & point.keys())}
    return {**point, "click_ids": {**point.get("click_ids", {}), **click_ids}}
