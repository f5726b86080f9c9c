"""A panel: one series per place over the same periods, read strictly from rows."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiki.kit.errors import InvalidInput
from kiki.kit.written import MOST, DateStyle, NumberStyle, Order, Unclear, date_style
from kiki.orchestrator.experiments.cells import name_key, numbers_of, text_of
from kiki.orchestrator.experiments.panel_columns import ROW, Columns, as_long, resolve, some

Period = dt.date | int
_MONTH = re.compile(r"\d{4}[-/.]\d{2}")
_WHOLE = re.compile(r"(\d+)(?:\.0+)?")
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
    dates: DateStyle = DateStyle()  # noqa: RUF009 - frozen
    """How the file writes dates."""

    def named_in(self, texts: Iterable[str]) -> tuple[str, ...]:
        """The places that these texts name, several of them parted by commas; a place may have commas in its name."""
        known = {name_key(place) for place in self.places}
        found: list[str] = []
        for text in texts:
            parts = text.split(",")
            while parts:
                lengths = range(len(parts), 0, -1)
                ends = [end for end in lengths if name_key(",".join(parts[:end])) in known]
                end = ends[0] if ends else 1
                found.append(",".join(parts[:end]).strip())
                parts = parts[end:]
        return tuple(name for name in found if name)

    def index_of(self, place: str) -> int:
        """The row of a place, whatever the case it is written in; `InvalidInput` names some that exist."""
        key = name_key(place)
        for index, known in enumerate(self.places):
            if name_key(known) == key:
                return index
        raise InvalidInput(f"no place is called {place!r}; there are {some(self.places)}", reason="UNKNOWN_PLACE")

    def position_of(self, text: str, option: str) -> int:
        """The position (from 0) of a period named by its date, by its number in the file, or by its 1-based index."""
        text = text.strip()
        is_number = text.isdecimal() and len(text) < _DIGITS_OF_A_DATE
        if is_number and int(text) not in self.periods:
            return self._by_index(int(text), option)
        try:
            return self.periods.index(parse_period(text, style=self.dates))
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


_BY_NAME = Columns()


def read_panel(
    rows: Sequence[Mapping[str, Any]],
    columns: Columns = _BY_NAME,
    *,
    allow_negative: bool = False,
    missing_are_zero: bool = False,
    date_order: Order | None = None,
) -> Panel:
    """The panel of long rows (place, value, period), or of a wide table: a column per place, or a column per period.

    Names of columns in any case and order. Every place has every period exactly once; what is missing (unless it counts
    as zero), double or not a number is refused by name, with its row counted from 1 below the header. A period that is
    missing for all places is a warning only: some shops are closed on Sundays.
    """
    if not rows:
        raise InvalidInput("the file has no rows; wanted one per place and period", reason="EMPTY_FILE")
    rows, columns = as_long(rows, columns, is_period=_is_period, missing_are_zero=missing_are_zero)
    header = list(dict.fromkeys(name for row in rows for name in row))
    resolved = resolve(header, columns)
    place, value, time = resolved.place, resolved.value, resolved.time
    numbers = numbers_of(rows, value)
    dates = DateStyle(date_order) if date_order else _date_style(rows, time)
    cells: dict[tuple[str, Period], float] = {}
    names: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        at = int(row.get(ROW, number))
        name = text_of(row.get(place))
        if not name:
            raise InvalidInput(f"row {at}: {place} is empty", reason="BAD_ROW")
        period = parse_period(text_of(row.get(time)), at, dates)
        names.setdefault(name_key(name), name)
        if (name_key(name), period) in cells:
            raise InvalidInput(f"row {at}: {name} has {period} twice; wanted one row", reason="DUPLICATE_ROW")
        called = value if ROW not in row else f"{name} {period}"
        cells[name_key(name), period] = _number(row.get(value), called, at, numbers, allow_negative=allow_negative)
    if missing_are_zero:
        periods = {period for _, period in cells}
        cells = {(name, period): 0.0 for name in names for period in periods} | cells
    return _assemble(cells, names, dates)


def parse_period(text: str, at: int | None = None, style: DateStyle | None = None) -> Period:
    """A date (2021-04-01, with or without a time of day, or as `style` writes it), a month (2021-04) or a number."""
    where = "" if at is None else f"row {at}: "
    whole = _WHOLE.fullmatch(text)
    if whole and len(whole[1]) < _DIGITS_OF_A_DATE:
        return int(whole[1])
    try:
        if _MONTH.fullmatch(text):
            return dt.date(int(text[:4]), int(text[5:]), 1)
        return (style or DateStyle()).read(text).date()
    except ValueError:
        raise InvalidInput(
            f"{where}a period is a date as 2021-04-01 or a whole number, got {text[:24]!r}", reason="BAD_PERIOD"
        ) from None


def _date_style(rows: Sequence[Mapping[str, Any]], time: str) -> DateStyle:
    try:
        return date_style(dict.fromkeys(text_of(row.get(time)) for row in rows))
    except Unclear as error:
        raise InvalidInput(f"{time}: {error}; --date-order says which", reason="BAD_PERIOD") from None


def _assemble(cells: Mapping[tuple[str, Period], float], names: Mapping[str, str], dates: DateStyle) -> Panel:
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
    return Panel(tuple(names.values()), tuple(periods), values, tuple(_gaps(periods)), dates)


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


def _is_period(text: str) -> bool:
    try:
        parse_period(text, style=DateStyle("dmy"))
    except InvalidInput:
        return False
    return True


def _number(value: Any, column: str, at: int, style: NumberStyle, *, allow_negative: bool) -> float:
    try:
        number = style.read(text_of(value))
    except ValueError:
        got = "nothing" if value is None else repr(str(value)[:24])
        raise InvalidInput(f"row {at}: {column} is a number, got {got}", reason="BAD_NUMBER") from None
    if not abs(number) <= MOST:
        raise InvalidInput(f"row {at}: {column} is a finite number, got {value!r}", reason="BAD_NUMBER")
    if number < 0 and not allow_negative:
        raise InvalidInput(
            f"row {at}: {column} is negative ({number:g}); refunds in it are fine with --allow-negative",
            reason="NEGATIVE_VALUE",
        )
    return number
