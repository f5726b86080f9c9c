"""Rows are appended whichever way is cheaper, with the same outcome."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from kiki.kit.bulk import Append, append_rows
from kiki.kit.database import Database

LETTERS = Append("pg_temp", "letters", {"id": "bigint", "body": "text", "seal": "bytea"})
STAMPS = Append("pg_temp", "stamps", {"id": "bigint", "letter_id": "bigint"})


@pytest.fixture
async def connection(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    async with Database.open(database_dsn, application_name="test") as database, database.connection() as connection:
        await connection.execute("CREATE TEMPORARY TABLE letters (id bigint PRIMARY KEY, body text, seal bytea)")
        await connection.execute("CREATE TEMPORARY TABLE stamps (id bigint, letter_id bigint)")
        yield connection


@pytest.mark.parametrize("count", [1, 30, 3000], ids=["one", "few", "many"])
async def test_rows_of_several_tables_are_appended(connection: asyncpg.Connection, count: int) -> None:
    letters = [(number, f"body {number}", b"\0" if number % 2 else None) for number in range(count)]
    await append_rows(connection, [(LETTERS, letters), (STAMPS, [(number, number) for number in range(count)])])
    assert [tuple(row) for row in await connection.fetch("SELECT * FROM letters ORDER BY id")] == letters
    assert await connection.fetchval("SELECT count(*) FROM stamps JOIN letters ON letters.id = letter_id") == count


async def test_a_table_without_rows_is_left_alone(connection: asyncpg.Connection) -> None:
    await append_rows(connection, [(LETTERS, []), (STAMPS, [(1, 1)])])
    await append_rows(connection, [(LETTERS, []), (STAMPS, [])])
    assert await connection.fetchval("SELECT count(*) FROM stamps") == 1


@pytest.mark.parametrize("count", [1, 3000], ids=["few", "many"])
async def test_a_taken_key_refuses_all_rows(connection: asyncpg.Connection, count: int) -> None:
    await append_rows(connection, [(LETTERS, [(0, "first", None)])])
    letters = [(number, "second", None) for number in range(count)]
    transaction = connection.transaction()
    await transaction.start()
    with pytest.raises(asyncpg.UniqueViolationError):
        await append_rows(connection, [(STAMPS, [(1, 1)]), (LETTERS, letters)])
    await transaction.rollback()
    assert await connection.fetchval("SELECT count(*) FROM letters") == 1
    assert await connection.fetchval("SELECT count(*) FROM stamps") == 0
