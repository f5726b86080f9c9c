"""The fixtures that every other test stands on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import asyncpg
import pytest

from databases import Databases
from kiki.council.syncledger.tables import OWNER

Run = Callable[[Coroutine[Any, Any, Any]], Any]
LEFT = """
SELECT (SELECT count(*) FROM syncledger.books), (SELECT count(*) FROM pg_tables WHERE schemaname = 'public'),
    nextval('syncledger.entry_blocks'), (SELECT string_agg(code, ' ' ORDER BY code) FROM syncledger.accounts)
"""


@pytest.fixture
def run() -> Iterator[Run]:
    """A loop of our own: lending waits for the server, which a running loop does not allow."""
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()


async def test_a_test_gets_an_empty_database_of_its_own(database_dsn: str) -> None:
    connection = await asyncpg.connect(database_dsn)
    try:
        tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    finally:
        await connection.close()
    assert tables == 0


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO syncledger.books (store_id) VALUES (7)",
        "SELECT nextval('syncledger.entry_blocks')",
        "CREATE TABLE extra (n int); INSERT INTO extra VALUES (1)",
        "ALTER TABLE syncledger.accounts DISABLE TRIGGER USER; DELETE FROM syncledger.accounts WHERE account = 4",
        "DROP SEQUENCE syncledger.entry_blocks; CREATE SEQUENCE syncledger.entry_blocks START 3",
        "DROP SCHEMA syncledger CASCADE",
    ],
)
def test_a_lent_database_is_as_good_as_new(databases: Databases, run: Run, change: str) -> None:
    async def look(dsn: str, statement: str | None = None) -> list[Any]:
        connection = await asyncpg.connect(dsn)
        try:
            seen = list(await connection.fetchrow(LEFT))
            if statement:
                await connection.execute(statement)
        finally:
            await connection.close()
        return seen

    with databases.lend([OWNER]) as first:
        new = run(look(first, change))
    assert new == [0, 0, 1, "accrued_fees attributed_sales billed_fees fee_income incremental_revenue"]
    with databases.lend([OWNER]) as second:
        assert run(look(second)) == new
    assert first != second


def test_who_is_left_in_a_lent_database_meets_nobody_elses_rows(databases: Databases, run: Run) -> None:
    with databases.lend([OWNER]) as dsn:
        left = run(asyncpg.connect(dsn))
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        run(left.execute("INSERT INTO syncledger.books (store_id) VALUES (7)"))
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        run(asyncpg.connect(dsn))


def test_databases_of_one_kind_are_lent_side_by_side(databases: Databases) -> None:
    with databases.lend([OWNER]) as one, databases.lend([OWNER]) as other:
        assert one != other
