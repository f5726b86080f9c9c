"""Aware UTC times ↔ `google.protobuf.Timestamp`, to the microsecond."""

from __future__ import annotations

import datetime as dt

from google.protobuf.timestamp_pb2 import Timestamp

from kiki.kit.errors import InvalidInput

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
FIRST_SECOND = int((dt.datetime(1900, 1, 1, tzinfo=dt.UTC) - _EPOCH).total_seconds())
LAST_SECOND = int((dt.datetime(3000, 1, 1, tzinfo=dt.UTC) - _EPOCH).total_seconds()) - 1


def time_to_proto(at: dt.datetime) -> Timestamp:
    """Raises `ValueError` on a naive time: that is a fault in the caller."""
    if at.tzinfo is None:
        raise ValueError("a time is aware, got a naive one")
    since = at - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)


def optional_time_to_proto(at: dt.datetime | None) -> Timestamp | None:
    """The same of a time that may be unknown: a field given None stays absent."""
    return None if at is None else time_to_proto(at)


def time_from_proto(message: Timestamp) -> dt.datetime:
    """Raises `InvalidInput` outside the years 1900 to 2999: the ends of what `datetime` knows overflow in every sum."""
    seconds = message.seconds
    if not FIRST_SECOND <= seconds <= LAST_SECOND:
        raise InvalidInput(f"a time lies in the years 1900 to 2999, got {seconds} s since 1970", reason="BAD_TIME")
    at = dt.datetime.fromtimestamp(seconds, dt.UTC)
    nanos = message.nanos
    return at + dt.timedelta(0, 0, nanos // 1_000) if nanos else at


def time_key(message: Timestamp) -> tuple[int, int]:
    """A time for a digest of declared fields: nanoseconds in one number outgrow 64 bits in the year 2554."""
    return message.seconds, message.nanos
