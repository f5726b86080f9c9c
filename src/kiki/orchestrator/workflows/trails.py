"""A person's contacts in the order of time, of which a decision looks at those around its order and at no others."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from operator import attrgetter

from kiki.commerce.campaigns import TouchpointRow

_SESSION = dt.timedelta(minutes=30)
"""How long after its beginning a visit may be told of by the collector: consent is asked first."""
_time_of = attrgetter("at")
_place_of = attrgetter("at", "touchpoint_id")
_origin_of = attrgetter("utm_source", "utm_medium", "utm_campaign", "utm_id")
_Origin = tuple[str | None, ...]


def reach_of(placed_at: dt.datetime, window: dt.timedelta) -> tuple[dt.datetime, dt.datetime]:
    """From when to when contacts matter to an order: those in its window, and those that may be the same visits."""
    return placed_at - 2 * window, placed_at + _SESSION


class Trail:
    """One person's contacts, the oldest first, of one moment by their ids."""

    __slots__ = ("_collected", "_ids", "rows")

    def __init__(self, rows: Iterable[TouchpointRow] = ()) -> None:
        self.rows = sorted(rows, key=_place_of)
        self._ids: set[str] | None = None
        self._collected: dict[_Origin, list[dt.datetime]] | None = None

    def add(self, row: TouchpointRow) -> None:
        """One more contact, in its place; one whose id is there already changes nothing."""
        if self._ids is None:
            self._ids = {known.touchpoint_id for known in self.rows}
        if row.touchpoint_id in self._ids:
            return
        self._ids.add(row.touchpoint_id)
        insort(self.rows, row, key=_place_of)
        if row.source == "pixel" and self._collected is not None:
            insort(self._collected.setdefault(_origin_of(row), []), row.at)

    def join(self, other: Trail) -> None:
        """The contacts of somebody who is the same person."""
        self.rows = sorted([*self.rows, *other.rows], key=_place_of)
        self._ids = self._collected = None

    def newest(self, placed_at: dt.datetime, window: dt.timedelta) -> Iterator[TouchpointRow]:
        """The contacts in the window before an order, both ends included, the newest first, each once.

        What an order tells of its own visit gives way to the collector's word on the same visit. An order's visit has
        the time of the order where the shop does not say when it began.
        """
        begin = bisect_left(self.rows, placed_at - window, key=_time_of)
        end = bisect_right(self.rows, placed_at, lo=begin, key=_time_of)
        for at in range(end - 1, begin - 1, -1):
            row = self.rows[at]
            if row.source != "order" or not self._is_collected(row, window):
                yield row

    def _is_collected(self, row: TouchpointRow, window: dt.timedelta) -> bool:
        if self._collected is None:
            self._collected = {}
            for each in self.rows:
                if each.source == "pixel":
                    self._collected.setdefault(_origin_of(each), []).append(each.at)
        times = self._collected.get(_origin_of(row))
        if times is None:
            return False
        first = bisect_left(times, row.at - window)
        return first < len(times) and times[first] <= row.at + _SESSION
