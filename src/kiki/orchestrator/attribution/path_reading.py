"""Anybody's paths from text: a row per path, a row per event, or JSON. Problems are told with their line."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kiki.kit.textfile import BadFile, key_of
from kiki.kit.written import Order
from kiki.orchestrator.attribution.path_rows import Row, Table, read_table, styled
from kiki.orchestrator.attribution.paths import Channels, Ints, Path

_WANTED = (
    "wanted are the columns path and conversions (and null, value), "
    "or user, channel, timestamp and conversion (and value)"
)
_SEPARATORS = {">": re.compile(r"\s*(?:[-=]*>+|→)\s*"), "|": re.compile(r"\s*\|\s*"), ",": re.compile(r"\s*[,;]\s*")}
_STEP = re.compile(r"(?:channel|touch|touchpoint|step)_?\d{1,3}")
_START, _CONVERTED, _LOST = ("start", "(start)"), ("conversion", "(conversion)"), ("null", "(null)")
_LISTED = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*(?:,|$)""")
_DAY = 86_400.0
_ORDINALS_UNTIL = 1e6


@dataclass(frozen=True, slots=True)
class PathFormat:
    """How a file is to be read where it does not say so itself."""

    separator: str | None = None
    """Between the channels of a path; None: `>`, `|` or `,`, the first of these that occurs in the file."""
    window_days: float | None = None
    """Events only: touchpoints longer than this before a conversion do not count."""
    date_order: Order | None = None
    """Events only: of dates such as 01/02/2026."""


def read_paths(lines: Iterable[str], form: PathFormat | None = None) -> Iterator[Path]:
    """Paths from the lines of a file. Raises `BadFile` for what cannot be used.

    CSV with a header in any letter case, JSON (a list of objects, or an object with `paths`) or JSON lines. A row per
    path: `path`, `conversions`, `null`, `value`; without a column of nulls, a row without conversions is one path that
    did not convert; for `path` may stand `channel_1`, `channel_2`, …. The names of states (`start`, `conversion`,
    `null`) at the ends of all paths are no channels; without a column of conversions they say which converted. A row
    per event: `user`, `channel`, `timestamp`, `conversion`, `value`; a user's events up to and with a conversion are a
    path, those after it begin the next one, and what is left did not convert.
    """
    form = form or PathFormat()
    table = read_table(lines)
    if {"user", "channel", "time", "conversions"} <= table.roles.keys() and "path" not in table.roles:
        return _from_events(table.rows, table.roles, form)
    steps = [name for name in table.names if _STEP.fullmatch(key_of(name))]
    if "path" in table.roles or len(steps) > 1:
        return _paths(table, [] if "path" in table.roles else steps, form)
    if not table.names:
        return iter(())
    raise _unusable(table)


def _unusable(table: Table) -> BadFile:
    return BadFile(f"{_WANTED}, got {', '.join(table.names)}")


def _paths(table: Table, steps: Sequence[str], form: PathFormat) -> Iterator[Path]:
    roles = table.roles
    looked_at, rows = styled(table.rows, roles, None)
    cut = _Cut(roles.get("path"), steps, _splitter((row.cells.get(roles.get("path", "")) for row in looked_at), form))
    marked = [cut.channels(row) for row in looked_at]
    starts, ends = (bool(marked) and all(_is(at, path, known) for path in marked) for at, known in _STATES)
    if "conversions" not in roles and not ends:
        raise _unusable(table)
    for row in rows:
        channels = cut.channels(row)
        ended = channels[-1].casefold() if ends and channels else ""
        if "conversions" in roles:
            conversions = row.count(roles["conversions"])
        elif ended in (*_CONVERTED, *_LOST):
            conversions = float(ended in _CONVERTED)
        else:
            raise row.problem(f"a path ends in conversion or null, as those before it, got {' > '.join(channels)!r}")
        nulls = row.count(roles["nulls"]) if "nulls" in roles else float(conversions == 0)
        yield Path(
            channels=channels[
                _is(0, channels, _START) if starts else 0 : -1 if ended in (*_CONVERTED, *_LOST) else None
            ],
            conversions=conversions,
            nulls=nulls,
            value=row.number(roles.get("value")),
        )


_STATES = ((0, _START), (-1, (*_CONVERTED, *_LOST)))
"""Places of a path at which states stand in place of channels."""


def _is(at: int, path: Sequence[str], known: Sequence[str]) -> bool:
    return bool(path) and path[at].casefold() in known


@dataclass(frozen=True, slots=True)
class _Cut:
    """How a row's channels are told apart."""

    path: str | None
    steps: Sequence[str]
    split: re.Pattern[str]

    def channels(self, row: Row) -> tuple[str, ...]:
        """The row's channels, oldest first."""
        if self.path is None:
            cells = [row.text(name) for name in self.steps]
            filled = [cell for cell in cells if cell]
            if cells[: len(filled)] != filled:
                raise row.problem(f"a step is empty before one that is not: {', '.join(cells)}")
            return tuple(filled)
        cell = row.cells.get(self.path)
        listed = cell if isinstance(cell, list) else _list_in(row.text(self.path))
        if listed is not None:
            channels = tuple(str(entry).strip() for entry in listed)
        else:
            text = row.text(self.path)
            channels = tuple(self.split.split(text)) if text else ()
        if "" in channels:
            raise row.problem(f"a channel of the path has no name: {cell!r}")
        return channels


def _list_in(text: str) -> list[Any] | None:
    """The entries of a list as JSON or Python write it; None where the text is none."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found, at, inner = [], 0, text[1:-1].rstrip()
        while at < len(inner):
            entry = _LISTED.match(inner, at)
            if entry is None:
                return None
            found.append(entry[1] if entry[1] is not None else entry[2])
            at = entry.end()
    return found if isinstance(found, list) else None


def _splitter(cells: Iterable[Any], form: PathFormat) -> re.Pattern[str]:
    if form.separator is not None:
        return re.compile(rf"\s*{re.escape(form.separator.strip() or form.separator)}\s*")
    found = {mark for cell in cells if isinstance(cell, str) for mark in ">→|,;" if mark in cell}
    mark = ">" if found & {">", "→"} else "|" if "|" in found else ","
    return _SEPARATORS[mark]


def _from_events(rows: Iterator[Row], roles: Mapping[str, str], form: PathFormat) -> Iterator[Path]:
    users, channels, user_of = Channels(), Channels(), array("q")
    at, channel_of, converted, value = array("d"), array("q"), array("b"), array("d")
    for row in styled(rows, roles, form.date_order)[1]:
        user, channel = row.text(roles["user"]), row.text(roles["channel"])
        flag = row.count(roles["conversions"])
        if not user:
            raise row.problem(f"{roles['user']} is empty")
        if flag not in {0.0, 1.0}:
            raise row.problem(f"{roles['conversions']} is 0 or 1 for an event, got {flag:g}")
        if not channel and not flag:
            raise row.problem(f"{roles['channel']} is empty, and the event is no conversion")
        user_of.append(users.code(user))
        at.append(row.time(roles["time"]))
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
