"""Calendar months of a contract's time zone, as one number: year · 12 + month − 1."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kiki.council.syncledger.errors import BadRequest


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The IANA time zone; `BadRequest` when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRequest("a time zone is an IANA name such as Europe/Berlin", reason="BAD_TIME_ZONE") from None


def month_of(at: dt.datetime, tz: ZoneInfo) -> int:
    """The month that an instant belongs to."""
    local = at.astimezone(tz)
    return local.year * 12 + local.month - 1


def month_number(year: int, month: int) -> int:
    """The number of a calendar month; `BadRequest` when there is no such month."""
    if not (1 <= month <= 12 and 2 <= year <= 9998):
        raise BadRequest(f"a month is 1 to 12 of a year from 2 to 9998, got {year}-{month}", reason="BAD_MONTH")
    return year * 12 + month - 1


def month_parts(number: int) -> tuple[int, int]:
    """Year and month."""
    return number // 12, number % 12 + 1


def month_text(number: int) -> str:
    """For messages: `2026-11`."""
    return "{:04d}-{:02d}".format(*month_parts(number))


def month_span(number: int, tz: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """First and first-after instant, UTC."""
    return _start(number, tz), _start(number + 1, tz)


def _start(number: int, tz: ZoneInfo) -> dt.datetime:
    year, month = month_parts(number)
    return dt.datetime(year, month, 1, tzinfo=tz).astimezone(dt.UTC)
