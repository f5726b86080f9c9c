"""The rows of anybody's file of paths, CSV or JSON, with what each column is for."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from kiki.kit.textfile import BadFile, header_of, key_of, rows_of
from kiki.kit.written import MOST, DateStyle, NumberStyle, Order, Unclear, date_style, number_style

_ALIASES = {
    "path": (
        "path", "paths", "channel_path", "conversion_path", "customer_path", "journey", "touchpoints", "channels",
        "sequence",
    ),
    "conversions": (
        "conversions", "conv", "convs", "total_conversions", "conversion", "converted", "is_conversion", "purchases",
        "purchase", "orders",
    ),
    "nulls": ("nulls", "null", "total_null", "total_nulls", "null_conversions", "non_conversions"),
    "value": (
        "value", "values", "conversion_value", "conversions_value", "total_conversion_value", "total_value", "revenue",
        "amount", "order_amount", "order_value", "sales",
    ),
    "user": ("user", "user_id", "visitor", "visitor_id", "customer", "customer_id", "client_id", "cookie"),
    "channel": ("channel", "source", "campaign", "campaign_id", "touchpoint"),
    "time": ("timestamp", "time", "at", "date", "datetime", "event_time", "occurred_at"),
}  # fmt: skip
_ROLE_OF = {alias: role for role, aliases in _ALIASES.items() for alias in aliases}
_NUMBERS = ("conversions", "nulls", "value")
_LOOKED_AT = 20_000
_ORDINALS_UNTIL = 1e6
_FLAGS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0, "": 0.0}
_AS_WRITTEN = NumberStyle()


@dataclass(slots=True)
class Row:
    """One row of the file: cells by the name of their column."""

    line: int
    cells: Mapping[str, Any]
    styles: Mapping[str, NumberStyle] = field(default_factory=dict)
    dates: DateStyle = field(default_factory=DateStyle)

    def text(self, name: str | None) -> str:
        """The cell as text; empty where there is none."""
        value = self.cells.get(name) if name is not None else None
        return "" if value is None else str(value).strip()

    def number(self, name: str | None) -> float:
        """A finite number; nothing counts as zero, and words for yes and no as one and zero."""
        text = self.text(name)
        try:
            number = (
                _FLAGS[text.lower()] if text.lower() in _FLAGS else self.styles.get(name or "", _AS_WRITTEN).read(text)
            )
        except ValueError:
            raise self.problem(f"{name} is a number, got {text!r}") from None
        if not abs(number) <= MOST:
            raise self.problem(f"{name} is a finite number, got {text!r}")
        return number

    def count(self, name: str | None) -> float:
        """A number of zero or more."""
        number = self.number(name)
        if number < 0:
            raise self.problem(f"{name} is zero or more, got {number:g}")
        return number

    def time(self, name: str) -> float:
        """Seconds since 1970; numbers under a million are places in a sequence. Without a zone it is UTC."""
        text = self.text(name)
        try:
            place = float(text)
        except ValueError:
            place = math.inf
        if abs(place) < _ORDINALS_UNTIL:
            return place
        try:
            at = self.dates.read(text)
            return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp()
        except (ValueError, OverflowError):
            raise self.problem(
                f"{name} is an ISO 8601 time, a Unix time or a place in a sequence, got {text!r}"
            ) from None

    def problem(self, what: str) -> BadFile:
        """What is wrong with the row, with its line."""
        return BadFile(f"line {self.line}: {what}")


@dataclass(frozen=True, slots=True)
class Table:
    """A file's rows, and the name of the column in each role."""

    names: tuple[str, ...]
    roles: Mapping[str, str]
    rows: Iterator[Row]


def read_table(lines: Iterable[str]) -> Table:
    """A CSV with a header (see `kit/textfile.py`), a JSON list of objects, an object with `paths`, or JSON lines.

    Raises `BadFile`.
    """
    waiting = iter(lines)
    head = list(_until_text(waiting))
    if not head:
        raise BadFile("the file is empty, wanted a header and rows")
    if head[-1].lstrip("\ufeff \t")[0] in "{[":
        entries = list(_json_rows(list(chain(head, waiting))))
        names = list(dict.fromkeys(name for row in entries for name in row.cells))
        return Table(tuple(names), _roles(names), iter(entries))
    everything = chain((line.lstrip("\ufeff") for line in head), waiting)
    header = header_of(everything)
    if (again := header.repeated()) is not None and key_of(again) in _ROLE_OF:
        raise BadFile(f"the header names {again!r} twice")
    rows = (Row(line, dict(zip(header.names, cells, strict=False))) for line, cells in rows_of(everything, header))
    return Table(tuple(header.names), _roles(header.names), rows)


def styled(rows: Iterator[Row], roles: Mapping[str, str], order: Order | None) -> tuple[list[Row], Iterator[Row]]:
    """The first rows, and all rows, which from now on know how the file writes numbers and dates: by the first rows."""
    first = list(islice(rows, _LOOKED_AT))
    styles = {
        name: _number_style(first, name, counts=role != "value")
        for role in _NUMBERS
        if (name := roles.get(role)) is not None
    }
    dates = DateStyle(order) if order is not None or "time" not in roles else _date_style(first, roles["time"])

    def all_rows() -> Iterator[Row]:
        for row in chain(first, rows):
            row.styles, row.dates = styles, dates
            yield row

    return first, all_rows()


def _number_style(rows: Sequence[Row], name: str, *, counts: bool) -> NumberStyle:
    try:
        return number_style(dict.fromkeys(row.text(name) for row in rows), counts=counts)
    except Unclear as error:
        row = next(row for row in rows if row.text(name) == error.text)
        raise row.problem(f"{name}: {error}") from None


def _date_style(rows: Sequence[Row], name: str) -> DateStyle:
    try:
        return date_style(dict.fromkeys(row.text(name) for row in rows))
    except Unclear as error:
        row = next(row for row in rows if row.text(name) == error.text)
        raise row.problem(f"{name}: {error}; --date-order says which") from None


def _until_text(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if line.strip("\ufeff \t\r\n"):
            return


def _roles(names: Sequence[str]) -> dict[str, str]:
    """Column by role; the first that fits."""
    roles: dict[str, str] = {}
    for name in names:
        role = _ROLE_OF.get(key_of(name))
        if role is not None:
            roles.setdefault(role, name)
    return roles


def _json_rows(lines: Sequence[str]) -> Iterator[Row]:
    try:
        document = json.loads("".join(lines).lstrip("\ufeff"))
    except ValueError as error:
        documents = [(number, _json_line(line, error)) for number, line in enumerate(lines, start=1) if line.strip()]
        yield from (_object(number, entry, "line") for number, entry in documents)
        return
    entries = document.get("paths", [document]) if isinstance(document, dict) else document
    if not isinstance(entries, list):
        raise BadFile("paths are a list of objects")
    yield from (_object(number, entry, "entry") for number, entry in enumerate(entries, start=1))


def _json_line(line: str, whole: ValueError) -> Any:
    try:
        return json.loads(line.lstrip("\ufeff"))
    except ValueError:
        raise BadFile(f"the file is neither JSON nor JSON lines: {whole}") from None


def _object(number: int, entry: Any, word: str) -> Row:
    if not isinstance(entry, dict):
        raise BadFile(f"{word} {number}: an object was wanted, got {type(entry).__name__}")
    return Row(number, entry)
