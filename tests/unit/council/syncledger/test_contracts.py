"""Which version of a contract follows: an end and a new connection win over versions for months to come."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncledger.contracts import next_version, superseded
from kiki.council.syncledger.domain import BaselineFigures, BaselineTold, Basis, Books, Rule, TermsAsked
from kiki.council.syncledger.errors import TermRefused
from kiki.council.syncledger.months import month_number, month_of, zone

CONNECTED = dt.datetime(2026, 9, 10, tzinfo=dt.UTC)
REMOVED = dt.datetime(2026, 10, 12, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 10, 12, 1, tzinfo=dt.UTC)
SEPTEMBER, OCTOBER, NOVEMBER, JANUARY = (month_number(*at) for at in ((2026, 9), (2026, 10), (2026, 11), (2027, 1)))
BASELINE = BaselineFigures(1_200, 100, 12)


def asked(rule: Rule = Rule.ATTRIBUTED, month: int | None = None, **more: object) -> TermsAsked:
    plain = TermsAsked(1, 200_000, Basis.NET_SALES, rule, "EUR", "Europe/Berlin", CONNECTED, None, month)
    return dataclasses.replace(plain, **more)  # type: ignore[arg-type]  # by case


def follow(
    books: Books, *wanted: TermsAsked | BaselineTold, now: dt.datetime = NOW, booked: int | None = None
) -> Books:
    for one in wanted:
        terms = next_version(one, books, now, booked)
        if terms not in books.versions:
            books = dataclasses.replace(books, versions=(*books.versions, terms))
    return books


def started(*wanted: TermsAsked, closed: int | None = None) -> Books:
    return dataclasses.replace(follow(Books(1, None, ()), asked(), *wanted), closed_through=closed)


def end(month: int | None = NOVEMBER, **more: object) -> TermsAsked:
    return asked(Rule.ENDED, month, **more)


def test_an_end_wins_over_a_version_for_a_later_month() -> None:
    books = follow(started(asked(month=JANUARY, fee_rate_ppm=100_000)), end(ended_at=REMOVED))
    assert [terms.effective_month for terms in books.versions] == [SEPTEMBER, JANUARY, NOVEMBER]
    assert superseded(books) == {2: 3}
    rules = [books.terms_for(month).rule for month in range(SEPTEMBER, JANUARY + 3)]
    assert rules == [Rule.ATTRIBUTED] * 2 + [Rule.ENDED] * 5


def test_without_a_month_an_end_comes_with_the_next_one_whatever_was_planned() -> None:
    books = follow(started(asked(month=JANUARY, fee_rate_ppm=100_000)), end(None))
    assert books.versions[-1].effective_month == NOVEMBER


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (asked(month=NOVEMBER), "VERSION_ORDER"),
        (end(month_number(2026, 8)), "VERSION_ORDER"),
        (end(SEPTEMBER), "MONTH_CLOSED"),
        (asked(month=SEPTEMBER, connected_at=NOW), "MONTH_CLOSED"),
    ],
    ids=["another rule", "before the books", "a closed month", "a new connection in a closed month"],
)
def test_nothing_else_wins(wanted: TermsAsked, reason: str) -> None:
    closed = None if reason == "VERSION_ORDER" else SEPTEMBER
    with pytest.raises(TermRefused) as refused:
        follow(started(asked(month=JANUARY, fee_rate_ppm=100_000), closed=closed), wanted)
    assert refused.value.reason == reason


def test_a_removal_is_never_refused_for_a_month_that_was_closed_meanwhile() -> None:
    books = follow(started(closed=NOVEMBER), end(NOVEMBER, ended_at=REMOVED))
    assert books.versions[-1].effective_month == NOVEMBER + 1


def test_an_end_counts_what_was_booked_in_its_month_on_the_basis_that_it_was_booked_on() -> None:
    """The store's basis is another from January on; the end comes before, in a month with orders."""
    books = started(asked(month=JANUARY, basis=Basis.TOTAL))
    ended = next_version(end(OCTOBER, basis=Basis.TOTAL), books, NOW, OCTOBER)
    assert (ended.rule, ended.basis) == (Rule.ENDED, Basis.NET_SALES)


def test_a_new_connection_starts_its_own_over_what_was_planned_for_the_old_one() -> None:
    back = NOW + dt.timedelta(days=3)
    books = follow(started(asked(month=JANUARY, fee_rate_ppm=100_000)), end(ended_at=REMOVED))
    later = asked(month=month_number(2027, 3))
    books = follow(books, later, asked(month=NOVEMBER, connected_at=back), now=back)
    assert superseded(books) == {2: 3, 3: 5, 4: 5}
    assert books.terms_for(JANUARY + 5).connected_at == back


def test_a_new_connection_has_a_baseline_of_its_own() -> None:
    """That of the connection before it goes on with its versions, and with its end; not with the next connection."""
    back = NOW + dt.timedelta(days=3)
    told = BaselineTold(1, BASELINE, Basis.NET_SALES, "EUR", None)
    books = follow(started(), told, asked(Rule.UPLIFT, NOVEMBER), end(JANUARY, ended_at=REMOVED))
    assert [terms.baseline for terms in books.versions[1:]] == [BASELINE] * 3
    with pytest.raises(TermRefused) as refused:
        follow(books, asked(Rule.UPLIFT, JANUARY, connected_at=back), now=back)
    assert refused.value.reason == "BASELINE_INCOMPLETE"
    books = follow(books, asked(month=JANUARY, connected_at=back), now=back)
    assert books.versions[-1].baseline is None
    own = BaselineFigures(2_400, 200, 12)
    books = follow(books, dataclasses.replace(told, baseline=own), asked(Rule.UPLIFT, JANUARY, connected_at=back))
    assert (books.versions[-1].rule, books.versions[-1].baseline) == (Rule.UPLIFT, own)
    assert books.terms_for(NOVEMBER).baseline == BASELINE, "months before it are compared as they were"


def test_a_baseline_that_is_told_after_the_end_keeps_the_moment_of_the_end() -> None:
    books = follow(started(), end(ended_at=REMOVED), BaselineTold(1, BASELINE, Basis.NET_SALES, "EUR", None))
    assert (books.versions[-1].baseline, books.versions[-1].ended_at) == (BASELINE, REMOVED)
    assert books.versions[-1].effective_month == NOVEMBER


@given(st.lists(st.tuples(st.sampled_from(list(Rule)[:3]), st.integers(0, 8)), max_size=6), st.integers(0, 8))
def test_after_an_end_nothing_is_billed_whatever_was_planned(plans: list[tuple[Rule, int]], at: int) -> None:
    books = started()
    for rule, ahead in plans:
        with contextlib.suppress(TermRefused):
            books = follow(books, asked(rule, OCTOBER + ahead, baseline=BASELINE))
    before = [books.terms_for(month) for month in range(SEPTEMBER, OCTOBER + at)]
    ended = follow(books, end(OCTOBER + at))
    assert [ended.terms_for(month) for month in range(SEPTEMBER, OCTOBER + at)] == before
    assert all(ended.terms_for(month).rule is Rule.ENDED for month in range(OCTOBER + at, OCTOBER + 20))
    in_force = {ended.terms_for(month).version for month in range(SEPTEMBER, OCTOBER + 20)}
    assert in_force == {terms.version for terms in ended.versions} - set(superseded(ended))


def test_the_first_version_is_in_force_from_the_connection() -> None:
    assert started().versions[0].effective_month == month_of(CONNECTED, zone("Europe/Berlin"))
