"""An empty database filled from a backup, and the proof that what came back is what was saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kiki.kit.clock import SystemClock
from kiki.kit.database import Database
from kiki.kit.errors import Conflict, FailedPrecondition, InvariantBroken
from kiki.kit.migrations import revisions
from kiki.kit.sealing import Keyring
from kiki.runtime.backup.aftermath import Aftermath, settle
from kiki.runtime.backup.manifest import DUMP, Manifest, check_dump, check_keys, read_manifest
from kiki.runtime.backup.saving import Progress, count_rows, read_audit_heads, session
from kiki.runtime.backup.tools import run_tool
from kiki.runtime.owners import OWNER_NAMES, load_owner
from kiki.runtime.schema import upgrade

_VERIFY_PAGE = 1_000
_OLDEST_SERVER = 170_000
"""The bundled `pg_restore` sets `transaction_timeout`, which older servers do not know."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What was looked at in the restored database."""

    rows: int
    tables: int
    audit_chains: int
    audit_links: int
    ledger_entries: int


@dataclass(frozen=True, slots=True)
class Restored:
    """A database that is ready for `kiki up`."""

    manifest: Manifest
    proven: Proven
    aftermath: Aftermath


@dataclass(slots=True)
class _Problems:
    """What is not as it was."""

    found: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.found.append(text)

    def complain(self) -> None:
        if self.found:
            listed = "; ".join(self.found[:5]) + (f"; and {len(self.found) - 5} more" if len(self.found) > 5 else "")
            raise InvariantBroken(
                f"the restored database is not what was saved: {listed}; do not start on it", reason="RESTORE_DIFFERS"
            )


def check(folder: Path, keyring: Keyring | None) -> Manifest:
    """The manifest of a backup that is whole, fits this version, and opens under these keys."""
    manifest = read_manifest(folder)
    check_dump(folder, manifest)
    unknown = [
        f"{schema} at {revision}"
        for schema, revision in manifest.revisions.items()
        if schema not in OWNER_NAMES or revision not in revisions(load_owner(schema))
    ]
    if unknown:
        raise FailedPrecondition(
            f"the backup holds tables that this version does not know ({', '.join(unknown)}): restore it with kiki"
            f" {manifest.version} or newer",
            reason="NEWER_TABLES",
        )
    check_keys(manifest, keyring)
    return manifest


async def restore(
    dsn: str,
    manifest: Manifest,
    folder: Path,
    progress: Progress = lambda *_: None,
    step: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Fill an empty database: all of the backup or nothing. The caller has had the backup checked.

    Then its tables are brought to this version, everything is proven, and what must not continue is settled. Raises
    `Conflict` (`DATABASE_NOT_EMPTY`), and `InvariantBroken` (`RESTORE_DIFFERS`) where the proof fails.
    """
    await _check_empty(dsn)
    told = 0

    def report(table: str) -> None:
        nonlocal told
        told += 1
        progress(min(told, manifest.parts), manifest.parts, table)

    step("filling the database")
    arguments = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(folder / DUMP)]
    await run_tool("pg_restore", dsn, arguments, report)
    step("comparing rows and audit heads")
    await _compare(dsn, manifest)
    step("bringing the tables to this version")
    await upgrade(dsn)
    step("proving audit chains and ledger")
    proven = await _prove(dsn, manifest)
    async with session(dsn) as connection, connection.transaction():
        aftermath = await settle(connection)
    async with session(dsn) as connection:
        await connection.execute("ANALYZE")
    return Restored(manifest, proven, aftermath)


def check_server(number: int, name: str) -> None:
    """Raises `FailedPrecondition` (`OLD_DATABASE`) for a server that cannot be restored into."""
    if number < _OLDEST_SERVER:
        raise FailedPrecondition(
            f"a restore wants PostgreSQL {_OLDEST_SERVER // 10_000} or newer, this is {name}", reason="OLD_DATABASE"
        )


async def _check_empty(dsn: str) -> None:
    async with session(dsn) as connection:
        number, name = (
            await connection.fetchval("SHOW server_version_num"),
            await connection.fetchval("SHOW server_version"),
        )
        check_server(int(number), name)
        present = await connection.fetchval(
            "SELECT string_agg(nspname, ', ' ORDER BY nspname) FROM pg_namespace WHERE nspname = ANY($1::text[])",
            OWNER_NAMES,
        )
    if present:
        raise Conflict(
            f"the database holds {present} already, and a restore overwrites nothing: give an empty one (another"
            " KIKI_DATA_DIR or DATABASE_URL)",
            reason="DATABASE_NOT_EMPTY",
        )


async def _compare(dsn: str, manifest: Manifest) -> None:
    schemas = list(manifest.revisions)
    async with session(dsn) as connection:
        tables = await count_rows(connection, schemas)
        heads = await read_audit_heads(connection, schemas)
    problems = _Problems()
    for table in sorted({*tables, *manifest.tables}):
        was, now = manifest.tables.get(table), tables.get(table)
        if was != now:
            problems.add(f"{table} had {'no table' if was is None else f'{was} rows'} and has {now}")
    if heads != dict(manifest.audit_heads):
        problems.add("the audit chains end elsewhere")
    problems.complain()


async def _prove(dsn: str, manifest: Manifest) -> Proven:
    """Computes what can be computed anew from the data: the chains of the audit log, the books."""
    from kiki.council.syncledger.repository.proof import prove
    from kiki.council.syncshield.service.audit import AuditService

    problems, links = _Problems(), 0
    async with Database.open(dsn, application_name="kiki-restore", max_size=2, statement_timeout_ms=0) as database:
        audit = AuditService(database, SystemClock(), verify_page=_VERIFY_PAGE)
        for store_id in manifest.audit_heads:
            found = await audit.verify(store_id, from_index=0, to_index=None, previous_hash=None)
            links += found.checked
            if found.reason:
                problems.add(f"the audit chain of store {store_id}: {found.reason} at {found.first_bad_index}")
        async with database.connection() as connection, connection.transaction(isolation="repeatable_read"):
            proof = await prove(connection, 0)
        for problem in proof.problems:
            problems.add(f"the ledger: {problem}")
    problems.complain()
    return Proven(
        rows=manifest.rows,
        tables=len(manifest.tables),
        audit_chains=len(manifest.audit_heads),
        audit_links=links,
        ledger_entries=proof.entries,
    )
