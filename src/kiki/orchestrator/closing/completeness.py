"""Whether everything that came before a closing is booked. Pure; what was seen is remembered between the looks.

A delivery is decided, and its calls are written, in one transaction. So a look that finds no delivery from before the
closing undecided sees all their calls, and none of them has a number above the last one handed out: that number is the
mark. The month is complete once no call up to the mark waits, however late its deliveries were decided, and though
calls of later deliveries keep coming. A replay of a delivery or call starts over; so does a worker that has forgotten.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from kiki.orchestrator.closing.repository import MonthRow, Work

_Key = tuple[int, str]


class _Mark(NamedTuple):
    before: dt.datetime
    retries: tuple[int, int]
    call: int


class Completeness:
    """Follows months until they are closed."""

    def __init__(self) -> None:
        self._marks: dict[_Key, _Mark] = {}

    def is_behind(self, row: MonthRow, work: Work) -> bool:
        """Whether something that came before the month's closing may still change it, by one look at its store."""
        key = _key(row)
        if work.undecided:
            self._marks.pop(key, None)
            return True
        mark = self._marks.get(key)
        if mark is None or (mark.before, mark.retries) != (row.before, work.retries) or work.last_call < mark.call:
            mark = self._marks[key] = _Mark(row.before, work.retries, work.last_call)
        return work.oldest_call is not None and work.oldest_call <= mark.call

    def forget(self, row: MonthRow) -> None:
        """A month that is followed no longer, or asked about."""
        self._marks.pop(_key(row), None)


def _key(row: MonthRow) -> _Key:
    return row.store_id, row.month.text
