"""Baselines from a file of revenue, and the benchmark of the seasonal model on simulated stores."""

from __future__ import annotations

import calendar
import datetime as dt
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from kiki.council.syncvalue.seasonal.backtest import YEAR, Origin, back_test, benchmark_figures
from kiki.council.syncvalue.seasonal.model import outlook
from kiki.council.syncvalue.seasonal.outlook import LEVEL, VERSION, Promotion, Span
from kiki.council.syncvalue.seasonal.series import Daily, daily, from_first_sale, month_after, whole_months
from kiki.kit.errors import InvalidInput
from kiki.kit.textfile import BadFile, header_of, open_text, rows_of
from kiki.kit.written import Order
from kiki.runtime.studies.baseline_rows import DayRows, by_day
from kiki.runtime.studies.value_columns import Column, Problems, days, numbers

_DATES = (
    "date", "day", "datetime", "order_date", "ordered_at", "paid_at", "created_at", "timestamp", "month", "week",
)  # fmt: skip
_AMOUNTS = ("revenue", "amount", "value", "total", "sales", "spend")
_MONTH = re.compile(r"\d{4}-\d{2}")
_FIRSTS, _LASTS = ("first", "first_day", "from", "start"), ("last", "last_day", "to", "end")
_WORST_ERROR = 0.05
_QUIET_END_DAYS = 2
_ROUGH = 2.0


@dataclass(frozen=True, slots=True)
class BaselineStudy:
    """What to compute."""

    input: Path
    promotions: Path | None = None
    until: dt.date | None = None
    """The last day known; left out: that of the last row, or of its month when that ended within two days."""
    months: int = YEAR
    """Months ahead, twelve or more."""
    date_order: Order | None = None
    """Of dates such as 01/02/2026, where no other date of the file says."""


def run_baseline_study(study: BaselineStudy) -> dict[str, Any]:
    """The plain average and the seasonal forecast of a file, with the back-test. Raises `BadFile`, `CannotForecast`."""
    read = _series(study)
    series = read.series
    promotions = [] if study.promotions is None else read_promotions(study.promotions, study.date_order)
    found = outlook(series, promotions, months=study.months)
    tested = back_test(series, promotions)
    whole = whole_months(from_first_sale(series))
    last_year = whole.between(month_after(whole.end, -YEAR), whole.end)
    covered = min(_months_between(whole.start, whole.end), YEAR)
    total = float(last_year.revenue.sum())
    document: dict[str, Any] = {
        "model": VERSION,
        "history": {
            "first_day": found.trained_from.isoformat(),
            "last_day": (found.first - dt.timedelta(days=1)).isoformat(),
            "whole_months": found.history_months,
            "yearly_season": found.yearly,
            "promotions": len(promotions),
            "rows": read.rows.each,
            "returns": read.rows.returns,
        },
        "plain_average": {
            "months": covered,
            "complete": covered == YEAR,
            "revenue": _rounded(total),
            "monthly_average": _rounded(total / covered) if covered else None,
        },
        "seasonal": {
            "interval_level": LEVEL,
            "year": _span(found.year),
            "months": [
                {"month": f"{month_after(found.first, number):%Y-%m}", **_span(span)}
                for number, span in enumerate(found.months)
            ],
        },
        "back_test": None,
        "recommended": "seasonal" if found.seasonal_recommended else "plain_average",
    }
    if found.tested is not None and tested is not None:
        document["back_test"] = {
            **{name: _rounded(figure, 5) for name, figure in found.tested._asdict().items() if name != "origins"},
            "origins": [_origin(origin) for origin in tested.origins],
        }
    return document


def run_baseline_bench(stores: int, seed: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """The back-test on simulated stores as usual and as rough ones: cases with what was got and what was wanted."""
    progress(f"baseline on {stores} simulated stores, as usual and rough")
    # Inherited by the new processes: on small matrices threads only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        running = [pool.submit(benchmark_figures, stores, seed, roughness) for roughness in (1.0, _ROUGH)]
        usual, rough = (done.result() for done in running)
    error = round(usual["median_error"], 4)
    cases: list[dict[str, Any]] = [
        {
            "case": f"baseline: median error of the next year, {stores} simulated stores",
            "got": error,
            "wanted": f"<= {_WORST_ERROR}",
            "met": error <= _WORST_ERROR,
        }
    ]
    cases += [
        {"case": f"baseline, {label}: {name.replace('_', ' ')}", "got": round(figure, 4), "wanted": None, "met": None}
        for label, figures in (("usual stores", usual), ("rough stores", rough))
        for name, figure in figures.items()
        if name != "stores"
    ]
    return {"cases": cases, "met": all(case["met"] is not False for case in cases)}


def read_revenue(path: Path, order: Order | None = None) -> list[tuple[dt.date, float]]:
    """A row per day, order, week or month: a date (or time, by its own offset) and an amount. Raises `BadFile`.

    A month such as 2026-01 is its first day.
    """
    when, worth = _columns(path, {"a date": _DATES, "revenue or amount": _AMOUNTS})
    when.texts[:] = [f"{text}-01" if _MONTH.fullmatch(text) else text for text in when.texts]
    return list(zip(_days(when, order), numbers(worth, Problems()).tolist(), strict=True)) if when.texts else []


def read_promotions(path: Path, order: Order | None = None) -> list[Promotion]:
    """A row per promotion: its first and its last day. Raises `BadFile`."""
    first, last = _columns(path, {"first": _FIRSTS, "last": _LASTS})
    found = []
    for number, (begin, end) in enumerate(zip(_days(first, order), _days(last, order), strict=True), start=1):
        if begin > end:
            raise BadFile(f"promotion {number} ends before it begins, {begin} to {end}")
        found.append(Promotion(begin, end))
    return found


@dataclass(frozen=True, slots=True)
class _Read:
    """The file's revenue by day, and how its rows were taken."""

    series: Daily
    rows: DayRows


def _series(study: BaselineStudy) -> _Read:
    if study.months < YEAR:
        raise InvalidInput(f"a forecast covers {YEAR} months or more, got {study.months}", reason="BAD_STUDY")
    rows = read_revenue(study.input, study.date_order)
    if not rows:
        raise BadFile(f"{study.input} holds no rows")
    found = by_day(rows)
    last = max(day for day, _ in found.rows)
    return _Read(daily(found.rows, (study.until or _last_day(last)) + dt.timedelta(days=1)), found)


def _last_day(last: dt.date) -> dt.date:
    """The month's last day when at most two days without a row follow: days without an order have none."""
    end = last.replace(day=calendar.monthrange(last.year, last.month)[1])
    return end if (end - last).days <= _QUIET_END_DAYS else last


def _columns(path: Path, wanted: dict[str, Sequence[str]]) -> list[Column]:
    """The wanted columns of a file; `-` is standard input."""
    with open_text(path) as file:
        header = header_of(file.text)
        places = header.places(wanted)
        for what in wanted:
            if what not in places:
                raise BadFile(f"{path} needs a column for {what}; got {', '.join(header.names)}")
        columns = [(Column(header.names[place]), place) for place in (places[what] for what in wanted)]
        for line, row in rows_of(file.text, header):
            for column, place in columns:
                column.add(row[place], line)
    return [column for column, _ in columns]


def _days(column: Column, order: Order | None) -> list[dt.date]:
    """Each row's day, by its own offset."""
    return [dt.date.fromordinal(day) for day in days(column, Problems(), order, in_utc=False).tolist()]


def _origin(origin: Origin) -> dict[str, Any]:
    return {
        "origin": origin.at.isoformat(),
        "actual": _rounded(float(origin.actual.sum())),
        "seasonal": _rounded(float(origin.seasonal.sum())),
        "plain_average": _rounded(origin.plain * YEAR),
        "error": _rounded(origin.error, 5),
        "plain_error": _rounded(origin.plain_error, 5),
    }


def _span(span: Span) -> dict[str, float]:
    return {name: _rounded(figure) for name, figure in span._asdict().items()}


def _rounded(figure: float, digits: int = 2) -> float:
    return round(figure, digits)


def _months_between(first: dt.date, end: dt.date) -> int:
    return (end.year - first.year) * 12 + end.month - first.month
