"""`kiki audit`: who did what, whether the log stands as it was written, and a copy that proves it elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from kiki.cli import exits
from kiki.cli.inputs import Limit, read_rows, read_time
from kiki.cli.output import AsJson, console, error_console, print_json, print_rows, writing
from kiki.cli.portal_client import PortalClient
from kiki.kit.errors import InvalidInput

_PATH = "/internal/audit"
_KINDS = ("data_access", "webhook", "key", "subject_request", "decryption")
_COLUMNS = ("audit_id", "occurred_at", "kind", "actor", "action", "resource", "purpose", "count")
_VERDICT = ("store_id", "verdict", "links", "first_bad", "head_hash")
_PAGE = 500
LINKS_AT_ONCE = 20_000
"""Links that one request has checked: a fraction of a second of SyncShield's time."""
INSTALLATION = 0

Store = Annotated[
    int, typer.Argument(metavar="STORE", min=0, help="The store's id; 0 for what concerns the whole installation.")
]
Kind = Annotated[str | None, typer.Option("--kind", help=f"Only those: {', '.join(_KINDS)}.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Only what this actor did, e.g. user:7 or cli.")]
Resource = Annotated[
    str | None, typer.Option("--resource", help="Only about this: a kind such as campaign, or campaign:spring.")
]
Since = Annotated[str | None, typer.Option("--since", help="Happened from then on: ISO 8601, or an age such as 24h.")]
Until = Annotated[str | None, typer.Option("--until", help="Happened before then: ISO 8601, or an age.")]
Cursor = Annotated[str | None, typer.Option("--cursor", help="Go on where an earlier list ended.")]
Oldest = Annotated[bool, typer.Option("--oldest-first", help="In the order of the chain.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="List, copy and verify the audit log: who did what, and when.")
    group.command("list")(_list)
    group.command("export")(_export)
    group.command("verify")(_verify)
    app.add_typer(group, name="audit", rich_help_panel=panel)


def _list(
    store_id: Store,
    kind: Kind = None,
    actor: Actor = None,
    resource: Resource = None,
    since: Since = None,
    until: Until = None,
    oldest_first: Oldest = False,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List who did what in a store, newest first. The last line says how to see more."""
    if kind is not None and kind not in _KINDS:
        raise typer.BadParameter(f"--kind is one of {', '.join(_KINDS)}, got {kind!r}")
    resource_type, _, resource_id = (resource or "").partition(":")
    query = {
        "kind": kind,
        "actor": actor,
        "resource_type": resource_type or None,
        "resource_id": resource_id or None,
        "occurred_from": read_time(since),
        "occurred_to": read_time(until),
        "oldest_first": oldest_first or None,
    }
    events: list[dict[str, Any]] = []
    with PortalClient.of_installation() as portal:
        while True:
            left = limit - len(events)
            page = portal.get(f"{_PATH}/{store_id}", cursor=cursor, limit=min(left, _PAGE), **query)
            events += page["events"]
            cursor = page["next_cursor"]
            if not cursor or len(events) >= limit:
                break
    if as_json:
        print_json({"events": events, "next_cursor": cursor})
        return
    print_rows([_row(event) for event in events], _COLUMNS, empty="Nothing in the audit log matches.")
    if cursor:
        error_console().print(f"More: --cursor {cursor}", markup=False)


def _export(
    store_id: Store,
    output: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines: an audit event each, oldest first.")],
    as_json: AsJson = False,
) -> None:
    """Copy a store's whole audit log to a file that anybody can verify, with or without this installation.

    `kiki audit verify --file FILE` computes every hash of it anew; docs/audit.md says how to do that without kiki.
    """
    written, cursor, last = 0, "", ""
    with (
        PortalClient.of_installation() as portal,
        _progress(as_json) as note,
        writing(output),
        output.open("w", encoding="utf-8") as file,
    ):
        while True:
            page = portal.get(f"{_PATH}/{store_id}", cursor=cursor or None, limit=_PAGE, oldest_first=True)
            for event in page["events"]:
                file.write(json.dumps({"store_id": store_id, **event}, ensure_ascii=False) + "\n")
                last = event["hash"]
            written += len(page["events"])
            note(written)
            cursor = page["next_cursor"]
            if not cursor:
                break
    told = {"store_id": store_id, "file": str(output), "length": written, "head_hash": last or "0" * 64}
    if as_json:
        print_json(told)
    else:
        console().print(f"{written} audit events of store {store_id} in {output}", markup=False, soft_wrap=True)


def _verify(
    store_ids: Annotated[
        list[int] | None, typer.Argument(metavar="[STORE…]", min=0, help="Stores; without any, all of them and 0.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Verify a file of `kiki audit export` instead; asks no portal.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="What an earlier `verify --json` printed, kept somewhere else.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute the audit log's hashes anew. Exit code 1 when something is wrong; the first bad entry is named.

    A log is whole by itself even where its end was cut off or all of it was written anew. That is what `--against` is
    for: keep what `verify --json` prints where nobody who can write to the database can reach it.
    """
    kept = _kept(against) if against else {}
    if file:
        from kiki.runtime.studies.audit_trail import verify_file

        if store_ids:
            raise typer.BadParameter("--file says itself which store it is of; name none")
        found = verify_file(file, kept)
    else:
        with PortalClient.of_installation() as portal, _progress(as_json) as note:
            wanted = store_ids or _all_stores(portal, kept)
            found = [_verified(portal, store_id, kept.get(store_id), note) for store_id in wanted]
    if as_json:
        print_json(found)
    else:
        print_rows([_verdict(each) for each in found], _VERDICT, empty="There is nothing to verify.")
    if not all(each["ok"] for each in found):
        raise typer.Exit(exits.FAILED)


def _all_stores(portal: PortalClient, kept: dict[int, tuple[int, str]]) -> Sequence[int]:
    listed = portal.rows("/internal/stores", "stores", 2**31)
    return sorted({INSTALLATION, *kept, *(row["store_id"] for row in listed)})


def _verified(portal: PortalClient, store_id: int, kept: tuple[int, str] | None, note: Any) -> dict[str, Any]:
    """One store's chain, range after range up to the end that it had at the beginning; then against what was kept."""
    path = f"{_PATH}/{store_id}/verification"
    found = portal.get(path, to_index=LINKS_AT_ONCE - 1)
    checked, length, head_hash = found["checked"], found["length"], found["head_hash"]
    while found["ok"] and checked < length:
        note(checked, length)
        last = min(checked + LINKS_AT_ONCE, length) - 1
        found = portal.get(path, from_index=checked, to_index=last, previous_hash=found["last_hash"])
        checked += found["checked"]
    if found["ok"] and kept and kept[0]:
        found = portal.get(path, from_index=kept[0], to_index=kept[0], previous_hash=kept[1])
    told = {name: found[name] for name in ("ok", "reason", "first_bad_index")}
    return {"store_id": store_id, **told, "checked": checked, "length": length, "head_hash": head_hash}


def _kept(path: Path) -> dict[int, tuple[int, str]]:
    """Length and hash of each store's chain as an earlier check printed them."""
    try:
        return {
            int(row["store_id"]): (int(row["length"]), bytes.fromhex(row["head_hash"]).hex()) for row in read_rows(path)
        }
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"{path} is not what `kiki audit verify --json` prints ({type(error).__name__})", reason="BAD_CHECKPOINT"
        ) from None


def _row(event: dict[str, Any]) -> dict[str, Any]:
    """An event as people read it. What a stranger wrote into a URL may hold anything."""
    about = event["topic"] if event["kind"] == "webhook" else f"{event['resource_type']}:{event['resource_id']}"
    actor = event["actor"] or (f"{event['platform']}{'' if event['verified'] else ', not verified'}")
    row = {**event, "actor": actor, "resource": about}
    return {name: _printable(row[name]) for name in _COLUMNS}


def _printable(value: Any) -> Any:
    return "".join(c if c.isprintable() else "\ufffd" for c in value) if isinstance(value, str) else value


def _verdict(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "store_id": found["store_id"],
        "verdict": "whole" if found["ok"] else found["reason"],
        "links": found["length"],
        "first_bad": found["first_bad_index"],
        "head_hash": found["head_hash"],
    }


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    """A function that shows how many of how many links are done."""
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("links"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=error_console(), disable=quiet, transient=True) as progress:
        task = progress.add_task("links", total=None)
        yield lambda done, total=None: progress.update(task, completed=done, total=total)
