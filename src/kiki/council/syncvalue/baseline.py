"""The months before the connection, in the store's own time zone, and what they earned."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kiki.council.syncvalue.errors import BadRequest

MONTHS = 12


def zone(name: str) -> ZoneInfo:
    """The IANA time zone; `BadRequest` when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRequest("a time zone is an IANA name such as Europe/Berlin", reason="BAD_TIME_ZONE") from None


def month_start(index: int, tz: ZoneInfo) -> dt.datetime:
    """First instant (UTC) of the month with this index (year · 12 + month − 1)."""
    try:
        return dt.datetime(index // 12, index % 12 + 1, 1, tzinfo=tz).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise BadRequest("a month lies between the years 2 and 9998", reason="BAD_TIME") from None


def month_index(at: dt.datetime, tz: ZoneInfo) -> int:
    """The month that an instant belongs to."""
    local = at.astimezone(tz)
    return local.year * 12 + local.month - 1


def months_before(connected_at: dt.datetime, tz: ZoneInfo) -> range:
    """The twelve whole months before the month of the connection."""
    last = month_index(connected_at, tz)
    return range(last - MONTHS, last)


def months_between(start: dt.datetime, end: dt.datetime, tz: ZoneInfo) -> range:
    """The months of a span that begins and ends with one; `BadRequest` for any other span."""
    first, last = month_index(start, tz), month_index(end, tz)
    if not start < end or month_start(first, tz) != start or month_start(last, tz) != end:
        raise BadRequest(
            "a baseline's period starts and ends with the first instant of a month in the store's time zone",
            reason="PERIOD_NOT_MONTHS",
        )
    return range(first, last)


def available_months(
    months: range, tz: ZoneInfo, history_from: dt.datetime | None, first_order_at: dt.datetime | None
) -> range:
    """Those of the months that the history covers: from `history_from` on, else from the month of the first order."""
    if first_order_at is None:
        return range(months.stop, months.stop)
    if history_from is None:
        begin = month_index(first_order_at, tz)
    else:
        begin = month_index(history_from, tz)
        begin += month_start(begin, tz) < history_from
    return range(min(max(months.start, begin), months.stop), months.stop)


def divided(amount_minor: int, parts: int) -> int:
    """An amount divided, rounded half up (away from zero); 0 for no parts."""
    if parts <= 0:
        return 0
    whole = (2 * abs(amount_minor) + parts) // (2 * parts)
    return whole if amount_minor >= 0 else -whole
