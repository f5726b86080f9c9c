"""Anybody's paths from text: a row per path, a row per event, or JSON. Problems are told with their line."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.paths import Channels, Ints, Path

_ALIASES = {
    "path": ("path", "paths", "channel_path", "journey", "touchpoints"),
    "conversions": ("conversions", "conv", "convs", "total_conversions", "conversion", "converted", "is_conversion"),
    "nulls": ("nulls", "null", "total_null", "total_nulls", "null_conversions", "non_conversions"),
    "value": ("value", "conversion_value", "total_conversion_value", "revenue", "amount", "order_amount"),
    "user": ("user", "user_id", "visitor", "visitor_id", "customer", "customer_id", "client_id", "cookie"),
    "channel": ("channel", "source", "campaign", "campaign_id", "touchpoint"),
    "time": ("timestamp", "time", "at", "date", "datetime", "event_time", "occurred_at"),
}
_ROLE_OF = {alias: role for role, aliases in _ALIASES.items() for alias in aliases}
_WANTED = (
    "wanted are the columns path and conversions (and null, value), "
    "or user, channel, timestamp and conversion (and value)"
)
_SEPARATORS = {">": re.compile(r"\s*(?:[-=]*>+|→)\s*"), "|": re.compile(r"\s*\|\s*"), ",": re.compile(r"\s*[,;]\s*")}
_LOOKED_AT = 20_000
_FIELD_LIMIT = 10_000_000
_DAY = 86_400.0
_MILLISECONDS_FROM = 1e11
_ORDINALS_UNTIL = 1e6
_FLAGS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0, "": 0.0}


@dataclass(frozen=True, slots=True)
class PathFormat:
    """How a file is to be read where it does not say so itself."""

    separator: str | None = None
    """Between the channels of a path; None: `>`, `|` or `,`, the first of these that occurs in the file."""
    window_days: float | None = None
    """Events only: touchpoints longer than this before a conversion do not count."""


def read_paths(lines: Iterable[str], form: PathFormat | None = None) -> Iterator[Path]:
    """Paths from the lines of a file. Raises InvalidInput for what cannot be used.

    CSV (comma, semicolon or tab) with a header in any letter case, JSON (a list of objects, or an object with
    `paths`) or JSON lines. A row per path: `path`, `conversions`, `null`, `value`; without a column of nulls, a row
    without conversions is one path that did not convert. A row per event: `user`, `channel`, `timestamp`,
    `conversion`, `value`; a user's events up to and with a conversion are a path, those after it begin the next one,
    and what is left did not convert.
    """
    form = form or PathFormat()
    filled = ((number, line) for number, line in enumerate(lines, start=1))
    head = list(islice(_from_first_text(filled), 1))
    if not head:
        raise InvalidInput("the file is empty", reason="BAD_FILE")
    everything = chain(head, filled)
    rows: Iterator[_Row]
    if head[0][1].lstrip("\ufeff \t")[0] in "{[":
        entries = list(_json_rows(everything))
        if not entries:
            return iter(())
        roles, rows = _roles(list(dict.fromkeys(name for row in entries for name in row.cells))), iter(entries)
    else:
        roles, rows = _csv_rows(everything)
    if {"path", "conversions"} <= roles.keys():
        return _paths(rows, roles, form)
    if {"user", "channel", "time", "conversions"} <= roles.keys():
        return _from_events(rows, roles, form)
    raise InvalidInput(f"{_WANTED}, got {', '.join(roles.values()) or 'none of them'}", reason="BAD_FILE")


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: Mapping[str, Any]

    def text(self, name: str | None) -> str:
        value = self.cells.get(name) if name is not None else None
        return "" if value is None else str(value).strip()

    def number(self, name: str | None) -> float:
        """A finite number; nothing counts as zero, and words for yes and no as one and zero."""
        text = self.text(name)
        try:
            number = _FLAGS[text.lower()] if text.lower() in _FLAGS else float(text)
        except ValueError:
            raise self.problem(f"{name} is a number, got {text!r}") from None
        if not math.isfinite(number):
            raise self.problem(f"{name} is a finite number, got {text!r}")
        return number

    def count(self, name: str | None) -> float:
        number = self.number(name)
        if number < 0:
            raise self.problem(f"{name} is zero or more, got {number:g}")
        return number

    def problem(self, what: str) -> InvalidInput:
        return InvalidInput(f"line {self.line}: {what}", reason="BAD_FILE")


def _from_first_text(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in lines if line.strip("\ufeff \t\r\n"))


def _roles(names: Sequence[str]) -> dict[str, str]:
    """Column by role; the first that fits."""
    roles: dict[str, str] = {}
    for name in names:
        role = _ROLE_OF.get(name.strip().lower().replace(" ", "_").replace("-", "_"))
        if role is not None:
            roles.setdefault(role, name)
    return roles


def _csv_rows(lines: Iterator[tuple[int, str]]) -> tuple[dict[str, str], Iterator[_Row]]:
    number, header = next(lines)
    header = header.lstrip("\ufeff")
    delimiter = max(",;\t", key=header.count)
    csv.field_size_limit(_FIELD_LIMIT)
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
    return _roles(names), _cells(lines, names, delimiter, number)


def _cells(lines: Iterator[tuple[int, str]], names: Sequence[str], delimiter: str, header: int) -> Iterator[_Row]:
    reader = csv.reader((line for _, line in lines), delimiter=delimiter, strict=True)
    while True:
        line = header + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidInput(f"line {line}: {error}", reason="BAD_FILE") from None
        if not any(cells):
            continue
        if len(cells) > len(names):
            raise InvalidInput(
                f"line {line}: {len(cells)} fields for {len(names)} columns; a path with commas is quoted",
                reason="BAD_FILE",
            )
        yield _Row(line, dict(zip(names, cells, strict=False)))


def _json_rows(lines: Iterator[tuple[int, str]]) -> Iterator[_Row]:
    numbered = list(lines)
    text = "".join(line for _, line in numbered).lstrip("\ufeff")
    try:
        document = json.loads(text)
    except ValueError as error:
        documents = [_json_line(number, line, error) for number, line in numbered if line.strip()]
        yield from (_object(number, entry, "line") for number, entry in documents)
        return
    entries = document.get("paths", [document]) if isinstance(document, dict) else document
    if not isinstance(entries, list):
        raise InvalidInput("paths are a list of objects", reason="BAD_FILE")
    yield from (_object(number, entry, "entry") for number, entry in enumerate(entries, start=1))


def _json_line(number: int, line: str, whole: ValueError) -> tuple[int, Any]:
    try:
        return number, json.loads(line.lstrip("\ufeff"))
    except ValueError:
        raise InvalidInput(f"the file is neither JSON nor JSON lines: {whole}", reason="BAD_FILE") from None


def _object(number: int, entry: Any, word: str) -> _Row:
    if not isinstance(entry, dict):
        raise InvalidInput(f"{word} {number}: an object was wanted, got {type(entry).__name__}", reason="BAD_FILE")
    return _Row(number, entry)


def _paths(rows: Iterator[_Row], roles: Mapping[str, str], form: PathFormat) -> Iterator[Path]:
    looked_at = list(islice(rows, _LOOKED_AT))
    split = _splitter((row.cells.get(roles["path"]) for row in looked_at), form)
    for row in chain(looked_at, rows):
        conversions = row.count(roles["conversions"])
        nulls = row.count(roles["nulls"]) if "nulls" in roles else float(conversions == 0)
        yield Path(
            channels=_channels(row, roles["path"], split),
            conversions=conversions,
            nulls=nulls,
            value=row.number(roles.get("value")),
        )


def _splitter(cells: Iterable[Any], form: PathFormat) -> re.Pattern[str]:
    if form.separator is not None:
        return re.compile(rf"\s*{re.escape(form.separator.strip() or form.separator)}\s*")
    found = {mark for cell in cells if isinstance(cell, str) for mark in ">→|,;" if mark in cell}
    mark = ">" if found & {">", "→"} else "|" if "|" in found else ","
    return _SEPARATORS[mark]


def _channels(row: _Row, name: str, split: re.Pattern[str]) -> tuple[str, ...]:
    cell = row.cells.get(name)
    if isinstance(cell, list):
        channels = tuple(str(entry).strip() for entry in cell)
    else:
        text = row.text(name)
        channels = tuple(split.split(text)) if text else ()
    if "" in channels:
        raise row.problem(f"a channel of the path has no name: {cell!r}")
    return channels


def _from_events(rows: Iterator[_Row], roles: Mapping[str, str], form: PathFormat) -> Iterator[Path]:
    users, channels, user_of = Channels(), Channels(), array("q")
    at, channel_of, converted, value = array("d"), array("q"), array("b"), array("d")
    for row in rows:
        user, channel = row.text(roles["user"]), row.text(roles["channel"])
        flag = row.count(roles["conversions"])
        if not user:
            raise row.problem(f"{roles['user']} is empty")
        if flag not in {0.0, 1.0}:
            raise row.problem(f"{roles['conversions']} is 0 or 1 for an event, got {flag:g}")
        if not channel and not flag:
            raise row.problem(f"{roles['channel']} is empty, and the event is no conversion")
        user_of.append(users.code(user))
        at.append(_time(row, roles["time"]))
        channel_of.append(channels.code(channel) if channel else -1)
        converted.append(int(flag))
        value.append(row.number(roles.get("value")) if flag else 0.0)
    order: Ints = np.lexsort((np.arange(len(at)), np.array(converted), np.array(at), np.array(user_of)))
    known = not len(at) or max(at) >= _ORDINALS_UNTIL
    waiting: list[int] = []
    for here, after in zip(order.tolist(), [*order[1:].tolist(), -1], strict=True):
        if channel_of[here] >= 0:
            waiting.append(here)
        if converted[here]:
            yield _path_of(waiting, here, (at, channel_of, value), channels, form, known=known)
            waiting = []
        if after < 0 or user_of[after] != user_of[here]:
            if waiting:
                yield Path(tuple(channels.names[channel_of[event]] for event in waiting), 0.0, 1.0)
            waiting = []


def _path_of(
    events: Sequence[int],
    end: int,
    columns: tuple[array[float], array[int], array[float]],
    channels: Channels,
    form: PathFormat,
    *,
    known: bool,
) -> Path:
    at, channel_of, value = columns
    days = {event: (at[end] - at[event]) / _DAY for event in events}
    counted = [event for event in events if form.window_days is None or days[event] <= form.window_days]
    return Path(
        channels=tuple(channels.names[channel_of[event]] for event in counted),
        value=value[end],
        days=tuple(days[event] for event in counted) if known else None,
    )


def _time(row: _Row, name: str) -> float:
    """Seconds since 1970; small numbers are places in a sequence. A time without a zone is taken as UTC."""
    text = row.text(name)
    try:
        number = float(text)
    except ValueError:
        try:
            at = dt.datetime.fromisoformat(text)
        except ValueError:
            raise row.problem(f"{name} is an ISO 8601 time or a Unix time, got {text!r}") from None
        return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp()
    if not math.isfinite(number):
        raise row.problem(f"{name} is a time, got {text!r}")
    return number / 1000.0 if number >= _MILLISECONDS_FROM else number
