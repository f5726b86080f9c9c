"""`kiki ledger`: whether a store's books add up."""

from __future__ import annotations

from typing import Any

import typer

from kiki.cli import exits
from kiki.cli.inputs import StoreId
from kiki.cli.output import AsJson, console, print_json, print_rows
from kiki.cli.portal_client import PortalClient

_PATH = "/internal/ledger"
_PROBLEMS = ("kind", "subject", "detail")
_BALANCES = ("account", "balance")
_MOST_PROBLEMS = 100
"""SyncLedger names no more."""


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Prove that a store's books add up.")
    group.command("verify")(_verify)
    app.add_typer(group, name="ledger", rich_help_panel=panel)


def _verify(store_id: StoreId, as_json: AsJson = False) -> None:
    """Compute a store's books anew from their postings. Exit code 1 when something differs; what differs is named.

    Every entry has to balance; kept balances, orders, refunds and closed months have to be what the postings say, and
    frozen statements what was frozen. Nothing is changed. docs/statement.md says what each kind of difference means.
    """
    with PortalClient.of_installation() as portal:
        found = portal.get(f"{_PATH}/{store_id}/verification")
    if as_json:
        print_json(found)
    else:
        _print(found)
    if not found["ok"]:
        raise typer.Exit(exits.FAILED)


def _print(found: dict[str, Any]) -> None:
    checked = f"{found['entries']} entries with {found['postings']} postings were checked"
    problems = found["problems"]
    if found["ok"]:
        verdict = "the books add up"
    else:
        least = "at least " if len(problems) >= _MOST_PROBLEMS else ""
        verdict = f"the books do NOT add up, differences: {least}{len(problems)}"
    console().print(f"Store {found['store_id']}: {verdict}; {checked}.\n", markup=False, soft_wrap=True)
    if problems:
        print_rows(problems, _PROBLEMS, empty="")
        console().print()
    print_rows(found["balances"], _BALANCES, empty="Nothing is booked.")
