"""Appending many rows to tables in one go, the cheaper way of two.

COPY costs half as much per value, for us and for the server, but a round trip more and a statement per table. So a few
values travel as arrays, those of several tables in one statement. The tables' order is not kept then: PostgreSQL runs
the parts of such a statement side by side, over the state before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from kiki.kit.database import Connection

Rows = Collection[Sequence[object]]
_SENT_AS = {"jsonb": "text"}
_FEW_VALUES = 600
"""What a round trip costs, in values."""


class Append:
    """A table to which rows are appended, whose keys cannot conflict or whose conflict is an error."""

    def __init__(self, schema: str, table: str, columns: Mapping[str, str], *, missing_only: bool = False) -> None:
        """`columns`: names and types, in the order of the rows' values; JSON travels as text.

        `missing_only`: rows whose keys are there already are passed over.
        """
        self.schema = schema
        self.table = table
        self.columns = dict(columns)
        self.names = tuple(columns)
        self.missing_only = missing_only
        self.may_copy = not missing_only and "jsonb" not in self.columns.values()


async def append_rows(connection: Connection, written: Sequence[tuple[Append, Rows]]) -> None:
    """Append rows to tables, in their order."""
    written = [(into, rows) for into, rows in written if rows]
    if not written:
        return
    values = sum([len(rows) * len(into.names) for into, rows in written])
    if values <= _FEW_VALUES * (2 * len(written) - 1):
        arrays = [list(column) for _, rows in written for column in zip(*rows, strict=True)]
        await connection.execute(_statement(tuple([into for into, _ in written])), *arrays)
        return
    for into, rows in written:
        if into.may_copy:
            await connection.copy_records_to_table(
                into.table, schema_name=into.schema, columns=into.names, records=rows
            )
        else:
            await connection.execute(_statement((into,)), *[list(column) for column in zip(*rows, strict=True)])


@lru_cache(maxsize=256)
def _statement(tables: tuple[Append, ...]) -> str:
    inserts: list[str] = []
    position = 1
    for into in tables:
        sent = [_SENT_AS.get(kind, kind) for kind in into.columns.values()]
        arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(sent, position))
        names = ", ".join(f'"{name}"' for name in into.names)
        cast = [f'"{name}"::{kind}' if kind in _SENT_AS else f'"{name}"' for name, kind in into.columns.items()]
        inserts.append(
            f'INSERT INTO "{into.schema}"."{into.table}" ({names})'
            f" SELECT {', '.join(cast)} FROM unnest({arrays}) AS new({names})"
            + (" ON CONFLICT DO NOTHING" if into.missing_only else "")
        )
        position += len(into.names)
    *first, last = inserts
    named = ", ".join([f"t{number} AS ({insert})" for number, insert in enumerate(first)])
    return f"WITH {named} {last}" if named else last
