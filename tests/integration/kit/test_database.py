"""The pool outlives connections; failures have a kind."""

import asyncpg
import pytest

from kiki.kit.database import Database
from kiki.kit.errors import Unavailable


async def test_a_block_that_raises_rolls_back(database_dsn: str) -> None:
    async with Database.open(database_dsn, application_name="test") as database:
        async with database.connection() as connection:
            await connection.execute("CREATE TABLE t (n int)")
        with pytest.raises(ValueError, match="stop"):
            await _insert_and_stop(database)
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM t") == 0


async def test_a_killed_connection_is_unavailable_and_the_next_one_works(database_dsn: str) -> None:
    async with Database.open(database_dsn, application_name="test", max_size=2) as database:
        with pytest.raises(Unavailable):
            await _lose_the_connection(database)
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_json_goes_in_and_out_as_values(database_dsn: str) -> None:
    async with Database.open(database_dsn, application_name="test") as database, database.connection() as connection:
        assert await connection.fetchval("SELECT $1::jsonb", {"emoji": "🛒", "n": [1, None]}) == {
            "emoji": "🛒",
            "n": [1, None],
        }


async def test_a_relaxed_pool_waits_for_the_disk_where_it_is_told_to(database_dsn: str) -> None:
    async with Database.open(database_dsn, application_name="test", relaxed=True) as database:
        async with database.transaction() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "off"
        async with database.transaction(durable=True) as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "on"
        async with database.transaction() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "off"


async def _insert_and_stop(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO t VALUES (1)")
        raise ValueError("stop")


async def _lose_the_connection(database: Database) -> None:
    async with database.transaction() as connection:
        await _terminate(database.dsn, await connection.fetchval("SELECT pg_backend_pid()"))
        await connection.execute("SELECT 1")


async def _terminate(dsn: str, pid: int) -> None:
    other = await asyncpg.connect(dsn)
    await other.execute("SELECT pg_terminate_backend($1)", pid)
    await other.close()
