"""The part of a month that is compared with its baseline: parts of a month sum to the month."""

from __future__ import annotations

import dataclasses
import datetime as dt
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncledger.domain import BaselineFigures, Basis, Books, Rule, Terms
from kiki.council.syncledger.fees import MonthFigures, MonthSums
from kiki.council.syncledger.months import month_number, month_span, zone
from kiki.council.syncledger.parts import Span, baseline_of, connected_in
from kiki.council.syncledger.statement import StoreRevenue, state_month
from kiki.kit.money import Money

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "UTC")
OCTOBER = month_number(2026, 10)
MONTHS = st.integers(month_number(2025, 1), month_number(2027, 12))


def at(month: int, day: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, tzinfo=zone("Europe/Berlin")).astimezone(dt.UTC)


def terms(version: int, connected: dt.datetime, effective: int, rule: Rule = Rule.UPLIFT, **more: object) -> Terms:
    baseline = BaselineFigures(372_000, 31_000, 12)
    first = Terms(1, version, 200_000, Basis.NET_SALES, rule, "EUR", "Europe/Berlin", connected, baseline, effective)
    return dataclasses.replace(first, **more)  # type: ignore[arg-type]


@given(st.sampled_from(ZONES), MONTHS, st.integers(0, 10**12), st.lists(st.fractions(0, 1), max_size=6))
def test_the_parts_of_a_month_sum_to_its_baseline(
    zone_name: str, month: int, monthly: int, cuts: list[Fraction]
) -> None:
    start, end = month_span(month, zone(zone_name))
    instants = sorted([start, end, *(start + (end - start) * float(cut) for cut in cuts)])
    parts = [Span(first, last) for first, last in pairwise(instants)]
    each = [baseline_of(monthly, [part], zone_name) for part in parts]
    assert sum(each) == baseline_of(monthly, parts, zone_name) == monthly
    for part, amount in zip(parts, each, strict=True):
        exact = (
            Fraction(monthly)
            * Fraction((part.end - part.start) / dt.timedelta(microseconds=1))
            / Fraction((end - start) / dt.timedelta(microseconds=1))
        )
        assert abs(amount - exact) <= 1, "in proportion to its time, to the minor unit"


@given(st.sampled_from(ZONES), MONTHS, st.integers(1, 30), st.integers(0, 10**12), st.integers(0, 10**9))
def test_a_span_over_months_has_the_baselines_of_its_months(
    zone_name: str, month: int, count: int, monthly: int, seconds: int
) -> None:
    start, end = month_span(month, zone(zone_name))[0], month_span(month + count, zone(zone_name))[0]
    assert baseline_of(monthly, [Span(start, end)], zone_name) == monthly * count
    cut = min(end, start + dt.timedelta(seconds=seconds))
    halves = [
        baseline_of(monthly, [half], zone_name) for half in (Span(start, cut), Span(cut, end)) if half[0] < half[1]
    ]
    assert sum(halves) == monthly * count


def test_the_month_of_a_change_of_clocks_has_an_hour_more() -> None:
    """October 2026 in Berlin: 31 days and an hour; its first day is a 745th less than 24 of 744 would be."""
    assert baseline_of(745, [Span(at(10, 1), at(10, 2))], "Europe/Berlin") == 24
    assert baseline_of(745, [Span(at(10, 25), at(10, 26))], "Europe/Berlin") == 25


def test_a_store_is_connected_from_its_connection_to_the_removal_and_again() -> None:
    first, second = at(9, 10), at(10, 20)
    books = Books(
        1,
        None,
        (
            terms(1, first, OCTOBER - 1),
            terms(2, first, OCTOBER + 1, Rule.ENDED, ended_at=at(10, 10)),
            terms(3, second, OCTOBER + 1),
        ),
    )
    assert connected_in(books, at(8, 1), at(9, 1)) == []
    assert connected_in(books, at(9, 1), at(10, 1)) == [Span(first, at(10, 1))]
    assert connected_in(books, at(10, 1), at(11, 1)) == [Span(at(10, 1), at(10, 10)), Span(second, at(11, 1))]
    assert connected_in(books, at(11, 1), at(12, 1)) == [Span(at(11, 1), at(12, 1))]


def test_versions_of_one_connection_leave_the_months_whole() -> None:
    """A change of rule comes with a month, so that no month is cut by it; nor is one by an end without a removal."""
    first = at(9, 10)
    books = Books(
        1,
        None,
        (
            terms(1, first, OCTOBER - 1),
            terms(2, first, OCTOBER, Rule.LESSER_OF),
            terms(3, first, OCTOBER + 1, Rule.ENDED),
            terms(4, first, OCTOBER + 2),
        ),
    )
    for month in range(10, 12):
        assert connected_in(books, at(month, 1), at(month + 1, 1)) == [Span(at(month, 1), at(month + 1, 1))]


def stated(books: Books, month: int, current: int, attributed: int = 0) -> tuple[int | None, int, bool]:
    figures = MonthFigures(MonthSums(attributed, 0, 0, 0), 0, 0, 0, 0.0)
    found = state_month(books, month, figures, StoreRevenue(Money(current, "EUR")))
    return found.baseline, found.fee_revenue, found.partial


def test_a_month_is_compared_with_the_baseline_of_its_connected_part() -> None:
    first = at(9, 16)
    ended = terms(2, first, OCTOBER + 1, Rule.ENDED, ended_at=at(10, 11))
    books = Books(1, None, (terms(1, first, OCTOBER - 1), ended))
    assert stated(books, OCTOBER - 1, 20_000) == (15_500, 4_500, True), "half of September"
    ten_days = 31_000 * 240 / 745
    assert stated(books, OCTOBER, 12_000) == (round(ten_days), 12_000 - round(ten_days), True)
    assert stated(books, OCTOBER + 1, 0) == (0, 0, True), "not connected at all"
    whole = Books(1, None, (terms(1, first, OCTOBER - 1),))
    assert stated(whole, OCTOBER, 40_000) == (31_000, 9_000, False)
    lesser = Books(1, None, (terms(1, first, OCTOBER - 1, Rule.LESSER_OF), ended))
    assert stated(lesser, OCTOBER - 1, 20_000, attributed=3_000) == (15_500, 3_000, True)
    assert stated(lesser, OCTOBER - 1, 16_000, attributed=3_000) == (15_500, 500, True)
