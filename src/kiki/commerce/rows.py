"""Set-based reading and writing: one statement per table and batch, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import itemgetter, ne
from typing import Any, TypeVar

from sqlalchemy import Table, types
from sqlalchemy.dialects.postgresql import JSONB

from kiki.kit.bulk import Append, Rows
from kiki.kit.database import Connection, Record
from kiki.kit.reads import Read

T = TypeVar("T")

_PARAMETER = {"jsonb": "text"}
"""Types that travel as another one and are cast in the statement."""


_NAMES: tuple[tuple[type[types.TypeEngine[Any]], str], ...] = (
    (types.BigInteger, "bigint"),
    (types.SmallInteger, "smallint"),
    (types.Integer, "integer"),
    (types.Text, "text"),
    (types.Boolean, "boolean"),
    (types.DateTime, "timestamptz"),
    (types.Date, "date"),
    (types.LargeBinary, "bytea"),
    (types.Numeric, "numeric"),
    (JSONB, "jsonb"),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """A table as the batch sees it: columns with their PostgreSQL types, the key columns first."""

    table: str
    key: tuple[tuple[str, str], ...]
    rest: tuple[tuple[str, str], ...]
    insert_sql: str = field(init=False, repr=False)
    upsert_sql: str = field(init=False, repr=False)
    ignore_sql: str = field(init=False, repr=False)
    lock_sql: str = field(init=False, repr=False)
    find_sql: str = field(init=False, repr=False)
    delete_sql: str = field(init=False, repr=False)
    _append: Append = field(init=False, repr=False, compare=False)
    _append_missing: Append = field(init=False, repr=False, compare=False)
    _changes: dict[tuple[int, ...], str] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        columns = (*self.key, *self.rest)
        names = ", ".join(name for name, _ in columns)
        keys = ", ".join(name for name, _ in self.key)
        chosen = ", ".join(f"{name}::{kind}" if kind in _PARAMETER else name for name, kind in columns)
        insert = f"INSERT INTO {self.table} ({names}) SELECT {chosen} FROM {_unnest(columns)} AS new({names})"
        changes = ", ".join(f"{name} = excluded.{name}" for name, _ in self.rest)
        wanted = f"{_unnest(self.key)} AS wanted({keys})"
        matched = " AND ".join(f"t.{name} = wanted.{name}" for name, _ in self.key)
        chosen = ", ".join(f"t.{name}" for name, _ in columns)
        order = ", ".join(f"t.{name}" for name, _ in self.key)
        find = f"SELECT {chosen} FROM {wanted} JOIN {self.table} t ON {matched} ORDER BY {order}"
        for name, sql in (
            ("insert_sql", insert),
            ("ignore_sql", f"{insert} ON CONFLICT DO NOTHING"),
            ("upsert_sql", f"{insert} ON CONFLICT ({keys}) DO UPDATE SET {changes}"),
            ("find_sql", find),
            ("lock_sql", f"{find} FOR UPDATE OF t"),
            ("delete_sql", f"DELETE FROM {self.table} t USING {wanted} WHERE {matched}"),
        ):
            object.__setattr__(self, name, sql)
        schema, _, table = self.table.partition(".")
        object.__setattr__(self, "_append", Append(schema, table, dict(columns)))
        object.__setattr__(self, "_append_missing", Append(schema, table, dict(columns), missing_only=True))

    def new(self, rows: Sequence[Sequence[Any]]) -> tuple[Append, Rows]:
        """Rows whose keys must be new, in the order of their keys; appended together with those of other tables."""
        return self._append, sorted(rows, key=_key_of)

    def missing(self, rows: Sequence[Sequence[Any]]) -> tuple[Append, Rows]:
        """`new` for rows whose keys may be there already: then they stay as they are."""
        return self._append_missing, sorted(rows, key=_key_of)

    async def upsert(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert or replace rows; each key at most once."""
        if rows:
            await connection.execute(self.upsert_sql, *_columns(rows))

    async def change(
        self, connection: Connection, rows: Sequence[Sequence[Any]], before: Mapping[tuple[Any, ...], Sequence[Any]]
    ) -> None:
        """Bring stored rows up to date: `before` are the rows as read and locked, by key.

        Only columns that differ in some row are written, and only rows that differ at all. Not for tables with JSON.
        """
        keys = len(self.key)
        positions = range(keys + len(self.rest))
        changed, columns = [], set[int]()
        for row in rows:
            if differing := list(compress(positions, map(ne, row, before[tuple(row[:keys])]))):
                changed.append(row)
                columns.update(differing)
        if changed:
            written = (*range(keys), *sorted(columns))
            pick = itemgetter(*written)
            await connection.execute(self._change_sql(written), *_columns([pick(row) for row in changed]))

    def _change_sql(self, written: tuple[int, ...]) -> str:
        sql = self._changes.get(written)
        if sql is None:
            every = (*self.key, *self.rest)
            columns = [every[n] for n in written]
            names = ", ".join(name for name, _ in columns)
            changes = ", ".join(f"{name} = new.{name}" for name, _ in columns[len(self.key) :])
            matched = " AND ".join(f"t.{name} = new.{name}" for name, _ in self.key)
            sql = f"UPDATE {self.table} t SET {changes} FROM {_unnest(columns)} AS new({names}) WHERE {matched}"
            self._changes[written] = sql
        return sql

    async def insert_missing(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows whose keys are not there yet; the others stay as they are."""
        if rows:
            await connection.execute(self.ignore_sql, *_columns(rows))

    async def lock(self, connection: Connection, keys: Sequence[tuple[Any, ...]]) -> list[Record]:
        """The rows with these keys, locked for update in the order of the keys."""
        return await connection.fetch(self.lock_sql, *_columns(sorted(keys))) if keys else []

    def locked(self, keys: Collection[tuple[Any, ...]], make: Callable[[Sequence[Sequence[Any]]], T]) -> Read[T]:
        """`lock` as a read that may travel with others. Not for tables with JSON."""
        return Read(self.lock_sql, self._keys(sorted(keys)), make)

    def found(self, keys: Collection[tuple[Any, ...]], make: Callable[[Sequence[Sequence[Any]]], T]) -> Read[T]:
        """`find` as a read that may travel with others. Not for tables with JSON."""
        return Read(self.find_sql, self._keys(keys), make)

    def _keys(self, keys: Collection[tuple[Any, ...]]) -> list[list[Any]]:
        return columns_of(keys, len(self.key))

    async def find(self, connection: Connection, keys: Sequence[tuple[Any, ...]]) -> list[Record]:
        """The rows with these keys."""
        return await connection.fetch(self.find_sql, *_columns(keys)) if keys else []

    async def delete(self, connection: Connection, keys: Sequence[tuple[Any, ...]]) -> None:
        """Remove the rows with these keys."""
        if keys:
            await connection.execute(self.delete_sql, *_columns(sorted(keys)))


def shape_of(table: Table) -> Shape:
    """The shape of a declared table, all columns in their order but those that the database fills itself.

    Primary key columns come first in every table here.
    """
    columns = [(column.name, _type_name(column.type)) for column in table.columns if column.identity is None]
    count = sum(1 for column in table.primary_key.columns if column.identity is None)
    return Shape(f"{table.schema}.{table.name}", tuple(columns[:count]), tuple(columns[count:]))


def _type_name(kind: types.TypeEngine[Any]) -> str:
    return next(name for known, name in _NAMES if isinstance(kind, known))


def columns_of(keys: Collection[Sequence[Any]], width: int) -> list[list[Any]]:
    """Keys as one array per column, also when there are none."""
    return [list(column) for column in zip(*keys, strict=True)] if keys else [[] for _ in range(width)]


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    ordered = rows if len(rows) < 2 else sorted(rows, key=_key_of)
    return [list(column) for column in zip(*ordered, strict=True)]


def _key_of(row: Sequence[Any]) -> tuple[Any, Any]:
    return row[0], row[1]


def _unnest(columns: Sequence[tuple[str, str]]) -> str:
    parameters = (f"${number}::{_PARAMETER.get(kind, kind)}[]" for number, (_, kind) in enumerate(columns, 1))
    return f"unnest({', '.join(parameters)})"
