"""Reads give the same alone, together in one statement, and one after another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from kiki.kit import reads
from kiki.kit.database import Database
from kiki.kit.reads import Read, fetch_together

AT = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def by_key(keys: Sequence[int], since: int) -> Read[dict[int, tuple[Any, ...]]]:
    sql = "SELECT t.* FROM unnest($1::bigint[]) AS w(k) JOIN things t USING (k) WHERE t.k >= $2 ORDER BY k DESC"
    return Read(sql, [list(keys), since], lambda rows: {row[0]: tuple(row) for row in rows})


def locked(keys: Sequence[int]) -> Read[list[int]]:
    sql = "SELECT t.k FROM unnest($1::bigint[]) AS w(k) JOIN things t USING (k) ORDER BY t.k FOR UPDATE OF t"
    return Read(sql, [list(keys)], lambda rows: [row[0] for row in rows])


@pytest.fixture
async def database(database_dsn: str) -> Any:
    async with Database.open(database_dsn, application_name="test") as database:
        async with database.connection() as connection:
            await connection.execute(
                "CREATE TABLE things (k bigint PRIMARY KEY, name text, amount numeric, at timestamptz, sealed bytea,"
                " open boolean, kind smallint)"
            )
            await connection.executemany(
                "INSERT INTO things VALUES ($1, $2, $3, $4, $5, $6, $7)",
                [(n, f"näme {n}", Decimal("1.50") * n, AT, bytes([n]), n % 2 == 0, None) for n in range(1, 40)],
            )
        yield database


@pytest.mark.parametrize("few", [0, 1000])
async def test_together_is_as_alone(database: Database, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(reads, "_FEW_KEYS", few)
    async with database.connection() as connection:
        alone = await by_key([3, 1, 99], 0).fetch(connection)
        first, none, later, held = await fetch_together(
            connection, by_key([3, 1, 99], 0), by_key([], 0), by_key([5, 6, 7], 6), locked([2, 1])
        )
    assert (
        first == alone == {n: (n, f"näme {n}", Decimal("1.50") * n, AT, bytes([n]), n % 2 == 0, None) for n in (3, 1)}
    )
    assert list(first) == [3, 1]
    assert none == {}
    assert list(later) == [7, 6]
    assert held == [1, 2]


async def test_rows_are_locked_by_the_statement_that_carries_the_read(database: Database) -> None:
    async with database.transaction() as connection:
        await fetch_together(connection, by_key([1], 0), locked([1, 2]))
        async with database.connection() as other:
            free = await other.fetch("SELECT k FROM things WHERE k < 4 ORDER BY k FOR UPDATE SKIP LOCKED")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await other.execute("SELECT 1 FROM things WHERE k = 2 FOR UPDATE NOWAIT")
    assert [row[0] for row in free] == [3]
