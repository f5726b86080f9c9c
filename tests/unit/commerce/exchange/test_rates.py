"""Which rate counts for a payment, and what cross rates come to."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kiki.commerce.exchange.rates import LOOK_BACK, Rate, RateTable, checked, plain, read_rate, rounded
from kiki.kit.errors import InvalidInput
from kiki.kit.money import exchanged

DAY = dt.timedelta(days=1)
FRIDAY = dt.date(2026, 11, 20)
LATER = FRIDAY + 30 * DAY
CODES = ("EUR", "USD", "GBP", "JPY", "KWD")
RATES = st.decimals("0.00001", "20000", places=5).filter(lambda rate: rate > 0)
FRACTIONS = st.fractions(Fraction(1, 10**9), 10**9, max_denominator=10**9)


def ecb(day: dt.date = FRIDAY, **rates: str) -> list[Rate]:
    return [Rate("EUR", code, day, Decimal(rate), "ecb") for code, rate in rates.items()]


def found(rates: list[Rate], base: str, quote: str, day: dt.date = FRIDAY, today: dt.date = LATER) -> tuple[str, ...]:
    rate = RateTable(rates).find(base, quote, day, today)
    return () if rate is None else (rate.text, str(rate.day), rate.source)


def test_a_rate_that_was_told_is_taken_as_it_was_told() -> None:
    assert found(ecb(USD="1.1545"), "EUR", "USD") == ("1.1545", "2026-11-20", "ecb")


def test_the_other_way_round_it_is_one_by_it() -> None:
    assert found(ecb(USD="1.1545"), "USD", "EUR") == ("0.866175833694", "2026-11-20", "ecb")


def test_a_cross_rate_goes_through_the_bases_currency() -> None:
    """1.1545 ÷ 0.8812 = 1.310145256468452…, to twelve digits."""
    assert found(ecb(USD="1.1545", GBP="0.8812"), "GBP", "USD") == ("1.31014525647", "2026-11-20", "ecb via EUR")


def test_a_rate_set_for_the_pair_counts_before_a_cross_rate_of_the_day() -> None:
    own = Rate("GBP", "USD", FRIDAY, Decimal("1.31"), "manual")
    assert found([*ecb(USD="1.1545", GBP="0.8812"), own], "GBP", "USD") == ("1.31", "2026-11-20", "manual")


def test_a_cross_rate_names_all_its_sources() -> None:
    rates = [*ecb(USD="1.2"), Rate("GBP", "EUR", FRIDAY, Decimal("1.25"), "manual")]
    assert found(rates, "GBP", "USD") == ("1.5", "2026-11-20", "ecb+manual via EUR")


def test_national_banks_quote_the_other_way_round() -> None:
    rates = [
        Rate("USD", "CHF", FRIDAY, Decimal("0.8"), "file"),
        Rate("GBP", "CHF", FRIDAY, Decimal(1), "file"),
    ]
    assert found(rates, "GBP", "USD") == ("1.25", "2026-11-20", "file via CHF")


@pytest.mark.parametrize(
    ("paid", "today", "wanted"),
    [
        (0, 0, "2026-11-20"),
        (1, 2, "2026-11-20"),
        (2, 3, "2026-11-20"),
        (7, 8, "2026-11-20"),
        (8, 9, None),
        (-1, 5, None),
        (1, 1, None),
        (1, 0, None),
    ],
    ids=["own", "Saturday", "Sunday", "a week", "too old", "earlier", "not over", "clock ahead"],
)
def test_the_day_of_payment_counts_or_else_the_newest_before_it(paid: int, today: int, wanted: str | None) -> None:
    told = found(ecb(USD="1.1545"), "EUR", "USD", FRIDAY + paid * DAY, FRIDAY + today * DAY)
    assert (told[1] if told else None) == wanted


def test_the_newest_of_earlier_days_counts_whatever_its_kind() -> None:
    older = Rate("GBP", "USD", FRIDAY - DAY, Decimal("1.31"), "manual")
    assert found([older, *ecb(USD="1.2", GBP="0.8")], "GBP", "USD", FRIDAY + DAY)[1:] == ("2026-11-20", "ecb via EUR")


def test_currencies_that_nothing_joins_have_no_rate() -> None:
    rates = [*ecb(USD="1.2"), Rate("GBP", "CHF", FRIDAY, Decimal(1), "file")]
    assert found(rates, "GBP", "USD") == ()


@given(FRACTIONS)
def test_rounding_errs_by_half_of_the_twelfth_digit_at_most(exact: Fraction) -> None:
    rate = rounded(exact)
    assert abs(Fraction(rate) - exact) <= max(exact * Fraction(1, 2 * 10**11), Fraction(1, 2 * 10**18))
    assert read_rate(plain(rate)) == rate, "what comes out can be told to the ledger"


@given(RATES, RATES, st.sampled_from(CODES), st.sampled_from(CODES))
@example(Decimal("402.66109"), Decimal("0.00001"), "USD", "GBP")
def test_there_and_back_is_one_to_eleven_digits_or_eighteen_decimals(
    first: Decimal, second: Decimal, base: str, quote: str
) -> None:
    if base == quote:
        return
    rates = {"CHF": None, base: first, quote: second}
    table = RateTable([Rate("CHF", code, FRIDAY, rate, "file") for code, rate in rates.items() if rate is not None])
    there, back = table.find(base, quote, FRIDAY, LATER), table.find(quote, base, FRIDAY, LATER)
    assert there is not None
    assert back is not None
    one, other = Fraction(there.rate), Fraction(back.rate)
    errs, turned = (max(Fraction(1, 10**11), Fraction(1, 2 * 10**18) / rate) for rate in (one, other))
    assert abs(one * other - 1) <= errs + turned + errs * turned
    assert abs(one - Fraction(second) / Fraction(first)) <= errs * one


@given(RATES, st.integers(0, 10**11), st.sampled_from(CODES), st.sampled_from(CODES))
def test_money_there_and_back_differs_by_what_was_rounded(rate: Decimal, minor: int, base: str, quote: str) -> None:
    """Half a minor unit of the other currency, what it is worth in this one, and half of this one's."""
    if base == quote:
        return
    table = RateTable([Rate(base, quote, FRIDAY, rate, "file")])
    back = table.find(quote, base, FRIDAY, LATER)
    assert back is not None
    there = exchanged(minor, base, quote, rate)
    worth = exchanged(2, quote, base, back.rate) + 1
    assert abs(exchanged(there, quote, base, back.rate) - minor) <= worth + minor // 10**10


@given(st.integers(-20, 20), st.lists(st.integers(-30, 10), max_size=6))
def test_no_rate_of_a_later_day_or_older_than_a_week_counts(paid: int, days: list[int]) -> None:
    day = FRIDAY + paid * DAY
    table = RateTable([rate for at in days for rate in ecb(FRIDAY + at * DAY, USD="1.1")])
    rate = table.find("EUR", "USD", day, LATER)
    in_reach = [at for at in days if day - LOOK_BACK <= FRIDAY + at * DAY <= day]
    assert (rate.day if rate else None) == (FRIDAY + max(in_reach) * DAY if in_reach else None)


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "1e5", "1,5", "nan", "inf", " 1", "1.", ".5", "1" + "0" * 12, "0." + "1" * 19, "٣", "1_0"],
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="positive decimal text"):
        read_rate(text)


def test_a_rate_is_of_two_currencies_on_a_day() -> None:
    told = checked("usd", "EUR", FRIDAY, "0.9", "manual")
    assert (told.base, told.rate) == ("USD", Decimal("0.9"))
    for base, quote, day in (("USD", "USD", FRIDAY), ("US", "EUR", FRIDAY), ("USD", "EUR", dt.date(1200, 1, 1))):
        with pytest.raises(InvalidInput):
            checked(base, quote, day, "1", "manual")
