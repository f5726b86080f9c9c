"""`kiki openapi`: the portal's API document."""

from __future__ import annotations

import typer

from kiki.cli.output import print_json
from kiki.cli.portal_client import PortalClient, portal_url


def register(app: typer.Typer, panel: str) -> None:
    """Add the command."""
    app.command("openapi", rich_help_panel=panel)(_openapi)


def _openapi() -> None:
    """Print the OpenAPI document of the running portal, as JSON."""
    with PortalClient(portal_url(), "") as portal:
        print_json(portal.get("/openapi.json"))
