"""Which columns of a table hold places, values and periods; a wide table is turned into a long one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kiki.kit.errors import InvalidInput
from kiki.kit.textfile import key_of

PLACE = ("location", "geo", "region", "city", "market", "dma", "state", "unit")
VALUE = ("y", "value", "revenue", "sales", "amount", "orders", "outcome", "conversions", "kpi")
TIME = ("date", "day", "time", "period", "week", "month", "ds")
_SECOND = {
    "place": ("place", "store", "shop", "country", "unit_id", "place_id", "geo_id", "name"),
    "value": ("metric", "net_sales", "total_sales", "order_value", "total", "spend"),
    "time": ("timestamp", "year", "t", "datetime", "order_date", "created_at"),
}
"""Looked for where none of the usual names is there."""
ROW = "\0row"
"""In rows made of a wide table: the row of the table."""
_PLACE, _VALUE, _TIME = "place", "value", "period"
_FEWEST_WIDE = 3
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what; empty means found by name."""

    place: str = ""
    value: str = ""
    time: str = ""


def resolve(header: Sequence[str], columns: Columns) -> Columns:
    """The column in each role: the one that was named, or the only one with a known name, or what is left of three.

    Raises `InvalidInput`.
    """
    roles = (
        ("place", columns.place, PLACE),
        ("value", columns.value, VALUE),
        ("time", columns.time, TIME),
    )
    found = {what: _named(header, name) if name else _by_name(header, known, what) for what, name, known in roles}
    unknown = [what for what, names in found.items() if not names]
    taken = {name for names in found.values() for name in names}
    left = [name for name in header if name not in taken]
    if len(unknown) == 1 and len(left) == 1 and len(header) == len(roles):
        found[unknown[0]] = left
    for what, _, known in roles:
        if len(found[what]) != 1:
            problem = f"got several: {', '.join(found[what])}" if found[what] else f"got {some(header)}"
            said = f"one {what} column is wanted, named {', '.join(known)} or by --{what}-column; {problem}"
            raise InvalidInput(said, reason="UNKNOWN_COLUMN")
    return Columns(*(found[what][0] for what, _, _ in roles))


def as_long(
    rows: Sequence[Mapping[str, Any]],
    columns: Columns,
    *,
    is_period: Callable[[str], bool],
    missing_are_zero: bool,
) -> tuple[Sequence[Mapping[str, Any]], Columns]:
    """Long rows as they are; a wide table (periods and a column per place, or the other way round) made long.

    It is wide where a column of periods is there and neither one of places nor one of values, or a column of places
    and otherwise periods.
    """
    header = list(dict.fromkeys(name for row in rows for name in row))
    place, value, time = (
        _named(header, named) if named else _by_name(header, known, what)
        for named, known, what in (
            (columns.place, PLACE, "place"),
            (columns.value, VALUE, "value"),
            (columns.time, TIME, "time"),
        )
    )
    if len(time) == 1 and not place and not value and len(header) > _FEWEST_WIDE:
        kept, made = time[0], _PLACE
        if not all(_has_digits(rows[0].get(name, 0)) for name in header if name != kept):
            return rows, columns
    elif len(place) == 1 and not time and not value:
        kept, made = place[0], _TIME
        others = [name for name in header if name != kept]
        if len(others) < _FEWEST_WIDE or not all(map(is_period, others)):
            return rows, columns
    else:
        return rows, columns
    constant = _TIME if made == _PLACE else _PLACE
    long = [
        {constant: row.get(kept), made: name, _VALUE: row.get(name), ROW: at}
        for at, row in enumerate(rows, start=1)
        for name in header
        if name != kept and not (missing_are_zero and row.get(name) is None)
    ]
    return long, Columns(_PLACE, _VALUE, _TIME)


def some(names: Sequence[str]) -> str:
    """The first of many names."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _has_digits(cell: Any) -> bool:
    return any(sign.isdigit() for sign in str(cell))


def _named(header: Sequence[str], name: str) -> list[str]:
    found = [known for known in header if key_of(known) == key_of(name)]
    if not found:
        raise InvalidInput(f"no column is called {name!r}; there are {some(header)}", reason="UNKNOWN_COLUMN")
    return found[:1]


def _by_name(header: Sequence[str], known: Sequence[str], what: str) -> list[str]:
    by_key = {key_of(name): name for name in header}
    return [by_key[name] for name in known if name in by_key] or [
        by_key[name] for name in _SECOND[what] if name in by_key
    ]
