"""Several reads in one round trip.

A round trip costs more than a read of some rows: the server's process and ours are woken for each. Reads that need
nothing of each other travel as one statement, each as an array of its rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar, overload

from kiki.kit.database import Connection

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
_FEW_KEYS = 250
"""What a round trip costs, in keys: the values of a row within an array are read one by one, each by its own type."""
_PARAMETER = re.compile(r"\$(\d+)")


class Read(Generic[T]):
    """A query with its arguments, and what its rows become.

    Rows are taken by position: alone they are records, together with others plain tuples. Columns of the type jsonb
    have to travel as text.
    """

    __slots__ = ("args", "make", "sql")

    def __init__(self, sql: str, args: Sequence[Any], make: Callable[[Sequence[Sequence[Any]]], T]) -> None:
        self.sql = sql
        self.args = args
        self.make = make

    async def fetch(self, connection: Connection) -> T:
        """Read it alone."""
        return self.make(await connection.fetch(self.sql, *self.args))


@overload
async def fetch_together(connection: Connection, a: Read[A], b: Read[B], /) -> tuple[A, B]: ...
@overload
async def fetch_together(connection: Connection, a: Read[A], b: Read[B], c: Read[C], /) -> tuple[A, B, C]: ...
@overload
async def fetch_together(
    connection: Connection, a: Read[A], b: Read[B], c: Read[C], d: Read[D], /
) -> tuple[A, B, C, D]: ...
@overload
async def fetch_together(
    connection: Connection, a: Read[A], b: Read[B], c: Read[C], d: Read[D], e: Read[E], /
) -> tuple[A, B, C, D, E]: ...
async def fetch_together(connection: Connection, /, *reads: Read[Any]) -> tuple[Any, ...]:
    """Read all of them, row locks in the order of the reads: few rows by one statement, many one after another.

    Each read's first argument is the list of what it looks for.
    """
    if sum([len(read.args[0]) for read in reads]) > _FEW_KEYS:
        return tuple([await read.fetch(connection) for read in reads])
    sql = _statement(tuple([read.sql for read in reads]))
    row = await connection.fetchrow(sql, *[argument for read in reads for argument in read.args])
    assert row is not None
    return tuple([read.make(rows) for read, rows in zip(reads, row, strict=True)])


@lru_cache(maxsize=64)
def _statement(queries: tuple[str, ...]) -> str:
    parts, used = [], 0
    for query in queries:
        numbers = [int(number) for number in _PARAMETER.findall(query)]
        moved = _PARAMETER.sub(lambda found, by=used: f"${int(found[1]) + by}", query)  # type: ignore[misc]
        parts.append(f"ARRAY(SELECT q FROM ({moved}) AS q)")
        used += max(numbers, default=0)
    return f"SELECT {', '.join(parts)}"
