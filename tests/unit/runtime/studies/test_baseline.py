"""`kiki value baseline` reads what people have, and says which line is wrong."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from kiki.council.syncvalue.errors import CannotForecast
from kiki.kit.errors import InvalidInput
from kiki.runtime.studies.baseline import (
    BadFile,
    BaselineStudy,
    read_promotions,
    read_revenue,
    run_baseline_bench,
    run_baseline_study,
)


def written(folder: Path, text: str) -> Path:
    path = folder / "file.csv"
    path.write_text(text, encoding="utf-8")
    return path


def revenue(days: int) -> str:
    chance = np.random.default_rng(1).uniform(0.8, 1.2, days)
    first = dt.date(2022, 1, 1)
    rows = [f"{first + dt.timedelta(days=k)},{100 * factor:.2f}" for k, factor in enumerate(chance)]
    return "\n".join(["date,revenue", *rows])


def test_orders_with_times_and_other_names_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffOrdered_At;Note;Amount\n2024-01-02T23:30:00+02:00;x;10.5\n\n2024-01-03;;2\n")
    assert read_revenue(path) == [(dt.date(2024, 1, 2), 10.5), (dt.date(2024, 1, 3), 2.0)]


def test_another_countrys_revenue_is_read_by_its_columns(tmp_path: Path) -> None:
    german = read_revenue(written(tmp_path, "Tag;Date;Revenue (EUR)\nx;31.12.2024;1.234,50 €\nx;1.1.2025;-3,00\n"))
    assert german == [(dt.date(2024, 12, 31), 1234.5), (dt.date(2025, 1, 1), -3.0)]
    assert read_revenue(written(tmp_path, "date,revenue\n1/2/2025,5\n"), "mdy") == [(dt.date(2025, 1, 2), 5.0)]
    assert read_revenue(written(tmp_path, "timestamp,amount\n1704110400000,5\n")) == [(dt.date(2024, 1, 1), 5.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("day,price\n2024-01-01,1\n", "needs a column for revenue or amount; got day, price"),
        ("", "the file is empty"),
        ("date,revenue\n2024-01-01,1\n2024-01-02\n", "line 3 has 1 columns, the header has 2"),
        ("date,revenue\n01/02/2024,1\n", "line 2: date: '01/02/2024' may be day/month"),
        ("date,revenue\n2024-01-01,ten\n", "line 2: revenue must be a finite number, got 'ten'"),
    ],
    ids=["no amount", "empty", "short row", "bad date", "bad amount"],
)
def test_a_file_that_cannot_be_used_is_refused_by_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadFile) as refused:
        read_revenue(written(tmp_path, text))
    assert message in str(refused.value)


def test_promotions_have_a_first_and_a_last_day(tmp_path: Path) -> None:
    found = read_promotions(written(tmp_path, "from,to\n2024-01-01,2024-01-05\n"))
    assert [(p.first.day, p.last.day) for p in found] == [(1, 5)]
    with pytest.raises(BadFile):
        read_promotions(written(tmp_path, "from,to\n2024-01-05,2024-01-01\n"))


def test_a_study_tells_both_baselines_and_their_back_test(tmp_path: Path) -> None:
    path = written(tmp_path, revenue(365 * 3 - 1))  # The last day of the year had no order.
    result = run_baseline_study(BaselineStudy(path))
    assert result["history"]["last_day"] == "2024-12-31"
    assert result["history"]["whole_months"] == 36
    assert result["plain_average"]["months"] == 12
    assert result["plain_average"]["revenue"] == pytest.approx(36_500, rel=0.03)
    assert [month["month"] for month in result["seasonal"]["months"]][::11] == ["2025-01", "2025-12"]
    year = result["seasonal"]["year"]
    assert year["lower"] < year["expected"] < year["upper"]
    assert year["expected"] == pytest.approx(36_500, rel=0.1)
    assert [origin["origin"] for origin in result["back_test"]["origins"]][:2] == ["2024-01-01", "2023-10-01"]
    assert result["recommended"] in {"seasonal", "plain_average"}


def test_until_leaves_out_what_follows(tmp_path: Path) -> None:
    path = written(tmp_path, revenue(700))
    result = run_baseline_study(BaselineStudy(path, until=dt.date(2023, 6, 30)))
    assert result["history"]["last_day"] == "2023-06-30"
    assert result["back_test"] is None
    assert result["recommended"] == "plain_average"


def test_too_short_a_file_and_horizon_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, revenue(40))
    with pytest.raises(CannotForecast):
        run_baseline_study(BaselineStudy(path))
    with pytest.raises(InvalidInput):
        run_baseline_study(BaselineStudy(path, months=3))


@pytest.mark.slow
def test_the_benchmark_says_what_was_wanted() -> None:
    told: list[str] = []
    result = run_baseline_bench(8, 1, told.append)
    assert told
    first = result["cases"][0]
    assert (first["wanted"], first["met"]) == ("<= 0.05", first["got"] <= 0.05)
    assert result["met"] == first["met"]
    assert any(case["case"].startswith("baseline, rough stores: plain median error") for case in result["cases"])
