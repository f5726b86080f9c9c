"""A store's seasonal forecast as it is kept: months after the connection in minor units, and how good it proved."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kiki.council.syncvalue.baseline import month_index, month_start
from kiki.council.syncvalue.domain import BaselineAsked, Basis
from kiki.council.syncvalue.seasonal.outlook import LEVEL, VERSION, Outlook, Promotion, Span, TrackRecord

MONTHS_AHEAD = 24
"""A forecast of more than two years says little."""
_YEARS_BACK = 5


class Expected(NamedTuple):
    """Expected revenue and its interval, in minor units."""

    expected: int
    lower: int
    upper: int


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """A forecast, or why there is none (`problem`, then everything computed is empty)."""

    store_id: int
    currency: str
    basis: Basis
    time_zone: str
    first_month: dt.date
    promotions: tuple[Promotion, ...]
    """Those taken into account."""
    problem: str
    model: str = ""
    level: float = LEVEL
    months: tuple[Expected, ...] = ()
    year: Expected | None = None
    trained_from: dt.datetime | None = None
    trained_to: dt.datetime | None = None
    history_months: int = 0
    yearly: bool = False
    tested: TrackRecord | None = None
    seasonal_recommended: bool = False
    promotion_effect: float | None = None
    promotions_revision: int = 0
    """Of the store's registered promotions (`repository/promotions.py`)."""
    revision: int = 0
    computed_at: dt.datetime | None = None

    def of_month(self, year: int, month: int) -> Expected | None:
        """What was expected of a month; None outside of the months computed."""
        index = (year - self.first_month.year) * 12 + month - self.first_month.month
        return self.months[index] if 0 <= index < len(self.months) else None


def days_of(first: dt.date, end: dt.date, tz: ZoneInfo) -> list[dt.datetime]:
    """The first instant (UTC) of each day from `first` on, and of `end`."""
    return [_first_instant(first + dt.timedelta(days=number), tz) for number in range((end - first).days + 1)]


def learning_span(
    end: dt.datetime, tz: ZoneInfo, history_from: dt.datetime | None, first_order_at: dt.datetime | None
) -> tuple[dt.date, dt.date] | None:
    """The whole days to learn from: up to `end`, from the first whole day of the history on, five years at most."""
    known_from = history_from or first_order_at
    if known_from is None or first_order_at is None:
        return None
    local, last = max(known_from, first_order_at).astimezone(tz), end.astimezone(tz).date()
    whole = local.date() + dt.timedelta(days=int(history_from is not None and local.time() != dt.time()))
    earliest = month_start(month_index(end, tz) - 12 * _YEARS_BACK, tz).astimezone(tz).date()
    first = max(whole, earliest)
    return (first, last) if first < last else None


def of_outlook(asked: BaselineAsked, end: dt.datetime, tz: ZoneInfo, outlook: Outlook) -> Counterfactual:
    """The forecast as it is kept, still without revision and time; amounts are rounded half to even."""
    return replace(
        without_outlook(asked, end, tz, ""),
        model=VERSION,
        months=tuple(_minor(span) for span in outlook.months),
        year=_minor(outlook.year),
        trained_from=_first_instant(outlook.trained_from, tz),
        trained_to=end,
        history_months=outlook.history_months,
        yearly=outlook.yearly,
        tested=outlook.tested,
        seasonal_recommended=outlook.seasonal_recommended,
        promotion_effect=outlook.promotion_effect,
    )


def without_outlook(asked: BaselineAsked, end: dt.datetime, tz: ZoneInfo, problem: str) -> Counterfactual:
    """A forecast that could not be made, and why."""
    return Counterfactual(
        store_id=asked.store_id,
        currency=asked.currency,
        basis=asked.basis,
        time_zone=asked.time_zone,
        first_month=end.astimezone(tz).date(),
        promotions=asked.promotions,
        problem=problem,
    )


def _minor(span: Span) -> Expected:
    return Expected(round(span.expected), round(span.lower), round(span.upper))


def _first_instant(day: dt.date, tz: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tz).astimezone(dt.UTC)
