"""`kiki doctor`: what works on this machine and what does not, with the way out."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from kiki.cli import exits
from kiki.cli.output import AsJson, console, error_console, print_json


def register(app: typer.Typer, panel: str) -> None:
    """Add the command."""
    app.command("doctor", rich_help_panel=panel)(_doctor)


def _doctor(
    trust_clock: Annotated[
        bool,
        typer.Option(
            "--trust-clock", help="First say that the clock is right: what waits since it made a jump goes on."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check settings, secrets, database, tables, jobs, agents and portal. Exit code 1 when something is wrong."""
    from kiki.runtime.checks import examine, release_jobs
    from kiki.runtime.installation import read_installation, running_database

    if trust_clock:
        released = asyncio.run(release_jobs(running_database(read_installation())))
        error_console().print(f"released: {', '.join(released) or 'nothing was held back'}", markup=False)
    findings = examine()
    if as_json:
        print_json([{"check": item.check, "state": item.state, "detail": item.detail} for item in findings])
    else:
        styles = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
        width = max(len(item.check) for item in findings)
        for item in findings:
            console().print(f"[{styles[item.state]}]{item.state:8}[/] {item.check:{width}} ", end="")
            console().print(item.detail, markup=False, soft_wrap=True)
    if any(item.state == "failed" for item in findings):
        raise typer.Exit(exits.FAILED)
