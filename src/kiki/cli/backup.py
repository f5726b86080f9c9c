"""`kiki backup` and `kiki restore`: all data of an installation in a folder, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kiki.cli.output import AsJson, console, error_console, print_fields, print_json

if TYPE_CHECKING:
    from kiki.runtime.backup.manifest import Manifest
    from kiki.runtime.backup.saving import Progress

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the backup.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the commands."""
    app.command("backup", rich_help_panel=panel)(_backup)
    app.command("restore", rich_help_panel=panel)(_restore)


def _backup(
    folder: Folder,
    secrets: Annotated[
        Path | None,
        typer.Option("--secrets", help="Also write the keys that the backup is sealed under to this file, mode 0600."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Back up all data while everything runs: one moment, whole or not at all.

    DIR must not exist. What is sealed stays sealed in it: without KIKI_SEALING_KEYS a backup is worth nothing, so keep
    them as well, elsewhere (`--secrets FILE`).
    """
    from kiki.runtime.backup.saving import save
    from kiki.runtime.backup.secrets_file import write_secrets
    from kiki.runtime.installation import database, read_installation

    installation = read_installation()

    async def work(progress: Progress) -> Manifest:
        async with database(installation) as dsn:
            return await save(dsn, installation.keyring, folder.absolute(), progress)

    if secrets is not None:
        write_secrets(secrets, installation.settings)
    with _shown("backing up", quiet=as_json) as progress:
        manifest = asyncio.run(work(progress))
    fields = _fields(folder, manifest)
    if as_json:
        print_json(fields)
        return
    print_fields(fields)
    keys = ", ".join(str(version) for version in manifest.keys)
    kept = f"they are in {secrets}" if secrets else "keep them elsewhere: `kiki backup DIR --secrets FILE`"
    console().print(f"It opens with KIKI_SEALING_KEYS of version {keys} alone; {kept}.", markup=False)


def _restore(
    folder: Folder,
    secrets: Annotated[
        Path | None, typer.Option("--secrets", help="The file of the keys that the backup was sealed under.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only look whether the backup is whole and opens; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fill an empty database from a backup, and prove that it is what was saved.

    The database is that of the settings: a new data folder (KIKI_DATA_DIR), or an empty DATABASE_URL. Nothing is ever
    overwritten. Rows are counted, the audit chains and the ledger computed anew; messages that were due are not sent.
    """
    from kiki.runtime.backup import restoring
    from kiki.runtime.backup.secrets_file import adopt_secrets
    from kiki.runtime.data_folder import prepare_folder
    from kiki.runtime.installation import database, known_keyring, prepare_installation, read_settings

    home = read_settings().folder
    if secrets is not None and not check:
        prepare_folder(home)
    if secrets is not None:
        adopt_secrets(secrets, home, keep=not check)
    manifest = restoring.check(folder.absolute(), known_keyring())
    if check:
        _tell(_fields(folder, manifest), "The backup is whole and opens.", as_json=as_json)
        return

    async def work(progress: Progress) -> restoring.Restored:
        async with database(prepare_installation()) as dsn:
            return await restoring.restore(dsn, manifest, folder.absolute(), progress, say)

    def say(step: str) -> None:
        if not as_json:
            error_console().print(step, markup=False)

    with _shown("restoring", quiet=as_json) as progress:
        done = asyncio.run(work(progress))
    fields = _fields(folder, manifest) | {
        "audit_chains_proven": done.proven.audit_chains,
        "audit_links_proven": done.proven.audit_links,
        "ledger_entries_proven": done.proven.ledger_entries,
        "messages_cancelled": done.aftermath.messages_cancelled,
    }
    _tell(fields, "Restored and proven. What to do next: docs/operations.md, After a restore.", as_json=as_json)


def _tell(fields: dict[str, object], word: str, *, as_json: bool) -> None:
    if as_json:
        print_json(fields)
        return
    print_fields(fields)
    console().print(word, markup=False)


def _fields(folder: Path, manifest: Manifest) -> dict[str, object]:
    return {
        "folder": str(folder),
        "made_at": manifest.made_at,
        "version": manifest.version,
        "tables": len(manifest.tables),
        "rows": manifest.rows,
        "bytes": manifest.bytes,
        "sealing_key_versions": list(manifest.keys),
    }


@contextmanager
def _shown(what: str, *, quiet: bool) -> Iterator[Progress]:
    """A bar on standard error while it is a terminal."""
    if quiet or not error_console().is_terminal:
        yield lambda *_: None
        return
    from rich.progress import Progress as Bar

    with Bar(console=error_console(), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def progress(done: int, total: int, table: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{what} {table}")

        yield progress
