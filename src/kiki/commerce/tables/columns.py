"""What the tables are made of: their common metadata, and the columns in one line each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, DateTime, MetaData, text
from sqlalchemy.types import TypeEngine

metadata = MetaData(schema="commerce")
EVER = "'1970-01-01 00:00:00+00'"
"""The default of a time from before anything that is kept."""


def column(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]], default: str | None = None) -> Column[Any]:
    """A column that always has a value."""
    return Column(name, kind, nullable=False, server_default=None if default is None else text(default))


def optional(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]]) -> Column[Any]:
    """A column that may be empty."""
    return Column(name, kind, nullable=True)


def moment(name: str) -> Column[Any]:
    """A time that is always known."""
    return column(name, DateTime(timezone=True))


def optional_moment(name: str) -> Column[Any]:
    """A time that may be empty."""
    return optional(name, DateTime(timezone=True))
