"""Lists and tuples travel as arrays; their elements are asked nothing."""

from __future__ import annotations

from abc import ABCMeta
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from kiki.kit.database import Database


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    async with Database.open(database_dsn, application_name="test") as opened:
        yield opened


@pytest.mark.parametrize(
    ("kind", "values"),
    [("text", ["a", "b,c", "", None, "{d}"]), ("bytea", (b"a", b"\x00", b"")), ("bigint", [1, -2, None]), ("int", [])],
)
async def test_lists_and_tuples_arrive_as_they_are(
    database: Database, kind: str, values: list[object] | tuple[object, ...]
) -> None:
    async with database.connection() as connection:
        assert await connection.fetchval(f"SELECT $1::{kind}[]", values) == list(values)


async def test_a_list_of_lists_has_two_dimensions(database: Database) -> None:
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT $1::text[]", [["a", "b"], ["c", "d"]]) == [["a", "b"], ["c", "d"]]


async def test_another_collection_is_refused_and_not_guessed_at(database: Database) -> None:
    async with database.connection() as connection:
        with pytest.raises(asyncpg.DataError, match="a sized iterable container expected"):
            await connection.fetchval("SELECT $1::text[]", {"a", "b"})


@pytest.mark.parametrize("kind", ["text", "bytea"])
async def test_no_element_is_asked_what_it_is(database: Database, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    elements = [b"row-%d" % n if kind == "bytea" else f"row-{n}" for n in range(50)]
    asked: Counter[int] = Counter()
    ask = ABCMeta.__instancecheck__

    def count(cls: ABCMeta, instance: object) -> bool:
        asked[id(instance)] += 1
        return ask(cls, instance)

    async with database.connection() as connection:
        monkeypatch.setattr(ABCMeta, "__instancecheck__", count)
        await connection.execute(f"SELECT $1::{kind}[]", elements)
        monkeypatch.undo()
    assert [element for element in elements if asked[id(element)]] == []
