"""What a merchant reads is told by the clock of the store: times in its zone, each with its offset from UTC."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

_INSTANTS = ("start", "end", "as_of")
_MICROSECOND = dt.timedelta(microseconds=1)


def localized(values: Any, time_zone: str) -> Any:
    """The same values with every instant in the zone: `2026-09-30T22:30:00Z` is `2026-10-01T00:30:00+02:00` in Berlin.

    Instants are what is called `…_at`, `start`, `end` or `as_of`; days and the text of a shop stay as they are.
    """
    return _local(values, ZoneInfo(time_zone))


def days_of(period: Mapping[str, str], time_zone: str) -> tuple[str, str]:
    """First and last day of a period that ends with the first instant after it."""
    zone = ZoneInfo(time_zone)
    start, end = (dt.datetime.fromisoformat(period[name]).astimezone(zone) for name in ("start", "end"))
    return start.date().isoformat(), (end - _MICROSECOND).date().isoformat()


def _local(values: Any, zone: ZoneInfo) -> Any:
    if isinstance(values, Mapping):
        return {name: _value(name, value, zone) for name, value in values.items()}
    if isinstance(values, list):
        return [_local(value, zone) for value in values]
    return values


def _value(name: str, value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, str):
        is_instant = value.endswith("Z") and (name.endswith("_at") or name in _INSTANTS)
        return dt.datetime.fromisoformat(value).astimezone(zone).isoformat() if is_instant else value
    return _local(value, zone)
