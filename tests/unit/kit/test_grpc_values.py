"""Times and errors cross the wire unchanged."""

import datetime as dt

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit import errors
from kiki.kit.grpc.money import money_from_proto
from kiki.kit.grpc.status import error_from_item, item_error
from kiki.kit.grpc.times import time_from_proto, time_to_proto

FIRST, LAST = dt.datetime(1900, 1, 1), dt.datetime(2999, 12, 31)  # noqa: DTZ001  Hypothesis adds the zone.
KINDS = [
    errors.InvalidInput,
    errors.NotFound,
    errors.Conflict,
    errors.Unauthenticated,
    errors.PermissionDenied,
    errors.FailedPrecondition,
    errors.ResourceExhausted,
    errors.DeadlineExceeded,
    errors.Unavailable,
    errors.InvariantBroken,
]


@given(st.datetimes(timezones=st.just(dt.UTC), min_value=FIRST, max_value=LAST))
def test_a_time_reads_back(at: dt.datetime) -> None:
    assert time_from_proto(time_to_proto(at)) == at


@pytest.mark.parametrize("year", [1, 1899, 3000, 9999])
def test_a_time_out_of_range_is_refused(year: int) -> None:
    at = dt.datetime(year, 7, 1, tzinfo=dt.UTC)
    with pytest.raises(errors.InvalidInput, match="1900 to 2999"):
        time_from_proto(time_to_proto(at))
    with pytest.raises(errors.InvalidInput, match="1900 to 2999"):
        time_from_proto(Timestamp(seconds=10**15 if year > 2000 else -(10**15)))


@pytest.mark.parametrize(
    "message",
    [
        MoneyMessage(currency_code="EUR", units=1, nanos=1),
        MoneyMessage(currency_code="JPY", units=1, nanos=500_000_000),
        MoneyMessage(currency_code="EUR", units=1, nanos=-10_000_000),
        MoneyMessage(currency_code="", units=1),
    ],
)
def test_an_inexact_amount_is_refused(message: MoneyMessage) -> None:
    with pytest.raises(errors.InvalidInput):
        money_from_proto(message)


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_error_keeps_its_kind(kind: type[errors.KikiError]) -> None:
    back = error_from_item(*item_error(kind("what was wrong", reason="SOME_REASON")))
    assert (type(back), back.reason, back.message) == (kind, "SOME_REASON", "what was wrong")
