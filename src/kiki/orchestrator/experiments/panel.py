"""A panel: one series per place over the same periods, read strictly from rows."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiki.kit.errors import InvalidInput

Period = dt.date | int
PLACE = ("location", "geo", "region", "city", "market", "dma", "state", "unit")
VALUE = ("y", "value", "revenue", "sales", "amount", "orders", "outcome", "conversions", "kpi")
TIME = ("date", "day", "time", "period", "week", "month", "ds")
_MONTH = re.compile(r"\d{4}-\d{2}")
_SHOWN = 5
_DIGITS_OF_A_DATE = 8
_DAYS_OF_A_MONTH = 28
_FEWEST_STEPS = 3


@dataclass(frozen=True, slots=True)
class Panel:
    """`values` is (places, periods); places as first written, periods ascending."""

    places: tuple[str, ...]
    periods: tuple[Period, ...]
    values: NDArray[np.float64]
    warnings: tuple[str, ...] = ()

    def index_of(self, place: str) -> int:
        """The row of a place, whatever the case it is written in; `InvalidInput` names some that exist."""
        key = _key(place)
        for index, known in enumerate(self.places):
            if _key(known) == key:
                return index
        raise InvalidInput(f"no place is called {place!r}; there are {_some(self.places)}", reason="UNKNOWN_PLACE")

    def position_of(self, text: str, option: str) -> int:
        """The position (from 0) of a period named by its date, by its number in the file, or by its 1-based index."""
        text = text.strip()
        is_number = text.isdecimal() and len(text) < _DIGITS_OF_A_DATE
        if is_number and int(text) not in self.periods:
            return self._by_index(int(text), option)
        try:
            return self.periods.index(parse_period(text))
        except (InvalidInput, ValueError):
            raise InvalidInput(
                f"{option} is a date or a period number of the file, which runs from {self.periods[0]} to "
                f"{self.periods[-1]} ({len(self.periods)} periods), got {text[:24]!r}",
                reason="UNKNOWN_PERIOD",
            ) from None

    def _by_index(self, number: int, option: str) -> int:
        if 1 <= number <= len(self.periods):
            return number - 1
        raise InvalidInput(
            f"{option} as a number is 1 to {len(self.periods)}, the periods of the file, got {number}",
            reason="UNKNOWN_PERIOD",
        )


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what; empty means found by name."""

    place: str = ""
    value: str = ""
    time: str = ""


_BY_NAME = Columns()


def read_panel(
    rows: Sequence[Mapping[str, Any]], columns: Columns = _BY_NAME, *, allow_negative: bool = False
) -> Panel:
    """The panel of long rows (place, value, period), header in any case and order.

    Every place has every period exactly once; what is missing, double or not a number is refused by name. A period that
    is missing for all places is a warning only: some shops are closed on Sundays.
    """
    if not rows:
        raise InvalidInput("the file has no rows; wanted one per place and period", reason="EMPTY_FILE")
    header = list(dict.fromkeys(name for row in rows for name in row))
    place = _column(header, columns.place, PLACE, "place")
    value = _column(header, columns.value, VALUE, "value")
    time = _column(header, columns.time, TIME, "time")
    cells: dict[tuple[str, Period], float] = {}
    names: dict[str, str] = {}
    for at, row in enumerate(rows, start=1):
        name = _text(row.get(place))
        if not name:
            raise InvalidInput(f"row {at}: {place} is empty", reason="BAD_ROW")
        period = parse_period(_text(row.get(time)), at)
        names.setdefault(_key(name), name)
        if (_key(name), period) in cells:
            raise InvalidInput(f"row {at}: {name} has {period} twice; wanted one row", reason="DUPLICATE_ROW")
        cells[_key(name), period] = _number(row.get(value), value, at, allow_negative=allow_negative)
    return _assemble(cells, names)


def parse_period(text: str, at: int | None = None) -> Period:
    """A date (2021-04-01, with or without a time of day, or 20210401), a month (2021-04) or a whole number."""
    where = "" if at is None else f"row {at}: "
    if text.isdecimal() and len(text) < _DIGITS_OF_A_DATE:
        return int(text)
    try:
        if len(text) > len("2021-04-01"):
            return dt.datetime.fromisoformat(text).date()
        text = text.replace("/", "-")
        return dt.date.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
    except ValueError:
        raise InvalidInput(
            f"{where}a period is a date as 2021-04-01 or a whole number, got {text[:24]!r}", reason="BAD_PERIOD"
        ) from None


def _assemble(cells: Mapping[tuple[str, Period], float], names: Mapping[str, str]) -> Panel:
    if len({type(period) for _, period in cells}) > 1:
        raise InvalidInput("periods are all dates or all whole numbers, got both", reason="BAD_PERIOD")
    periods = sorted({period for _, period in cells}, key=_ordinal)
    missing = [(name, period) for name in names for period in periods if (name, period) not in cells]
    if missing:
        shown = ", ".join(f"{names[name]} {period}" for name, period in missing[:_SHOWN])
        raise InvalidInput(
            f"every place wants every period: {len(missing)} of {len(names) * len(periods)} are missing ({shown}"
            f"{', …' if len(missing) > _SHOWN else ''})",
            reason="UNEQUAL_PANEL",
        )
    values = np.array([[cells[name, period] for period in periods] for name in names])
    return Panel(tuple(names.values()), tuple(periods), values, tuple(_gaps(periods)))


def _gaps(periods: Sequence[Period]) -> Iterable[str]:
    steps = np.diff([_ordinal(period) for period in periods])
    if len(steps) < _FEWEST_STEPS:
        return
    usual = int(np.median(steps))
    if usual >= _DAYS_OF_A_MONTH:
        return
    holes = np.flatnonzero(steps > usual)
    if len(holes):
        after = ", ".join(str(periods[int(hole)]) for hole in holes[:_SHOWN])
        yield f"{len(holes)} gap(s) that all places share, after {after}"


def _ordinal(period: Period) -> int:
    return period if isinstance(period, int) else period.toordinal()


def _column(header: Sequence[str], named: str, known: Sequence[str], what: str) -> str:
    by_key = {_key(name): name for name in header}
    if named:
        if _key(named) in by_key:
            return by_key[_key(named)]
        raise InvalidInput(f"no column is called {named!r}; there are {_some(header)}", reason="UNKNOWN_COLUMN")
    found = [by_key[name] for name in known if name in by_key]
    if len(found) == 1:
        return found[0]
    problem = f"got several: {', '.join(found)}" if found else f"got {_some(header)}"
    raise InvalidInput(f"one {what} column is wanted, named {', '.join(known)}; {problem}", reason="UNKNOWN_COLUMN")


def _number(value: Any, column: str, at: int, *, allow_negative: bool) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        got = "nothing" if value is None else repr(str(value)[:24])
        raise InvalidInput(f"row {at}: {column} is a number, got {got}", reason="BAD_NUMBER") from None
    if not math.isfinite(number):
        raise InvalidInput(f"row {at}: {column} is a finite number, got {value!r}", reason="BAD_NUMBER")
    if number < 0 and not allow_negative:
        raise InvalidInput(
            f"row {at}: {column} is negative ({number:g}); refunds in it are fine with --allow-negative",
            reason="NEGATIVE_VALUE",
        )
    return number


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _key(name: str) -> str:
    return name.strip().lstrip("\ufeff").casefold()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
