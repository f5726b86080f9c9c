"""A backup of a database in use: one snapshot for everything, whole or not there at all."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from kiki.kit.database import CONNECTING, connecting_failure
from kiki.kit.errors import Conflict, FailedPrecondition, InvalidInput
from kiki.kit.sealing import Keyring
from kiki.runtime.backup.manifest import DUMP, FORMAT, MANIFEST, AuditHead, Manifest, fingerprints, measure
from kiki.runtime.backup.tools import run_tool
from kiki.runtime.owners import OWNER_NAMES

if TYPE_CHECKING:
    from kiki.kit.database import Connection
else:
    Connection = Any

Progress = Callable[[int, int, str], None]
"""Tables done, tables in all, and the one under way."""

_NO_LIMITS = {"statement_timeout": "0", "lock_timeout": "60000", "idle_in_transaction_session_timeout": "0"}
_LEAVES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1::text[]) AND c.relkind = 'r' ORDER BY 1
"""
_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1::text[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""
_SCHEMAS = "SELECT nspname::text FROM pg_namespace WHERE nspname = ANY($1::text[]) ORDER BY 1"


async def save(dsn: str, keyring: Keyring, folder: Path, progress: Progress = lambda *_: None) -> Manifest:
    """Write a backup to a folder that does not exist yet. Nothing is left of one that fails or is interrupted.

    Raises `Conflict` (`BACKUP_EXISTS`), `InvalidInput` (`BAD_OUTPUT`) where nothing can be written, and
    `FailedPrecondition` for a database without our tables (`NOTHING_TO_BACK_UP`) or a dump that fails.
    """
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        _begin(folder, fresh)
        found = await _save(dsn, keyring, fresh, progress)
        _end(folder, fresh, found)
    except OSError as error:
        raise InvalidInput(f"{folder} cannot be written: {error.strerror or error}", reason="BAD_OUTPUT") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return found


def _begin(folder: Path, fresh: Path) -> None:
    if folder.exists():
        raise Conflict(f"{folder} exists already; a backup goes into a folder of its own", reason="BACKUP_EXISTS")
    fresh.mkdir(mode=0o700, parents=True)


def _end(folder: Path, fresh: Path, found: Manifest) -> None:
    _write(fresh / MANIFEST, msgspec.json.format(msgspec.json.encode(found), indent=2))
    _flush(fresh)
    fresh.rename(folder)
    _flush(folder.parent)


async def _save(dsn: str, keyring: Keyring, folder: Path, progress: Progress) -> Manifest:
    dump = folder / DUMP
    async with session(dsn) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        schemas = [row[0] for row in await connection.fetch(_SCHEMAS, OWNER_NAMES)]
        if not schemas:
            raise FailedPrecondition("the database holds no tables of ours", reason="NOTHING_TO_BACK_UP")
        leaves = await _locked(connection, schemas)
        snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
        told = 0

        def report(table: str) -> None:
            nonlocal told
            told += 1
            progress(min(told, len(leaves)), len(leaves), table)

        _write(dump, b"")
        arguments = ["--format=custom", "--compress=gzip:1", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        arguments += [*(f"--schema={schema}" for schema in schemas), f"--file={dump}"]
        await run_tool("pg_dump", dsn, arguments, report)
        tables = await count_rows(connection, schemas)
        size, digest = await asyncio.to_thread(measure, dump)
        return Manifest(
            format=FORMAT,
            made_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            version=version("kiki-syncportal"),
            server=await connection.fetchval("SHOW server_version"),
            revisions=await read_revisions(connection, schemas),
            tables=tables,
            parts=len(leaves),
            audit_heads=await read_audit_heads(connection, schemas),
            keys=fingerprints(keyring),
            bytes=size,
            sha256=digest,
        )


async def _locked(connection: Connection, schemas: list[str]) -> list[str]:
    """Every table, so that none is dropped or changed between the snapshot and its copy."""
    leaves = [row[0] for row in await connection.fetch(_LEAVES, schemas)]
    await connection.execute(f"LOCK TABLE {', '.join(leaves)} IN ACCESS SHARE MODE")
    return leaves


@asynccontextmanager
async def session(dsn: str) -> AsyncIterator[Connection]:
    """A connection for work that takes as long as it takes."""
    try:
        connection = await asyncpg.connect(dsn, timeout=10, server_settings=_NO_LIMITS)
    except CONNECTING as error:
        raise connecting_failure(error) from error
    try:
        yield connection
    except asyncpg.PostgresError as error:
        raise FailedPrecondition(f"the database refused: {type(error).__name__}", reason="DATABASE_REFUSED") from error
    finally:
        with suppress(OSError, TimeoutError, asyncpg.InterfaceError):
            await connection.close(timeout=5)


async def count_rows(connection: Connection, schemas: list[str]) -> dict[str, int]:
    """Rows of every table of these schemas."""
    tables = [row[0] for row in await connection.fetch(_TABLES, schemas)]
    return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}


async def read_revisions(connection: Connection, schemas: list[str]) -> dict[str, str]:
    """Where each owner's migrations stand."""
    return {
        schema: await connection.fetchval(f'SELECT version_num FROM "{schema}".alembic_version') for schema in schemas
    }


async def read_audit_heads(connection: Connection, schemas: list[str]) -> dict[int, AuditHead]:
    """Where each store's audit chain ends."""
    if "syncshield" not in schemas:
        return {}
    rows = await connection.fetch("SELECT store_id, length, hash FROM syncshield.audit_heads ORDER BY store_id")
    return {row[0]: AuditHead(row[1], row[2].hex()) for row in rows}


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    """What was written is on the disk, names included."""
    for path in [*folder.glob(DUMP), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
