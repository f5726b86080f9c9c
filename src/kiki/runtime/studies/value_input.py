"""Reads customers' orders, or their summaries, from a CSV file: quickly, and saying which line is wrong."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from kiki.council.syncvalue.models.errors import BadHistory
from kiki.council.syncvalue.models.histories import Histories, Spend, histories, spend
from kiki.council.syncvalue.models.purchases import Purchases, purchases
from kiki.kit.errors import InvalidInput

_NAMES = {
    "customer": ("customer", "customer_id", "customerid", "customer id", "cust", "id", "user_id"),
    "date": (
        "date",
        "datetime",
        "day",
        "order_date",
        "orderdate",
        "ordered_at",
        "created_at",
        "timestamp",
        "invoicedate",
    ),
    "amount": ("amount", "value", "spend", "total", "order_total", "revenue", "sales", "price"),
    "x": ("x", "frequency"),
    "t_x": ("t_x", "tx", "t.x", "recency"),
    "t": ("t", "t_cal", "age"),
    "mean": ("zbar", "monetary_value", "mean_spend", "m_x"),
}
"""Names that a column may have, in small letters; the first one that is present counts."""
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Orders:
    """A file of orders. Customer number i of `purchases` is called `labels[i]`."""

    labels: list[str]
    purchases: Purchases
    rows: int


@dataclass(frozen=True, slots=True)
class Summaries:
    """A file of a row per customer; `spend` is `None` where no column says what they spent."""

    labels: list[str]
    histories: Histories
    spend: Spend | None


class BadFile(InvalidInput):
    """The file cannot be used; the message names the line."""

    reason = "BAD_FILE"


def read_customers(path: Path) -> Orders | Summaries:
    """The file's orders (customer, date, amount) or summaries (x, t_x, T), told apart by the header.

    Names are taken in small and capital letters; a byte order mark, blank lines and `,` `;` tab `|` between columns are
    understood; `-` reads standard input. A time with an offset counts on its day in UTC. Raises `BadFile`.
    """
    with _opened(path) as file:
        first = file.readline()
        while first and not first.strip():
            first = file.readline()
        if not first.strip():
            raise BadFile(f"{path} is empty")
        delimiter = max(_DELIMITERS, key=first.count)
        header = next(csv.reader([first], delimiter=delimiter))
        columns = _columns(header)
        reader = csv.reader(file, delimiter=delimiter)
        try:
            if {"x", "t_x", "t"} <= columns.keys():
                return _summaries(reader, columns, len(header))
            if {"customer", "date"} <= columns.keys():
                return _orders(reader, columns, len(header))
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadFile(f"line {reader.line_num + 1} cannot be read: {error}") from None
    raise BadFile(
        f"a file needs the columns customer and date (and amount), or x, t_x and T; got {', '.join(header) or 'none'}"
    )


def read_day(text: str) -> dt.date:
    """A day given as an ISO date (or 2026/01/31), or as a time, which counts on its day in UTC. Raises `ValueError`."""
    if text[4:5] == "/":
        text = text.replace("/", "-", 2)
    at = dt.datetime.fromisoformat(text)
    return (at.astimezone(dt.UTC) if at.tzinfo else at).date()


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if str(path) == "-":
        yield io.StringIO(sys.stdin.read().removeprefix("\ufeff"), newline="")
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadFile(f"{path} is not UTF-8 text") from None


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Where each known column stands."""
    found = [name.strip().lower() for name in header]
    places = {}
    for column, names in _NAMES.items():
        place = next((found.index(name) for name in names if name in found), None)
        if place is not None:
            places[column] = place
    return places


def _rows(reader: Iterator[list[str]], width: int, line_of: Callable[[], int]) -> Iterator[list[str]]:
    """Rows that are not blank, each as long as the header."""
    for row in reader:
        if len(row) < width:
            if not any(cell.strip() for cell in row):
                continue
            raise BadFile(f"line {line_of()} has {len(row)} columns, the header has {width}")
        yield row


def _orders(reader: csv._reader, columns: dict[str, int], width: int) -> Orders:  # type: ignore[name-defined]
    who_at, when_at, amount_at = columns["customer"], columns["date"], columns.get("amount")
    codes: dict[str, int] = {}
    days: dict[str, int] = {}
    customers, when, amounts = array("q"), array("q"), array("d")

    def line() -> int:
        return int(reader.line_num) + 1

    for row in _rows(reader, width, line):
        name, date = row[who_at].strip(), row[when_at]
        day = days.get(date)
        if day is None:
            day = days[date] = _day(date, line)
        if not name:
            raise BadFile(f"line {line()} names no customer")
        customers.append(codes.setdefault(name, len(codes)))
        when.append(day)
        if amount_at is not None:
            amounts.append(_amount(row[amount_at], line))
    if not codes:
        raise BadFile("the file has a header and no row")
    worth = np.array(amounts, dtype=np.float64) if amount_at is not None else None
    known = purchases(np.array(customers, dtype=np.int64), np.array(when, dtype=np.int64), worth)
    return Orders(list(codes), known, len(customers))


def _day(text: str, line: Callable[[], int]) -> int:
    try:
        return read_day(text.strip()).toordinal()
    except ValueError:
        raise BadFile(f"line {line()}: a date is written 2026-01-31 (ISO 8601), got {text!r}") from None


def _amount(text: str, line: Callable[[], int]) -> float:
    value = _number(text, "amount", line)
    if value < 0:
        raise BadFile(f"line {line()}: an amount is what was paid, zero or more, got {text.strip()}")
    return value


def _number(text: str, column: str, line: Callable[[], int]) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadFile(f"line {line()}: {column} must be a number, got {text!r}") from None
    if not math.isfinite(value):
        raise BadFile(f"line {line()}: {column} must be finite, got {text.strip()}")
    return value


def _summaries(reader: csv._reader, columns: dict[str, int], width: int) -> Summaries:  # type: ignore[name-defined]
    names = [name for name in ("x", "t_x", "t", "mean") if name in columns]
    places = [columns[name] for name in names]
    values = {name: array("d") for name in names}
    label_at = columns.get("customer")
    labels: list[str] = []
    lines = array("q")

    def line() -> int:
        return int(reader.line_num) + 1

    for row in _rows(reader, width, line):
        for name, place in zip(names, places, strict=True):
            values[name].append(_number(row[place], "T" if name == "t" else name, line))
        lines.append(line())
        labels.append(row[label_at].strip() if label_at is not None else str(len(lines)))
    if not labels:
        raise BadFile("the file has a header and no row")
    try:
        known = histories(*(np.array(values[name]) for name in ("x", "t_x", "t")))
        money = None
        if "mean" in values:
            mean = np.array(values["mean"])
            money = spend(np.where(mean != 0, known.x, 0.0), mean)
    except BadHistory as error:
        wrong = int(error.data.get("row", 0))
        raise BadFile(f"line {lines[wrong]}: {error.message.replace(f'customer {wrong} has', 'got')}") from None
    return Summaries(labels, known, money)
