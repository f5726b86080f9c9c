"""`kiki months`: how far the closing of months is, closing one before its grace is over, and taking that back."""

from __future__ import annotations

import re
import time
from typing import Annotated, Any

import typer

from kiki.cli.inputs import Limit, StoreId, confirm
from kiki.cli.output import AsJson, console, error_console, print_fields, print_json, print_rows
from kiki.cli.portal_client import PortalClient
from kiki.kit.clock import monotonic
from kiki.kit.errors import FailedPrecondition, InvalidInput, Unavailable

_PATH = "/internal/months"
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_COLUMNS = ("store_id", "month", "state", "closes_at", "reason")
_STATES = ("open", "held", "asked", "closed")
_POLL_SECONDS = 0.5
Month = Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="See how far the closing of months is, and close one now.")
    group.command("list")(_list)
    group.command("show")(_show)
    group.command("close")(_close)
    group.command("withdraw")(_withdraw)
    app.add_typer(group, name="months", rich_help_panel=panel)


def read_month(text: str) -> str:
    """A month as it is written; `InvalidInput` for anything else."""
    if not _MONTH.fullmatch(text):
        raise InvalidInput(f"a month is written 2026-03, got {text!r}", reason="BAD_MONTH")
    return text


def describe(closing: dict[str, Any]) -> tuple[str, str]:
    """The month's state in a word, and what follows from it; times are UTC."""
    at, reason = closing["closes_at"] or "", closing["reason"]
    match closing["state"]:
        case "closed":
            return "closed", f"Closed at {at}."
        case "asked":
            return "closing", f"SyncLedger is asked to close it{f'; so far it refused: {reason}' if reason else ''}."
        case "held":
            return "held", f"It was to be closed at {at} and is held: {reason}. It is tried again."
    return "open", f"It is closed after {at}." if at else ""


def _list(
    store: Annotated[int | None, typer.Option("--store", min=1, help="Only of this store.")] = None,
    state: Annotated[str | None, typer.Option("--state", help=f"Only those: {', '.join(_STATES)}.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the next month of each shop and the closed ones, newest first."""
    if state is not None and state not in _STATES:
        raise typer.BadParameter(f"--state is one of {', '.join(_STATES)}, got {state!r}")
    with PortalClient.of_installation() as portal:
        months = list(portal.rows(_PATH, "months", limit, store_id=store, state=state))
    if as_json:
        print_json(months)
    else:
        print_rows(months, _COLUMNS, empty="No month is followed: shops have no contract yet.")


def _show(store_id: StoreId, month: Month, as_json: AsJson = False) -> None:
    """Show how far the closing of a month is, what holds it, and who asked for it by hand."""
    with PortalClient.of_installation() as portal:
        _print(portal.get(_place(store_id, month)), as_json=as_json)


def _close(
    store_id: StoreId,
    month: Month,
    why: Annotated[str, typer.Option("--reason", help="Why now; goes to the audit log.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Follow it until the month is closed or refused.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait at most, with --wait.")] = 600.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before; --json does not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close a month now, without waiting for its grace to end. What comes later is a correction in the next month.

    Refused (exit code 4) while the month is not over, an earlier one is open, or a reading or baseline that its fee
    rests on is missing. A month is closed once, however often it is asked for.
    """
    path = _place(store_id, month)
    if not yes and not as_json:
        confirm(f"Close {month} of store {store_id} for good?")
    with PortalClient.of_installation() as portal:
        answer = portal.post(f"{path}/close", {"why": why})
        if wait:
            answer = _wait(portal, path, answer, timeout)
    _print(answer, as_json=as_json)


def _withdraw(
    store_id: StoreId,
    month: Month,
    why: Annotated[str, typer.Option("--reason", help="Why it is taken back; goes to the audit log.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take back that a month is to be closed by hand, while it waits: it is left to its grace again.

    Refused (exit code 4) once SyncLedger is asked to close it; with exit code 3 where nobody asked.
    """
    with PortalClient.of_installation() as portal:
        answer = portal.send("DELETE", f"{_place(store_id, month)}/close", query={"why": why}).json()
    _print(answer, as_json=as_json)


def _wait(portal: PortalClient, path: str, answer: dict[str, Any], timeout: float) -> dict[str, Any]:
    """The month once it is closed. Raises `FailedPrecondition` when the worker refuses, `Unavailable` at the end."""
    until = monotonic() + timeout
    with error_console().status(_progress(answer)) as status:
        while answer["state"] != "closed":
            asked = answer["by_hand"] or {}
            if asked.get("settled_at") and asked["reason"]:
                raise FailedPrecondition(f"{answer['month']} cannot be closed now", reason=asked["reason"])
            if monotonic() >= until:
                raise Unavailable(
                    f"{answer['month']} is not closed after {timeout:g} s ({_progress(answer)}); it stays asked for",
                    reason="NOT_CLOSED_IN_TIME",
                )
            time.sleep(_POLL_SECONDS)
            answer = portal.get(path)
            status.update(_progress(answer))
    return answer


def _progress(answer: dict[str, Any]) -> str:
    reason = (answer["by_hand"] or {}).get("reason", "")
    if answer["state"] == "asked":
        return f"SyncLedger closes {answer['month']}{f', so far: {reason}' if reason else ''}"
    if reason == "WORK_WAITING":
        return "waiting for deliveries and calls from before"
    return f"waiting for the worker{f': {reason}' if reason else ''}"


def _print(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    state, follows = describe(answer)
    console().print(f"Store {answer['store_id']}, {answer['month']}: {state}. {follows}".rstrip(), markup=False)
    if answer["by_hand"]:
        print_fields(answer["by_hand"], "\nasked for by hand")


def _place(store_id: int, month: str) -> str:
    return f"{_PATH}/{store_id}/{read_month(month)}"
