"""Numbers and dates as people write them: read by their column, and nothing is guessed."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.written import DateStyle, NumberStyle, Unclear, date_style, number_style


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        pytest.param(["$1,234.50", "3"], [1234.5, 3], id="dollars"),
        pytest.param(["1.234,50 €", "3"], [1234.5, 3], id="euros"),
        pytest.param(["12,5", "1.234"], [12.5, 1234], id="a comma elsewhere makes the point a thousand"),
        pytest.param(["3.95", "1,234"], [3.95, 1234], id="a point elsewhere makes the comma a thousand"),
        pytest.param(["1.234"], [1.234], id="a point alone stands as it is"),
        pytest.param(["(5.00)", "5.00-", "-$5", "$-5", "−5"], [-5, -5, -5, -5, -5], id="minus"),
        pytest.param(["USD 5", "5 EUR", "R$ 5", "5 kr"], [5, 5, 5, 5], id="currencies"),
        pytest.param(["1 234,50", "1\u202f234,5"], [1234.5, 1234.5], id="spaces between thousands"),
        pytest.param(["1’234.50"], [1234.5], id="Swiss"),
        pytest.param(["1,23,456.00"], [123456], id="Indian"),
        pytest.param(["€ 1.234.567"], [1234567], id="several points"),
        pytest.param(["1e3", ".5"], [1000, 0.5], id="programs"),
        pytest.param(["0,123", ",5"], [0.123, 0.5], id="nothing before the comma"),
    ],
)
def test_numbers_are_read_by_their_column(column: list[str], numbers: list[float]) -> None:
    style = number_style(column)
    assert [style.read(text) for text in column] == numbers


@pytest.mark.parametrize("text", ["", "5k", "--5", "5%", "12,34,5", "1,2,3", "5 USD EUR", "(5", "-(5)", "1,234,"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        NumberStyle(".").read(text)


def test_a_column_that_does_not_say_is_unclear() -> None:
    with pytest.raises(Unclear, match="'1,234' may be a thousand or a decimal comma") as caught:
        number_style(["7", "1,234"])
    assert caught.value.text == "1,234"
    assert number_style(["7", "1,234"], counts=True).read("1,234") == 1234
    with pytest.raises(Unclear, match=r"'1\.2' with a decimal point and '1,2' with a decimal comma"):
        number_style(["1,2", "1.2"])


@given(st.lists(st.decimals(0, 10**9, places=2, allow_nan=False), min_size=1))
def test_both_ways_of_writing_say_the_same(amounts: list[object]) -> None:
    english = [f"{amount:,}" for amount in amounts]
    german = [text.translate({44: 46, 46: 44}) for text in english]
    for column in (english, german):
        style = number_style(column)
        assert [style.read(text) for text in column] == [float(f"{amount}") for amount in amounts]


@pytest.mark.parametrize(
    ("column", "first"),
    [
        pytest.param(["2026-01-02"], "2026-01-02T00:00:00", id="ISO"),
        pytest.param(["2026/1/2"], "2026-01-02T00:00:00", id="slashes"),
        pytest.param(["20260102"], "2026-01-02T00:00:00", id="eight digits"),
        pytest.param(["20260102103000"], "2026-01-02T10:30:00", id="fourteen digits"),
        pytest.param(["1767312000"], "2026-01-02T00:00:00+00:00", id="seconds"),
        pytest.param(["1767312000000"], "2026-01-02T00:00:00+00:00", id="milliseconds"),
        pytest.param(["1767312000000000"], "2026-01-02T00:00:00+00:00", id="microseconds"),
        pytest.param(["1704110400000"], "2024-01-01T12:00:00+00:00", id="milliseconds that look like a day"),
        pytest.param(["2026-01-02 10:00:00 +0200"], "2026-01-02T10:00:00+02:00", id="as Shopify exports"),
        pytest.param(["1/2/2026 8:26", "1/13/2026 8:26"], "2026-01-02T08:26:00", id="month first"),
        pytest.param(["02/01/2026", "13/01/2026"], "2026-01-02T00:00:00", id="day first"),
        pytest.param(["2.1.26"], "2026-01-02T00:00:00", id="points are day first"),
        pytest.param(["2 Jan 2026"], "2026-01-02T00:00:00", id="name of the month"),
        pytest.param(["Jan 2, 2026 3:04 PM"], "2026-01-02T15:04:00", id="American name"),
        pytest.param(["02-Jan-2026"], "2026-01-02T00:00:00", id="name and hyphens"),
        pytest.param(["1/2/2026 12:05 AM", "1/13/2026 1:00 PM"], "2026-01-02T00:05:00", id="midnight"),
        pytest.param(["Fri, 02 Jan 2026 10:00:00 GMT"], "2026-01-02T10:00:00+00:00", id="as mail"),
    ],
)
def test_dates_are_read_by_their_column(column: list[str], first: str) -> None:
    assert date_style(column).read(column[0]).isoformat() == first


@pytest.mark.parametrize(
    "text",
    ["", "soon", "44927", "2026-02-30", "31/31/2026", "0000-00-00", "-5", "1e9", "9" * 19, "1/2/2026", "5 Foo 2026"],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        DateStyle().read(text)


def test_day_and_month_are_not_guessed() -> None:
    with pytest.raises(Unclear, match="'01/02/2026' may be day/month or month/day"):
        date_style(["2026-03-04", "01/02/2026"])
    with pytest.raises(Unclear, match="the day first and '12/31/2026' with the month first"):
        date_style(["31/12/2026", "12/31/2026"])
    assert DateStyle("mdy").read("01/02/2026").date() == dt.date(2026, 1, 2)


@given(st.dates(dt.date(1970, 1, 1), dt.date(2068, 12, 31)), st.sampled_from(["%d/%m/%Y", "%d-%m-%y", "%d.%m.%Y"]))
def test_a_column_with_a_day_over_twelve_is_read_back(day: dt.date, form: str) -> None:
    column = [day.strftime(form), dt.date(2020, 1, 31).strftime(form)]
    assert date_style(column).read(column[0]).date() == day
