"""The part of a span that a store was connected for, and the baseline of that part. Pure.

A month in which the contract begins, or the app is removed, is compared with as much of the month's baseline as the
connected time is of the month, to the microsecond. The baseline of a part is what has come together at its end less
what had at its beginning, so that the parts of a month sum to the month's baseline, to the minor unit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from kiki.council.syncledger.domain import Books
from kiki.council.syncledger.months import month_of, month_span, zone
from kiki.kit.money import proportion

_MICROSECOND = dt.timedelta(microseconds=1)


class Span(NamedTuple):
    """Instants from `start` up to, and without, `end`."""

    start: dt.datetime
    end: dt.datetime


def first_month(books: Books) -> int:
    """With which the store's books begin: that of its first connection."""
    first = books.versions[0]
    return month_of(first.connected_at, zone(first.time_zone))


def connected_in(books: Books, start: dt.datetime, end: dt.datetime) -> list[Span]:
    """The parts of a span that the store was connected for, in order; neither empty nor touching."""
    parts: list[Span] = []
    for began, ended in _connections(books):
        first, last = max(start, began), end if ended is None else min(end, ended)
        if first >= last:
            continue
        if parts and parts[-1].end == first:
            parts[-1] = Span(parts[-1].start, last)
        else:
            parts.append(Span(first, last))
    return parts


def baseline_of(monthly_minor: int, parts: Sequence[Span], time_zone: str) -> int:
    """The baseline of some time, at `monthly_minor` for a whole calendar month of the time zone."""
    tz = zone(time_zone)
    total = 0
    for part in parts:
        month = month_of(part.start, tz)
        while (span := Span(*month_span(month, tz))).start < part.end:
            total += _up_to(monthly_minor, span, part.end) - _up_to(monthly_minor, span, part.start)
            month += 1
    return total


def _up_to(monthly_minor: int, month: Span, at: dt.datetime) -> int:
    """As much of a month's baseline as has passed of the month."""
    return proportion(monthly_minor, (at - month.start) // _MICROSECOND, (month.end - month.start) // _MICROSECOND)


def _connections(books: Books) -> list[tuple[dt.datetime, dt.datetime | None]]:
    """When the store was connected each time, and when that ended: with the app, or when the next one began."""
    ends: dict[dt.datetime, list[dt.datetime]] = {}
    for terms in books.versions:
        known = ends.setdefault(terms.connected_at, [])
        if terms.ended_at is not None:
            known.append(terms.ended_at)
    began = sorted(ends)
    found: list[tuple[dt.datetime, dt.datetime | None]] = []
    for at, following in zip(began, [*began[1:], None], strict=True):
        limits = ends[at] if following is None else [*ends[at], following]
        found.append((at, min(limits, default=None)))
    return found
