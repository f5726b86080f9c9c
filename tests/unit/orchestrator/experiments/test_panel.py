"""Panels are read strictly, and what is wrong is named."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.panel import Panel, parse_period, read_panel
from kiki.orchestrator.experiments.panel_columns import Columns

DAYS = ["2021-03-30", "2021-03-31", "2021-04-01"]


def rows(**changed: Any) -> list[dict[str, Any]]:
    table = [
        {"location": place, "Y": str(10 * number + day), "date": date}
        for number, place in enumerate(("Chicago", "Portland", "Miami"))
        for day, date in enumerate(DAYS)
    ]
    table[4].update(changed)
    return table


def named(place: str, value: str, time: str) -> list[dict[str, Any]]:
    return [{place: row["location"], value: row["Y"], time: row["date"]} for row in rows()]


@pytest.mark.parametrize(
    ("place", "value", "time"),
    [("location", "Y", "date"), ("GEO", "Revenue", "Day"), ("city", "sales", "TIME"), ("Region", "value", "week")],
)
def test_columns_are_found_by_name_in_any_case(place: str, value: str, time: str) -> None:
    panel = read_panel(named(place, value, time))
    assert panel.places == ("Chicago", "Portland", "Miami")
    assert panel.periods == tuple(map(dt.date.fromisoformat, DAYS))
    assert panel.values.tolist() == [[0, 1, 2], [10, 11, 12], [20, 21, 22]]
    assert panel.warnings == ()


def test_a_wide_table_is_the_same_panel() -> None:
    long = read_panel(rows())
    by_period = [
        {"Date": day, **{place: str(10 * n + at) for n, place in enumerate(long.places)}} for at, day in enumerate(DAYS)
    ]
    by_place = [
        {"City": place, **{day: str(10 * n + at) for at, day in enumerate(DAYS)}} for n, place in enumerate(long.places)
    ]
    for wide in (by_period, by_place):
        panel = read_panel(wide)
        assert (panel.places, panel.periods, panel.values.tolist()) == (long.places, long.periods, long.values.tolist())


def test_a_hole_of_a_wide_table_is_named() -> None:
    wide = [{"date": day, "Chicago": "1", "Miami": "2", "St. Louis, MO": "3"} for day in DAYS]
    del wide[1]["Miami"]
    with pytest.raises(InvalidInput, match="row 2: Miami 2021-03-31 is a number, got nothing"):
        read_panel(wide)
    assert read_panel(wide, missing_are_zero=True).values.tolist() == [[1, 1, 1], [2, 0, 2], [3, 3, 3]]


def test_what_is_left_of_three_columns_needs_no_known_name() -> None:
    table = [{"town": row["location"], "turnover": row["Y"], "date": row["date"]} for row in rows()]
    with pytest.raises(InvalidInput, match="one place column is wanted"):
        read_panel(table)
    known = [{"location": row["town"], "turnover": row["turnover"], "date": row["date"]} for row in table]
    assert read_panel(known).values.tolist() == [[0, 1, 2], [10, 11, 12], [20, 21, 22]]


def test_a_place_without_a_row_can_count_as_zero() -> None:
    panel = read_panel([row for number, row in enumerate(rows()) if number != 4], missing_are_zero=True)
    assert panel.values.tolist() == [[0, 1, 2], [10, 0, 12], [20, 21, 22]]


def test_numbers_and_dates_are_read_as_the_table_writes_them() -> None:
    german = [
        {"geo": "a", "date": day, "sales": amount}
        for day, amount in (("31.12.2025", "1.234,50 €"), ("1.1.2026", "3,00"), ("2.1.2026", "4,00"))
    ]
    panel = read_panel(german)
    assert panel.values.tolist() == [[1234.5, 3, 4]]
    assert panel.position_of("01.01.2026", "--start") == panel.position_of("2026-01-01", "--start") == 1
    american = [{**row, "date": date} for row, date in zip(german, ("12/31/2025", "1/1/2026", "1/2/2026"), strict=True)]
    assert read_panel(american).position_of("1/2/2026", "--start") == 2
    with pytest.raises(InvalidInput, match=r"'1/1/2026' may be day/month .* --date-order"):
        read_panel(american[1:])
    assert read_panel(american[1:], date_order="dmy").periods[1] == dt.date(2026, 2, 1)


def test_milliseconds_are_no_day_of_1704() -> None:
    assert parse_period("1704110400000") == dt.date(2024, 1, 1)
    assert parse_period("31.0") == 31


def test_places_may_have_commas_in_their_names() -> None:
    table = [
        {"geo": geo, "y": 1, "period": period} for geo in ("St. Louis, MO", "Chicago", "MO") for period in range(3)
    ]
    panel = read_panel(table)
    assert panel.named_in(["chicago, St. Louis, MO"]) == ("chicago", "St. Louis, MO")
    assert panel.named_in(["St. Louis, MO", "Chicago"]) == ("St. Louis, MO", "Chicago")
    assert panel.named_in(["MO,Chicago, ,Nowhere"]) == ("MO", "Chicago", "Nowhere")


def test_columns_may_be_named() -> None:
    table = [{**row, "sales": "1", "shop": row["location"]} for row in rows()]
    with pytest.raises(InvalidInput, match="several: Y, sales"):
        read_panel(table)
    assert read_panel(table, Columns(place="shop", value="y")).values[2, 2] == 22
    with pytest.raises(InvalidInput, match="no column is called 'nothing'"):
        read_panel(table, Columns(value="nothing"))


def test_rows_may_come_in_any_order() -> None:
    panel = read_panel(list(reversed(rows())))
    assert panel.values[panel.index_of("chicago")].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        pytest.param({"Y": "abc"}, "BAD_NUMBER", "row 5: Y is a number, got 'abc'", id="text"),
        pytest.param({"Y": None}, "BAD_NUMBER", "row 5: Y is a number, got nothing", id="empty"),
        pytest.param({"Y": "nan"}, "BAD_NUMBER", "finite", id="nan"),
        pytest.param({"Y": "-3"}, "NEGATIVE_VALUE", "--allow-negative", id="negative"),
        pytest.param({"date": "31/31/2021"}, "BAD_PERIOD", "row 5", id="date"),
        pytest.param({"date": "7"}, "BAD_PERIOD", "both", id="mixed-periods"),
        pytest.param({"date": "2021-04-01"}, "DUPLICATE_ROW", "twice", id="double"),
        pytest.param({"location": " "}, "BAD_ROW", "location is empty", id="no-place"),
        pytest.param({"location": "Boston"}, "UNEQUAL_PANEL", "Portland 2021-03-31", id="unequal"),
    ],
)
def test_what_is_wrong_is_named(changed: dict[str, Any], reason: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        read_panel(rows(**changed))
    assert caught.value.reason == reason


def test_a_missing_day_of_one_place_is_refused_with_the_count() -> None:
    with pytest.raises(InvalidInput, match=r"1 of 9 are missing \(Portland 2021-03-31\)"):
        read_panel([row for number, row in enumerate(rows()) if number != 4])


def test_a_day_missing_everywhere_is_a_warning() -> None:
    table = [{**row, "date": row["date"].replace("2021-04-01", "2021-04-03")} for row in rows()]
    more = [*table, *({**row, "date": f"2021-04-0{day}"} for row in table[::3] for day in (4, 5, 6))]
    assert "after 2021-03-31" in read_panel(more).warnings[0]


def test_negative_values_are_taken_when_asked() -> None:
    assert read_panel(rows(Y="-3"), allow_negative=True).values[1, 1] == -3


def test_no_rows_and_no_columns_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no rows"):
        read_panel([])
    with pytest.raises(InvalidInput, match="one place column is wanted"):
        read_panel([{"a": 1}])


def panel_of(periods: list[int]) -> Panel:
    return read_panel([{"geo": geo, "y": 1, "period": period} for geo in "ab" for period in periods])


@pytest.mark.parametrize(
    ("text", "position"),
    [("2021-03-31", 1), ("2", 1), (" 3 ", 2), ("20210401", 2), ("2021-04-01T00:00:00", 2), ("2021/03/30", 0)],
)
def test_a_start_is_a_date_or_a_number_from_1(text: str, position: int) -> None:
    assert read_panel(rows()).position_of(text, "--start") == position


@pytest.mark.parametrize("text", ["0", "4", "2022-01-01", "soon", ""])
def test_a_start_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--start") as caught:
        read_panel(rows()).position_of(text, "--start")
    assert caught.value.reason == "UNKNOWN_PERIOD"


def test_numbered_periods_go_by_their_own_numbers_first() -> None:
    years = panel_of([1970, 1971, 1972])
    assert (years.position_of("1971", "--start"), years.position_of("3", "--start")) == (1, 2)
    from_zero = panel_of([0, 1, 2])
    assert from_zero.position_of("2", "--start") == 2


def test_periods_are_dates_or_whole_numbers() -> None:
    assert parse_period("7") == 7
    assert parse_period("2021-04-01") == parse_period("2021-04") == dt.date(2021, 4, 1)
    for wrong in ("1.5", "2021-13", "44288.5", "2021-02-30T00:00:00"):
        with pytest.raises(InvalidInput):
            parse_period(wrong)


def test_an_unknown_place_is_told_what_there_is() -> None:
    with pytest.raises(InvalidInput, match="'Boston'; there are Chicago, Portland, Miami"):
        read_panel(rows()).index_of("Boston")
