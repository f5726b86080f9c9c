"""`kiki serve NAME…`: components in one process, as containers run them."""

from __future__ import annotations

from typing import Annotated

import typer

from kiki.runtime.composition import COMPONENTS


def register(app: typer.Typer, panel: str) -> None:
    """Add the command."""
    app.command("serve", rich_help_panel=panel)(_serve)


def _serve(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help=f"One or more of {', '.join(COMPONENTS)}.")],
) -> None:
    """Serve components in this process until a signal.

    The database is DATABASE_URL, or that of a `kiki up` on this machine; its tables must be up to date (`kiki migrate
    upgrade`). A component that dies ends the process after a bounded drain.
    """
    from kiki.runtime.serving import serve

    serve(names)
