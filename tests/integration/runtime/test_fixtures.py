"""The fixtures that every other test stands on."""

from __future__ import annotations

import asyncpg


async def test_a_test_gets_an_empty_database_of_its_own(database_dsn: str) -> None:
    connection = await asyncpg.connect(database_dsn)
    try:
        tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    finally:
        await connection.close()
    assert tables == 0
