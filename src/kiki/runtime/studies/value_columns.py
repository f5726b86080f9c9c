"""Columns of a file as they were written, equal cells once: what they mean is decided when all of them are known."""

from __future__ import annotations

import datetime as dt
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kiki.council.syncvalue.models.histories import Floats, Integers
from kiki.kit.textfile import BadFile
from kiki.kit.written import MOST, DateStyle, NumberStyle, Order, Unclear, date_style, number_style


@dataclass(slots=True)
class Column:
    """The cells of one column by number; `texts` and `lines` have the text of a number and where it stood first."""

    name: str
    codes: array[int] = field(default_factory=lambda: array("q"))
    texts: list[str] = field(default_factory=list)
    lines: array[int] = field(default_factory=lambda: array("q"))
    _known: dict[str, int] = field(default_factory=dict)

    def add(self, text: str, line: int) -> None:
        """One more cell."""
        code = self._known.get(text)
        if code is None:
            code = self._known[text] = len(self.texts)
            self.texts.append(text.strip())
            self.lines.append(line)
        self.codes.append(code)


@dataclass(slots=True)
class Problems:
    """What cannot be used: an error at once, or rows that are left out, and how many."""

    leave_out: bool = False
    rows: int = 0
    first: str | None = None

    def told(self, message: str) -> None:
        """Raises `BadFile`, or keeps the first message."""
        if not self.leave_out:
            raise BadFile(message)
        self.first = self.first or message

    def row(self, message: str) -> None:
        """The same of a row that never came to be: it is counted here."""
        self.told(message)
        self.rows += 1


def numbers(column: Column, problems: Problems) -> Floats:
    """A number per row; not a number where the row is to be left out. Raises `BadFile` with the line."""
    try:
        style = number_style(column.texts)
    except Unclear as error:
        raise BadFile(f"line {_line_of(column, error)}: {column.name}: {error}") from None
    return _read(column, lambda text: _number(text, style), "must be a finite number", problems)


def days(column: Column, problems: Problems, order: Order | None = None, *, in_utc: bool = True) -> Integers:
    """A day per row as `date.toordinal`, 0 where the row is to be left out.

    A time with a zone counts on its day in UTC, or on that of its own clock.
    """
    try:
        style = DateStyle(order) if order else date_style(column.texts)
    except Unclear as error:
        raise BadFile(f"line {_line_of(column, error)}: {column.name}: {error}; --date-order says which") from None
    found = _read(
        column, lambda text: _day(text, style, in_utc=in_utc), "is written 2026-01-31 (ISO 8601) or alike", problems
    )
    return np.nan_to_num(found, nan=0.0).astype(np.int64)


def day_of(at: dt.datetime) -> dt.date:
    """The day of a time, in UTC where it names a zone. Raises `ValueError`."""
    try:
        return (at.astimezone(dt.UTC) if at.tzinfo else at).date()
    except OverflowError:
        raise ValueError(at) from None


def _number(text: str, style: NumberStyle) -> float:
    number = style.read(text)
    if not abs(number) <= MOST:
        raise ValueError(text)
    return number


def _day(text: str, style: DateStyle, *, in_utc: bool) -> float:
    at = style.read(text)
    return float((day_of(at) if in_utc else at.date()).toordinal())


def _read(column: Column, read: Callable[[str], float], wanted: str, problems: Problems) -> Floats:
    values = np.empty(len(column.texts))
    for code, text in enumerate(column.texts):
        try:
            values[code] = read(text)
        except ValueError:
            problems.told(f"line {column.lines[code]}: {column.name} {wanted}, got {text!r}")
            values[code] = np.nan
    return values[np.frombuffer(column.codes, dtype=np.int64)]


def _line_of(column: Column, error: Unclear) -> int:
    return int(column.lines[column.texts.index(error.text)])
