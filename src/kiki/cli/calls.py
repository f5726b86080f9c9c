"""`kiki calls`: calls that an agent refused for good, and once more."""

from __future__ import annotations

from typing import Annotated

import typer

from kiki.cli.inputs import Limit, StoreId, confirm
from kiki.cli.output import AsJson, print_fields, print_json, print_rows
from kiki.cli.portal_client import PortalClient
from kiki.kit.errors import NotFound
from kiki.runtime.settings import AGENTS

_PATH = "/internal/dead-calls"
_COLUMNS = ("call_id", "store_id", "agent", "method", "subject", "died_at", "attempts", "reason")
Store = Annotated[int | None, typer.Option("--store", min=1, help="Only of this store.")]
Agent = Annotated[str | None, typer.Option("--agent", help=f"Only to this agent: {', '.join(AGENTS)}.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="List, show and replay the agent calls that were refused for good.")
    group.command("list")(_list)
    group.command("show")(_show)
    group.command("replay")(_replay)
    app.add_typer(group, name="calls", rich_help_panel=panel)


def _list(store: Store = None, agent: Agent = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List dead calls, newest first."""
    if agent is not None and agent not in AGENTS:
        raise typer.BadParameter(f"--agent is one of {', '.join(AGENTS)}, got {agent!r}")
    with PortalClient.of_installation() as portal:
        calls = list(portal.rows(_PATH, "calls", limit, store_id=store, agent=agent))
    if as_json:
        print_json(calls)
    else:
        print_rows(calls, _COLUMNS, empty="No call is dead.")


def _show(
    call_id: Annotated[int, typer.Argument(metavar="CALL", min=1, help="The call's id.")], as_json: AsJson = False
) -> None:
    """Show a dead call: what it was about, and why it was refused. Never what it carried."""
    with PortalClient.of_installation() as portal:
        call = portal.get(f"{_PATH}/{call_id}")
    if as_json:
        print_json(call)
    else:
        print_fields(call)


def _replay(
    store_id: StoreId,
    call_ids: Annotated[
        list[int] | None, typer.Argument(metavar="CALL", help="Ids; without any, all dead calls of the store.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a replay of all; --json does not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Queue a store's dead calls again, once their cause is mended. What took effect after all is not done twice.

    Exit code 3 when a named one is not dead; the others are queued then.
    """
    if not call_ids and not yes and not as_json:
        confirm(f"Replay every dead call of store {store_id}?")
    with PortalClient.of_installation() as portal:
        answer = portal.post(f"{_PATH}/{store_id}/replay", {"call_ids": call_ids} if call_ids else {})
    if as_json:
        print_json(answer)
    else:
        print_fields(answer)
    named = len(set(call_ids or ()))
    if answer["replayed"] < named:
        missing, others = named - answer["replayed"], "; the others are queued" if answer["replayed"] else ""
        raise NotFound(f"{missing} of {named} named calls are not dead{others}", reason="UNKNOWN_CALL")
