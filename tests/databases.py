"""Databases for tests: migrated once per set of owners, lent to one test after another, emptied in between.

Making a database costs a test more than what most tests do in it. A lent one is as good as new: nobody is connected,
its name is new, every table holds what the migrations put there, every sequence starts again. Where anything else was
changed, by a migration or a trigger, it is thrown away instead.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from kiki.kit.migrations import Owner, upgrade

_T = TypeVar("_T")

_NEWEST = "SELECT max(oid)::int8 FROM pg_class"
_TABLES = (
    "SELECT oid::int8, oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND oid >= 16384 ORDER BY oid"
)
_SEND_AWAY = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'
"""
_EMPTY = """
SET session_replication_role = replica;
DO $$
DECLARE
    names text;
BEGIN
    SELECT string_agg(oid::regclass::text, ', ') INTO names FROM pg_class
    WHERE relkind IN ('r', 'p') AND oid > {newest};
    IF names IS NOT NULL THEN
        EXECUTE 'DROP TABLE ' || names || ' CASCADE';
    END IF;
    SELECT string_agg(oid::regclass::text, ', ') INTO names FROM pg_class
    WHERE relkind = 'r' AND oid >= 16384 AND oid <> ALL ('{{{seeds}}}'::oid[]) AND pg_relation_size(oid) > 0;
    IF names IS NOT NULL THEN
        EXECUTE 'TRUNCATE ' || names || ' CASCADE';
    END IF;
    PERFORM setval(seqrelid::regclass, seqstart, false) FROM pg_sequence
    WHERE pg_sequence_last_value(seqrelid::regclass) IS NOT NULL;
END
$$
"""
_CLASS = ("oid", "relname", "relnamespace", "relkind", "relowner", "relacl", "reloptions", "relpersistence")
_CATALOGS = {
    "pg_attribute": "attrelid",
    "pg_attrdef": "oid",
    "pg_constraint": "oid",
    "pg_index": "indrelid",
    "pg_inherits": "inhrelid",
    "pg_namespace": "oid",
    "pg_policy": "oid",
    "pg_proc": "oid",
    "pg_rewrite": "oid",
    "pg_trigger": "oid",
    "pg_type": "oid",
}


@dataclass
class _Kind:
    """A set of owners: the database that holds their tables, what it looks like, and its copies that wait."""

    template: str
    empty: str
    state: str
    expected: str
    waiting: list[str] = field(default_factory=list)


class Databases:
    """The databases of one session on one server, where the session may create and drop them."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._kinds: dict[tuple[tuple[str, str], ...], _Kind] = {}

    @contextmanager
    def empty(self) -> Iterator[str]:
        """A fresh database without tables, dropped afterwards."""
        name = self._create()
        try:
            yield self._dsn(name)
        finally:
            self._drop(name)

    @contextmanager
    def lend(self, owners: Sequence[Owner]) -> Iterator[str]:
        """A database with the tables of these owners and nothing else, as the migrations leave it."""
        key = tuple((owner.schema, str(owner.migrations)) for owner in owners)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = self._migrated(owners)
        name = kind.waiting.pop() if kind.waiting else self._create(kind.template)
        try:
            yield self._dsn(name)
        finally:
            self._take_back(kind, name)

    def close(self) -> None:
        """Drop all of them."""
        for kind in self._kinds.values():
            for name in (*kind.waiting, kind.template):
                self._drop(name)
        self._kinds.clear()

    def _migrated(self, owners: Sequence[Owner]) -> _Kind:
        template = self._create()
        _run(upgrade(self._dsn(template), owners))
        return _run(_look_at(self._dsn(template), template))

    def _take_back(self, kind: _Kind, name: str) -> None:
        other = _new_name()
        if _run(self._renamed(name, other)):
            if _run(_emptied(self._dsn(other), kind)):
                kind.waiting.append(other)
            else:
                self._drop(other)
        else:
            self._drop(name)

    async def _renamed(self, name: str, other: str) -> bool:
        """Whoever is still connected is sent away and finds the database no more."""
        connection = await asyncpg.connect(self._server)
        try:
            await connection.execute(_SEND_AWAY, name)
            await connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{other}"')
        except asyncpg.PostgresError:
            return False
        finally:
            await connection.close()
        return True

    def _create(self, template: str = "template1") -> str:
        name = _new_name()
        _run(_execute(self._server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'))
        return name

    def _drop(self, name: str) -> None:
        _run(_execute(self._server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    def _dsn(self, name: str) -> str:
        return urlunsplit(urlsplit(self._server)._replace(path=f"/{name}"))


def tables_of(*owners: Owner) -> Any:
    """A fixture: the DSN of a database with the tables of these owners and nothing else."""

    @pytest.fixture
    def dsn(databases: Databases) -> Iterator[str]:
        with databases.lend(owners) as lent:
            yield lent

    return dsn


async def _look_at(dsn: str, name: str) -> _Kind:
    connection = await asyncpg.connect(dsn)
    try:
        newest = await connection.fetchval(_NEWEST)
        tables = await connection.fetch(_TABLES)
        filled = [row for row in tables if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {row['name']})")]
        state = _state([row["name"] for row in filled])
        return _Kind(
            template=name,
            empty=_EMPTY.format(newest=newest, seeds=",".join(str(row["oid"]) for row in filled)),
            state=state,
            expected=await connection.fetchval(state),
        )
    finally:
        await connection.close()


async def _emptied(dsn: str, kind: _Kind) -> bool:
    """Whether the database is again what its template is."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(kind.empty)
        return bool(await connection.fetchval(kind.state) == kind.expected)
    except asyncpg.PostgresError:
        return False
    finally:
        await connection.close()


def _state(filled: Sequence[str]) -> str:
    """A query for one text: what the catalogs say about everything but PostgreSQL's own, and the migrations' rows.

    Emptying writes to `pg_class` alone. A row of any other catalog that was changed since has a newer transaction than
    all rows that came with the template, and one that was removed is missed in the count.
    """
    classes = f"sum(hashtextextended(concat_ws('|', {', '.join(_CLASS)}), 0))"
    parts = [f"(SELECT count(*) || ':' || coalesce({classes}, 0) FROM pg_class WHERE oid >= 16384)"]
    parts += [
        f"(SELECT count(*) || ':' || coalesce(max(xmin::text::int8), 0) FROM {catalog} WHERE {number} >= 16384)"
        for catalog, number in _CATALOGS.items()
    ]
    parts += [f"(SELECT md5(string_agg(row::text, '|' ORDER BY row::text)) FROM {name} AS row)" for name in filled]
    return f"SELECT concat_ws(' ', {', '.join(parts)})"


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run on a loop of our own: `asyncio.run` would take the current loop away from the test."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def _new_name() -> str:
    return f"kiki_test_{uuid.uuid4().hex[:20]}"
