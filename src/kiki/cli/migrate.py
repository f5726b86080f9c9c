"""`kiki migrate`: the database's tables, owner by owner."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from kiki.cli import exits
from kiki.cli.inputs import confirm
from kiki.cli.output import AsJson, console, print_json, print_rows


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Bring the database's tables up to date, or back.")
    group.command("upgrade")(_upgrade)
    group.command("downgrade")(_downgrade)
    group.command("status")(_status)
    app.add_typer(group, name="migrate", rich_help_panel=panel)


def _upgrade(as_json: AsJson = False) -> None:
    """Bring every owner's tables to the newest revision. Safe to repeat; one run at a time holds a lock."""
    from kiki.runtime.installation import database, prepare_installation
    from kiki.runtime.schema import upgrade

    done: list[str] = []

    def report(schema: str) -> None:
        done.append(schema)
        if not as_json:
            console().print(f"{schema} is up to date")

    async def work() -> None:
        async with database(prepare_installation()) as dsn:
            await upgrade(dsn, report)

    asyncio.run(work())
    if as_json:
        print_json({"up_to_date": done})


def _downgrade(
    owner: Annotated[str, typer.Argument(help="The owner (= schema), e.g. `syncledger`.")],
    revision: Annotated[str, typer.Argument(help="The revision to go back to; `base` drops all tables of the owner.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take one owner's tables back to a revision. What newer columns and tables held is lost."""
    from kiki.runtime.installation import database, prepare_installation
    from kiki.runtime.schema import check_owner, downgrade

    check_owner(owner)
    if not yes:
        confirm(f"Take {owner} back to {revision}? Data of newer revisions is lost.")

    async def work() -> None:
        async with database(prepare_installation()) as dsn:
            await downgrade(dsn, owner, revision)

    asyncio.run(work())
    if as_json:
        print_json({"owner": owner, "revision": revision})
    else:
        console().print(f"{owner} is at {revision}")


def _status(as_json: AsJson = False) -> None:
    """List revisions that are not applied yet. Exit code 1 when there are any."""
    from kiki.runtime.installation import database, prepare_installation
    from kiki.runtime.owners import OWNER_NAMES
    from kiki.runtime.schema import pending

    async def work() -> dict[str, list[str]]:
        async with database(prepare_installation()) as dsn:
            return await pending(dsn)

    missing = asyncio.run(work())
    if as_json:
        print_json({"pending": missing})
    else:
        rows = [{"owner": name, "pending": missing.get(name, [])} for name in OWNER_NAMES]
        print_rows(rows, ("owner", "pending"), empty="no owners")
    if missing:
        raise typer.Exit(exits.FAILED)
