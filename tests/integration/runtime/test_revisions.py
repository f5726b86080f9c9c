"""A process refuses tables that it cannot work with; older data are brought forward by all later migrations."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

import kiki
from kiki.kit.errors import FailedPrecondition
from kiki.kit.migrations import differences, downgrade, revisions, upgrade
from kiki.runtime.owners import OWNER_NAMES, load_owner, load_owners, migrations_of
from kiki.runtime.revisions import check_tables, judge, known_revisions

FOLDERS = migrations_of(Path(kiki.__file__).parent)


@pytest.mark.parametrize("name", OWNER_NAMES)
def test_what_is_read_from_the_files_is_what_migrations_see(name: str) -> None:
    newest, known = known_revisions(FOLDERS[name])
    seen = revisions(load_owner(name))
    assert (newest, known) == (seen[0], frozenset(seen))


def test_tables_behind_and_newer_ones_are_told_apart() -> None:
    newest, _ = known_revisions(FOLDERS["inbox"])
    pair = {name: FOLDERS[name] for name in ("inbox", "calls")}
    fit = judge({"inbox": newest, "calls": "2099_01_01_wonder"}, pair)
    assert (dict(fit.behind), dict(fit.newer)) == ({}, {"calls": "2099_01_01_wonder"})
    fit = judge({"inbox": "2026_11_23_initial"}, pair)
    assert dict(fit.behind) == {"inbox": "2026_11_23_initial", "calls": "none"}


async def test_a_process_refuses_tables_that_are_behind(database_dsn: str, migrated_dsn: str) -> None:
    with pytest.raises(FailedPrecondition, match=r"inbox \(at none\).*kiki migrate upgrade") as refused:
        await check_tables(database_dsn)
    assert refused.value.reason == "TABLES_BEHIND"
    await check_tables(migrated_dsn)


async def test_a_process_works_on_tables_of_a_newer_version(migrated_dsn: str) -> None:
    connection = await asyncpg.connect(migrated_dsn)
    await connection.execute("UPDATE inbox.alembic_version SET version_num = '2099_01_01_wonder'")
    await connection.close()
    with capture_logs() as logs:
        await check_tables(migrated_dsn)
    assert [(line["event"], line["owners"]) for line in logs] == [("tables_newer", ["inbox"])]


_COLUMNS = """
SELECT a.attname::text, t.typname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef
  AND a.attidentity = '' ORDER BY a.attnum
"""
_TABLES = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'alembic_version' ORDER BY 1
"""
_ANY: dict[str, Any] = {
    "int2": 1,
    "int4": 1,
    "int8": 1,
    "float8": 0.5,
    "numeric": 1,
    "text": "1",
    "varchar": "1",
    "bpchar": "EUR",
    "bool": False,
    "bytea": b"1",
    "timestamptz": dt.datetime(2026, 11, 23, tzinfo=dt.UTC),
    "date": dt.date(2026, 11, 23),
    "jsonb": "{}",
    "json": "{}",
    "uuid": uuid.UUID(int=1),
    "_text": ["1"],
    "_int8": [1],
    "_float8": [0.5],
    "_date": [dt.date(2026, 11, 23)],
}
_WITH_RULES = {"closing.months", "experiments.registrations", "syncledger.accounts", "syncshield.data_keys"}
"""Tables whose rules a row of any values does not pass, or that hold rows from the beginning."""


async def _fill(connection: Any, table: str) -> bool:
    columns = await connection.fetch(_COLUMNS, table)
    names, values = ", ".join(f'"{row[0]}"' for row in columns), [_ANY[row[1]] for row in columns]
    places = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", *values)
    except asyncpg.IntegrityConstraintViolationError:
        return False
    return True


@pytest.mark.slow
async def test_data_of_the_first_version_come_through_all_later_migrations(migrated_dsn: str) -> None:
    connection = await asyncpg.connect(migrated_dsn)
    filled: set[str] = set()
    refused: set[str] = set()
    for owner in load_owners():
        await downgrade(migrated_dsn, owner, revisions(owner)[-1])
        for (table,) in await connection.fetch(_TABLES, owner.schema):
            (filled if await _fill(connection, table) else refused).add(table)
    assert refused <= _WITH_RULES, "fill these otherwise, or test their migrations with data of their own"
    await upgrade(migrated_dsn, load_owners())
    for table in filled:
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") >= 1, table
    for owner in load_owners():
        assert await differences(migrated_dsn, owner) == []
    await connection.close()
