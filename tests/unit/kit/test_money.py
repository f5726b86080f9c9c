"""Money keeps every minor unit."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.kit.grpc.money import money_from_proto, money_to_proto
from kiki.kit.money import Money, check_currency, exponent

currencies = st.sampled_from(["EUR", "USD", "JPY", "KWD", "CLF", "HUF"])
minors = st.integers(-(2**62), 2**62)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("10.00", "EUR", 1000),
        ("23600", "JPY", 23600),
        ("1.2345", "KWD", 1235),
        (50, "EUR", 5000),
        (19.99, "EUR", 1999),
        ("-10.005", "EUR", -1001),
        (" 7 ", "EUR", 700),
    ],
)
def test_platform_amounts_become_minor_units(text: str | float, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize("value", ["", "ten", None, True, "NaN", "Infinity", "1e30", 10**40])
def test_what_is_not_an_amount_is_refused(value: str | None) -> None:
    with pytest.raises(InvalidInput):
        Money.parse(value, "EUR")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(InvalidInput, match="EUR and USD"):
        Money(1, "EUR") + Money(1, "USD")


@pytest.mark.parametrize("code", ["EURO", "E1R", "", None, 12])
def test_a_currency_is_three_letters(code: object) -> None:
    with pytest.raises(InvalidInput):
        check_currency(code)


def test_rounding_is_named_where_it_happens() -> None:
    assert Money(125, "EUR").share(Decimal("0.1")) == Money(13, "EUR")
    assert Money(125, "EUR").share(Decimal("0.1"), rounding=ROUND_HALF_EVEN) == Money(12, "EUR")


@given(minors, currencies)
def test_text_form_reads_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(str(money).split()[0], currency) == money
    assert money.amount.as_tuple().exponent == -exponent(currency)


@given(minors, currencies)
def test_google_money_reads_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert money_from_proto(money_to_proto(money)) == money


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**6), min_size=1).filter(any))
def test_split_sums_to_the_whole(minor: int, weights: list[int]) -> None:
    shares = Money(minor, "EUR").split(weights)
    assert sum(share.minor for share in shares) == minor
    total = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.minor - minor * weight / total) <= 1


@given(st.integers(0, 10**12), st.integers(0, 10**6), st.integers(1, 10**6))
def test_ratio_is_exact_before_it_rounds(minor: int, numerator: int, denominator: int) -> None:
    got = Money(minor, "EUR").ratio(numerator, denominator).minor
    assert abs(got * denominator - minor * numerator) * 2 <= denominator
