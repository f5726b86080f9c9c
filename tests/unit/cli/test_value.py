"""`kiki value fit`: files in, JSON or tables out, and failures with the line."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from kiki.cli import exits
from kiki.cli.main import run
from unit.council.syncvalue.models.cases import PARAMETERS, SPEND, at_week, reference, store

CUSTOMERS = 1_500


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> str:
    of = store("bgnbd", CUSTOMERS)
    path = tmp_path_factory.mktemp("value") / "orders.csv"
    rows = zip(of.customer.tolist(), of.day.tolist(), of.amount.tolist(), strict=True)
    lines = [f"c{who},{dt.date.fromordinal(day).isoformat()},{amount:.2f}" for who, day, amount in rows]
    path.write_text("\n".join(["customer,date,amount", *lines]))
    return str(path)


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> str:
    of = at_week(store("bgnbd", CUSTOMERS), 78)
    path = tmp_path_factory.mktemp("value") / "summary.csv"
    rows = zip(of.x.tolist(), of.t_x.tolist(), of.age.tolist(), strict=True)
    path.write_text("\n".join(["frequency,recency,T", *(f"{x},{t_x},{age}" for x, t_x, age in rows)]))
    return str(path)


def fit(capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    assert run(["value", "fit", "--json", *options]) == exits.OK
    return json.loads(capsys.readouterr().out)


def test_the_published_fit_and_customer(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(reference("cdnow/cdnow_customers_summary.csv"))
    found = fit(capsys, "--input", path, "--model", "bgnbd", "--predict", "2,30.43,38.86", "--horizon", "39")
    assert found["parameters"] == pytest.approx({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, abs=5e-4)
    assert round(found["log_likelihood"], 2) == -9582.43
    assert round(found["predictions"][0]["expected_purchases"], 4) == 1.2259
    assert round(found["predictions"][0]["p_alive"], 4) == 0.7266
    assert (found["customers"], found["repeat_customers"], found["gamma_gamma"]) == (2357, 946, None)


def test_orders_are_fitted_tested_and_compared(orders: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = fit(capsys, "--input", orders, "--holdout-days", "182")
    assert found["chosen_by"] == "back_test"
    assert found["model"] == found["back_test"]["chosen"]
    assert len(found["back_test"]["trials"]) == 18
    assert {trial["model"] for trial in found["back_test"]["trials"]} == {"bgnbd", "mbgnbd", "pareto"}
    assert (found["method"] == "map") == found["back_test"]["prior"]
    assert found["data"]["holdout_days"] == 182
    assert found["holdout"]["purchases"]["customers"] == found["customers"] == CUSTOMERS
    assert sum(part["customers"] for part in found["holdout"]["calibration"]) == CUSTOMERS
    assert 0.86 <= found["holdout"]["coverage"]["spend"]["covered"] <= 0.94
    assert set(found["gamma_gamma"]["parameters"]) == {"p", "q", "v"}
    low, high = found["gamma_gamma"]["intervals_95"]["q"]
    assert low < SPEND[1] < high


def test_a_named_model_is_fitted_as_asked(orders: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = fit(capsys, "--input", orders, "--model", "bgnbd", "--unit", "days", "--calibration-end", "2022-05-25")
    assert (found["model"], found["chosen_by"], found["unit"]) == ("bgnbd", "request", "days")
    assert found["data"]["calibration_end"] == "2022-05-25"
    assert found["parameters"]["alpha"] == pytest.approx(PARAMETERS["bgnbd"][1] * 7, rel=0.4)
    assert "back_test" not in found


def test_a_summary_has_no_past_and_the_likelihood_chooses(summary: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = fit(capsys, "--input", summary)
    assert found["chosen_by"] == "log_likelihood"
    assert found["log_likelihood"] == max(found["log_likelihoods"].values())
    assert set(found["log_likelihoods"]) == {"bgnbd", "mbgnbd", "pareto"}
    assert found["gamma_gamma_missing"] == "the file has no amounts"


def test_every_customer_is_predicted(orders: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "predictions.csv"
    fit(capsys, "--input", orders, "--model", "mbgnbd", "--predictions", str(path))
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["customer"] for row in rows}) == CUSTOMERS
    for row in rows:
        assert 0 <= float(row["p_alive"]) <= 1
        assert float(row["purchases_low"]) <= float(row["purchases_high"])
        assert 0 <= float(row["spend_low"]) <= float(row["spend_high"])
        assert 0 <= float(row["value"]) <= float(row["lifetime_value"]) + 1e-6
    fit(capsys, "--input", orders, "--model", "mbgnbd", "--predictions", str(path), "--no-intervals")
    assert "spend_low" not in path.read_text().splitlines()[0]


def test_a_customer_can_be_predicted_with_and_without_spend(orders: str, capsys: pytest.CaptureFixture[str]) -> None:
    some = ("--predict", "4,30,40,55.5", "--predict", "4,30,40")
    rich, unknown = fit(capsys, "--input", orders, "--model", "pareto", *some)["predictions"]
    assert rich["p_alive"] == unknown["p_alive"]
    assert rich["expected_mean_spend"] > unknown["expected_mean_spend"]
    assert rich["horizon"] == pytest.approx(365 / 7)


def test_a_handful_of_customers_may_borrow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "few.csv"
    path.write_text("x,t_x,T\n0,0,10\n2,5,9\n1,3,12\n")
    assert run(["value", "fit", "--input", str(path), "--model", "bgnbd"]) == exits.REFUSED
    assert "at least 10 customers, got 3" in capsys.readouterr().err
    found = fit(capsys, "--input", str(path), "--model", "bgnbd", "--borrow")
    assert found["method"] == "map"
    assert 0 < found["own_weight"] < 0.5
    assert all(math.isfinite(value) for value in found["standard_errors"].values())


def test_people_get_tables(orders: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["value", "fit", "--input", orders, "--holdout-days", "120", "--predict", "1,2,3"]) == exits.OK
    said = capsys.readouterr()
    for words in (
        "chosen by back-test",
        "log-likelihood",
        "Gamma-Gamma",
        "Hold-out of 120 days",
        "decile",
        "Predictions",
    ):
        assert words in said.out
    assert "fitting 1,500 customers" in said.err


def test_a_shops_own_export_gives_the_same_fit(
    orders: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another country's numbers and dates, packed, from standard input, with a return and lines that say nothing."""
    plain = fit(capsys, "--input", orders, "--model", "bgnbd")
    rows = [line.split(",") for line in Path(orders).read_text().splitlines()[1:]]
    lines = [
        f"{who};{dt.date.fromisoformat(day):%d/%m/%Y};{float(amount):.2f} €".replace(".", ",")
        for who, day, amount in rows
    ]
    text = "\n".join(["sep=;", "Customer ID;Order Date;Order Total (EUR)", *lines, ";31/12/2021;3,00 €"])
    packed = gzip.compress(text.encode("utf-16"))
    (tmp_path / "export.csv").write_bytes(packed)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(packed))))
    for path in ("-", str(tmp_path / "export.csv")):
        found = fit(capsys, "--input", path, "--model", "bgnbd", "--skip-bad-lines")
        assert found["parameters"] == plain["parameters"]
        assert found["gamma_gamma"] == plain["gamma_gamma"]
        assert found["data"]["left_out"] == 1
    who, day, _ = rows[-1]
    back = tmp_path / "back.csv"
    back.write_text(Path(orders).read_text() + f"\n{who},{day},-0.01\nnobody,{day},-5\n")
    assert run(["value", "fit", "--input", str(back), "--model", "bgnbd"]) == exits.OK
    assert "2 returns lessen the purchases before them, by 5.00 less than they say" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        pytest.param("customer,date\na,soon\n", [], "line 2: date is written", id="bad date"),
        pytest.param("customer,date\na,1/2/2026\n", [], "line 2: date: '1/2/2026' may be", id="either date"),
        pytest.param("x,t_x,T\n1,2,3\n", ["--holdout-days", "7"], "no dates", id="summary without dates"),
        pytest.param(
            "customer,date\na,2026-01-02\n", ["--until", "soon"], "the last day observed is a day", id="bad until"
        ),
        pytest.param(
            "customer,date\na,2026-01-02\n",
            ["--calibration-end", "2026-01-09"],
            "cannot end",
            id="calibration too late",
        ),
        pytest.param(
            "customer,date\na,2026-01-02\n", ["--holdout-days", "9"], "before the first order", id="too early"
        ),
        pytest.param(
            "customer,date\na,2026-01-02\n",
            ["--holdout-days", "9", "--calibration-end", "2026-01-01"],
            "either",
            id="both ends",
        ),
        pytest.param("x,t_x,T\n1,2,3\n", ["--predict", "1,2"], "x,t_x,T", id="half a customer"),
        pytest.param("x,t_x,T\n1,2,3\n", ["--predict", "1,4,3"], "must not exceed", id="impossible customer"),
        pytest.param("x,t_x,T\n1,2,3\n", ["--discount", "0"], "discount", id="discount"),
        pytest.param("x,t_x,T\n" + "0,0,9\n" * 12, [], "none of 12 customers came back", id="no repeats"),
    ],
)
def test_what_cannot_be_used_is_refused(
    tmp_path: Path, text: str, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(text)
    assert run(["value", "fit", "--input", str(path), "--json", *options]) == exits.REFUSED
    assert message in json.loads(capsys.readouterr().err)["error"]["message"]


def test_an_unknown_model_is_not_understood(summary: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["value", "fit", "--input", summary, "--model", "magic"]) == exits.USAGE
    assert "magic" in capsys.readouterr().err
