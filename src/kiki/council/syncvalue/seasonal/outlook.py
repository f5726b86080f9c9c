"""What a forecast says of a store: values, no arithmetic."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

VERSION = "seasonal-2"
"""The model; changes with every change that moves a figure."""
LEVEL = 0.9
"""The probability with which an interval holds the truth."""


class Span(NamedTuple):
    """What is expected of a span, and its interval, in the unit of the series."""

    expected: float
    lower: float
    upper: float


class TrackRecord(NamedTuple):
    """A back-test in figures; errors are medians over the origins of absolute relative ones (`backtest.py`)."""

    origins: int
    error: float
    plain_error: float
    month_error: float
    plain_month_error: float
    covered: float
    """Part of the origins whose year lay within the interval."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion of the shop: from `first` to `last`, both included."""

    first: dt.date
    last: dt.date
    name: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Months from `first` on."""

    first: dt.date
    months: tuple[Span, ...]
    year: Span
    """The first twelve months together."""
    trained_from: dt.date
    history_months: int
    """Whole months that were learned from."""
    yearly: bool
    """Whether a yearly season could be told: not with less than fourteen months."""
    tested: TrackRecord | None
    """None with less than 24 whole months."""
    seasonal_recommended: bool
    """Whether the back-test says that the seasonal figure is nearer than the plain average; False when untested."""
    promotion_effect: float | None = None
    """By what part a promotion raised a day's revenue; None when none lay in the days learned from."""
