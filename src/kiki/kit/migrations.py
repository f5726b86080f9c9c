"""Alembic, one history per owner: each owner has a schema, a metadata and a folder of migrations of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from kiki.kit.database import check_server
from kiki.kit.errors import FailedPrecondition, NotFound

__all__ = ["Operations", "Owner", "differences", "downgrade", "pending", "revisions", "upgrade"]

_ADVISORY_LOCK = 0x6B696B69
_LOCKED = ("55P03", "40P01")
"""A lock was not free in time; a deadlock."""
_LOCK_PAUSES_SECONDS = (1, 1, 2, 2, 3, 3, 5, 5, 5, 5, 10, 10)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns a schema: its name (= the schema's), its tables, and the folder that holds `versions/`."""

    schema: str
    metadata: MetaData
    migrations: Path


async def upgrade(dsn: str, owners: Sequence[Owner], report: Callable[[str], None] = lambda _: None) -> None:
    """Bring every owner to its newest revision, one transaction each, under one advisory lock.

    What waits for a table makes everybody else wait behind it, so a lock that is not free soon is given up, and tried
    again a little later, for a minute or two. Raises `FailedPrecondition` where the tables are newer than the code, as
    `downgrade` and `pending` do.
    """
    async with _alone(dsn) as connection:
        for owner in owners:
            await _patiently(connection, partial(_run, owner=owner, target="head", up=True))
            report(owner.schema)


async def downgrade(dsn: str, owner: Owner, revision: str) -> None:
    """Take one owner down to a revision (`base` for none).

    Raises `NotFound` for a revision that its history does not have, `FailedPrecondition` for one not reached yet.
    """

    def work(connection: Connection) -> None:
        _run(connection, owner, _below(_script(owner), owner, _current(connection, owner), revision), up=False)

    async with _alone(dsn) as connection:
        await _patiently(connection, work)


def revisions(owner: Owner) -> list[str]:
    """Every revision of its history that this version knows, newest first."""
    return [step.revision for step in _script(owner).walk_revisions()]


async def pending(dsn: str, owners: Sequence[Owner]) -> dict[str, list[str]]:
    """Revisions not yet applied, by owner; owners that are up to date are absent."""

    def work(connection: Connection) -> dict[str, list[str]]:
        missing: dict[str, list[str]] = {}
        for owner in owners:
            current = _current(connection, owner)
            names = [step.revision for step in _script(owner).iterate_revisions("head", current or "base")]
            if names:
                missing[owner.schema] = list(reversed(names))
        return missing

    return await _run_sync(dsn, work)


async def differences(dsn: str, owner: Owner) -> list[Any]:
    """What Alembic would still change so that the database equals the tables in code; empty when they agree."""

    def work(connection: Connection) -> list[Any]:
        partitions = _partitions(connection, owner.schema)

        def include(thing: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
            if kind == "table":
                return name != "alembic_version" and name not in partitions
            return getattr(getattr(thing, "table", None), "name", None) not in partitions

        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _parents: kind != "schema" or name == owner.schema,
                "include_object": include,
                "version_table_schema": owner.schema,
                "compare_type": True,
                "compare_server_default": False,
                "target_metadata": owner.metadata,
            },
        )
        return list(compare_metadata(context, owner.metadata))

    return await _run_sync(dsn, work)


def _run(connection: Connection, owner: Owner, target: str, *, up: bool) -> None:
    script = _script(owner)
    _current(connection, owner)

    def steps(revision: Any, _context: Any) -> Any:
        if up:
            return script._upgrade_revs(target, revision)  # noqa: SLF001  Alembic's own commands do the same.
        return script._downgrade_revs(target, revision)  # noqa: SLF001

    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{owner.schema}"'))
    connection.execute(text("SET LOCAL lock_timeout = '2s'"))
    config = Config()
    config.set_main_option("script_location", str(owner.migrations))
    with EnvironmentContext(config, script, fn=steps, as_sql=False) as environment:
        environment.configure(
            connection=connection,
            target_metadata=owner.metadata,
            version_table_schema=owner.schema,
            include_schemas=True,
        )
        environment.run_migrations()
    connection.commit()


def _script(owner: Owner) -> ScriptDirectory:
    return ScriptDirectory(str(owner.migrations), version_locations=[str(owner.migrations / "versions")])


def _current(connection: Connection, owner: Owner) -> str | None:
    """The revision that the owner's tables are at; `FailedPrecondition` for one that a newer version brought."""
    if not _has_schema(connection, owner):
        return None
    options = {"version_table_schema": owner.schema}
    current = MigrationContext.configure(connection, opts=options).get_current_revision()
    if current is not None and current not in revisions(owner):
        raise FailedPrecondition(
            f"the tables of {owner.schema} are at the revision {current}, which this version does not know: run the"
            " version that brought it, or take them back with that one (`kiki migrate downgrade`)",
            reason="NEWER_TABLES",
        )
    return current


def _below(script: ScriptDirectory, owner: Owner, current: str | None, target: str) -> str:
    """The revision that a way down ends at; what Alembic would refuse to go to is refused with what there is."""
    if target == "base":
        return target
    reached = [] if current is None else [step.revision for step in script.iterate_revisions(current, "base")]
    try:
        found = script.get_revision(target)
    except CommandError:
        found = None
    if found is None:
        there = ", ".join([*reached[1:4], "base"])
        raise NotFound(
            f"{owner.schema} has no revision {target}; it is at {current or 'base'}, and back lie {there}",
            reason="UNKNOWN_REVISION",
        )
    if found.revision not in reached:
        raise FailedPrecondition(
            f"{owner.schema} is at {current or 'base'}, which lies before {found.revision}", reason="NOT_REACHED"
        )
    return found.revision


def _has_schema(connection: Connection, owner: Owner) -> bool:
    query = text("SELECT to_regclass(:name) IS NOT NULL")
    return bool(connection.execute(query, {"name": f'"{owner.schema}".alembic_version'}).scalar())


def _partitions(connection: Connection, schema: str) -> set[str]:
    query = text(
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
        " JOIN pg_namespace n ON n.oid = child.relnamespace WHERE n.nspname = :schema"
    )
    return {row[0] for row in connection.execute(query, {"schema": schema})}


@asynccontextmanager
async def _alone(dsn: str) -> AsyncIterator[AsyncConnection]:
    """A connection for the only one who migrates."""
    engine = _engine(dsn)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
            await connection.commit()
            yield connection
    finally:
        await asyncio.shield(engine.dispose())  # The lock goes with the connection.


async def _patiently(connection: AsyncConnection, work: Callable[[Connection], None]) -> None:
    for pause in _LOCK_PAUSES_SECONDS:
        try:
            await connection.run_sync(work)
        except DBAPIError as error:
            await connection.rollback()
            if getattr(error.orig, "sqlstate", None) not in _LOCKED:
                raise
            await asyncio.sleep(pause)
        else:
            return
    await connection.run_sync(work)


async def _run_sync(dsn: str, work: Callable[[Connection], _T]) -> _T:
    engine = _engine(dsn)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await asyncio.shield(engine.dispose())


def _engine(dsn: str) -> AsyncEngine:
    """asyncpg reads the address, as everywhere else: SQLAlchemy would not know libpq's words, such as `sslmode`."""

    async def connect() -> Any:
        connection = await asyncpg.connect(dsn)
        check_server(connection)
        return connection

    return create_async_engine("postgresql+asyncpg://", async_creator=connect)
