"""What a row of revenue stands for is read off the dates of all rows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from kiki.kit.textfile import BadFile
from kiki.runtime.studies.baseline import BaselineStudy, run_baseline_study
from kiki.runtime.studies.baseline_rows import Rows, by_day

FIRST = dt.date(2022, 1, 1)


def every(days: int, count: int, first: dt.date = FIRST) -> Rows:
    return [(first + dt.timedelta(days=days * number), 70.0 + number) for number in range(count)]


def months(count: int, *, last_days: bool = False) -> Rows:
    firsts = [dt.date(2022 + number // 12, number % 12 + 1, 1) for number in range(count + 1)]
    days = [day - dt.timedelta(days=1) for day in firsts[1:]] if last_days else firsts[:count]
    return [(day, 3_000.0 + 10 * number) for number, day in enumerate(days)]


@pytest.mark.parametrize("last_days", [False, True], ids=["first days", "last days"])
def test_months_are_spread_over_their_own_days(last_days: bool) -> None:
    found = by_day(months(14, last_days=last_days))
    assert found.each == "month"
    assert [day for day, _ in found.rows] == [FIRST + dt.timedelta(days=k) for k in range(365 + 31 + 28)]
    assert sum(amount for day, amount in found.rows if day.month == 2 and day.year == 2022) == pytest.approx(3_010)


def test_weeks_are_spread_over_seven_days_even_when_one_is_missing() -> None:
    rows = every(7, 20)
    del rows[5]
    found = by_day(rows)
    assert found.each == "week"
    assert len(found.rows) == 19 * 7
    assert sum(amount for _, amount in found.rows) == pytest.approx(sum(amount for _, amount in rows))


@pytest.mark.parametrize(
    "rows",
    [every(1, 40), [*every(7, 20), (dt.date(2022, 2, 3), 5.0)], [*months(8), months(8)[0]], months(5)],
    ids=["days", "a day between the weeks", "two rows on a first", "too few to tell"],
)
def test_other_rows_are_days_as_they_stand(rows: Rows) -> None:
    found = by_day(rows)
    assert (found.each, found.rows) == ("day", rows)


def test_a_return_is_taken_from_the_latest_sales_until_its_day() -> None:
    day = [FIRST + dt.timedelta(days=k) for k in range(4)]
    found = by_day([(day[0], 10.0), (day[1], 20.0), (day[3], 40.0), (day[2], -25.0)])
    assert found.returns == 1
    assert dict(found.rows) == {day[0]: 5.0, day[1]: 0.0, day[3]: 40.0}
    with pytest.raises(BadFile, match="returns alone"):
        by_day([(day[0], -1.0)])


def test_a_file_of_months_is_forecast_as_the_same_revenue_by_day(tmp_path: Path) -> None:
    """Three years of a season of 30 % either way: the same year is foretold, whether days or months are told."""
    days = [FIRST + dt.timedelta(days=k) for k in range(3 * 365)]
    chance = np.random.default_rng(4).normal(0, 0.1, len(days))
    sold = 100 * np.exp(0.3 * np.cos(2 * np.pi * np.arange(len(days)) / 365.25) + chance)
    totals: dict[str, float] = {}
    for day, amount in zip(days, sold.tolist(), strict=True):
        totals[f"{day:%Y-%m}"] = totals.get(f"{day:%Y-%m}", 0.0) + amount
    told = {"day": zip(map(str, days), sold.tolist(), strict=True), "month": totals.items()}
    answers = {}
    for each, rows in told.items():
        path = tmp_path / f"{each}.csv"
        path.write_text("\n".join(["month,revenue", *(f"{when},{amount!r}" for when, amount in rows)]))
        answers[each] = run_baseline_study(BaselineStudy(path))
        assert answers[each]["history"]["rows"] == each
        assert answers[each]["history"]["whole_months"] == 36
    by_days, by_months = answers["day"], answers["month"]
    assert by_months["plain_average"] == by_days["plain_average"]
    assert by_months["seasonal"]["year"]["expected"] == pytest.approx(by_days["seasonal"]["year"]["expected"], rel=0.03)
    december, june = (by_months["seasonal"]["months"][number]["expected"] for number in (11, 5))
    assert december > 1.4 * june
