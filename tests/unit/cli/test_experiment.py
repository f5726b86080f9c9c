"""`kiki experiment` on files: answers as JSON, refusals with their exit code."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kiki.cli import exits
from kiki.cli.main import run


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run(["experiment", *arguments, "--json"]) == exits.OK
    return json.loads(capsys.readouterr().out)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["experiment", *arguments, "--json"]) == exits.REFUSED
    return str(json.loads(capsys.readouterr().err)["error"]["reason"])


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


@pytest.fixture
def markets(tmp_path: Path) -> str:
    """Six towns over 40 weeks; the third gains 50 a week in the last 8."""
    generator = np.random.default_rng(1)
    shared = 100 * np.sin(np.arange(40) / 3)
    rows = [
        {"CITY": f"Town {town}", "Week": week + 1, "Sales": round(float(level), 2)}
        for town in range(6)
        for week, level in enumerate(1_000 + 200 * town + shared * (1 + town / 10) + generator.normal(0, 5, 40))
    ]
    for row in rows[112:120]:
        row["Sales"] += 50
    return write(tmp_path / "markets.csv", rows)


@pytest.mark.parametrize(("method", "off"), [("synthetic", 5), ("did", 25)])
def test_a_geo_test_finds_the_effect(markets: str, method: str, off: float, capsys: pytest.CaptureFixture[str]) -> None:
    """The towns swing by different amounts, which only weights can follow."""
    found = answer(capsys, "geo", "--input", markets, "--treated", "town 2", "--start", "33", "--method", method)
    assert found["att"] == pytest.approx(50, abs=off)
    assert found["incremental"] == pytest.approx(8 * found["att"])
    assert found["treated"] == ["Town 2"]
    assert found["p_value"] < 0.05 or method == "did"
    assert "series" not in found


def test_treated_places_may_be_listed_or_repeated(markets: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("geo", "-i", markets, "--start", "33", "--end", "36", "--series")
    listed = answer(capsys, *asked, "--treated", "Town 0, Town 1")
    assert listed == answer(capsys, *asked, "--treated", "Town 0", "--treated", "Town 1")
    assert (listed["controls"], listed["test_periods"], len(listed["series"])) == (4, 4, 36)


def test_a_file_of_another_country_gives_the_same_answer(
    markets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("geo", "--treated", "Town 0", "--start", "33")
    text = Path(markets).read_text().replace(".", "#").replace(",", ";").replace("#", ",")
    other = tmp_path / "markets.csv"
    other.write_bytes(gzip.compress(text.encode("utf-16")))
    assert answer(capsys, *asked, "-i", str(other)) == answer(capsys, *asked, "-i", markets)


def test_places_that_did_not_move_get_equal_weights_and_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"geo": f"g{place}", "t": period, "y": 100.1 + 13.7 * place + (period > 30) * (5 + place * period % 7)}
        for place in range(5)
        for period in range(1, 41)
    ]
    asked = ("geo", "-i", write(tmp_path / "still.csv", rows), "--treated", "g0", "--start", "31")
    found, compared = answer(capsys, *asked), answer(capsys, *asked, "--method", "did")
    assert found["att"] == pytest.approx(compared["att"])
    low, high = found["att_interval"]
    assert low - 1e-9 <= found["att"] <= high + 1e-9
    assert any("no treated place moved" in warning for warning in found["warnings"])


def test_a_geo_test_reads_for_people(markets: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["experiment", "geo", "-i", markets, "--treated", "Town 0", "--start", "33", "--series"]) == exits.OK
    shown = capsys.readouterr().out
    for word in ("incremental interval", "weights", "placebo places", "placebo starts", "series"):
        assert word in shown


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(("--treated", "Nowhere", "--start", "33"), "UNKNOWN_PLACE", id="place"),
        pytest.param(("--treated", "Town 0", "--start", "99"), "UNKNOWN_PERIOD", id="start"),
        pytest.param(("--treated", "Town 0", "--start", "2"), "TOO_FEW_PERIODS", id="periods"),
        pytest.param(("--treated", "Town 0", "--start", "33", "--method", "magic"), "UNKNOWN_METHOD", id="method"),
        pytest.param(("--treated", "Town 0", "--start", "33", "--value-column", "x"), "UNKNOWN_COLUMN", id="column"),
    ],
)
def test_a_geo_test_that_cannot_be_answered_is_refused(
    markets: str, arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(capsys, "geo", "-i", markets, *arguments) == reason


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "no.csv")
    assert refusal(capsys, "lift", "-i", missing) == "BAD_FILE"


def test_a_simulated_shop_is_read_back_within_its_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen, truth = str(tmp_path / "seen.csv"), str(tmp_path / "truth.csv")
    made = answer(capsys, "simulate", "-o", seen, "--truth", truth, "--users", "20000", "--seed", "2")
    found = answer(capsys, "lift", "-i", seen, "--share", "0.1", "--replays", "50", "--draws", "100")
    away = abs(found["incremental"] - float(made["true_incremental_revenue"]))
    assert away < 3 * found["incremental_standard_error"]
    assert found["users"] + found["not_eligible"] == 20_000
    assert not found["sample_ratio"]["is_suspect"]
    assert len(Path(truth).read_text().splitlines()) == 20_001


def test_a_lift_of_another_country_is_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"user": n, "group": ("control", "treated")[n % 2], "sales": n % 7 + 0.25} for n in range(100)]
    path = Path(write(tmp_path / "users.csv", rows))
    other = tmp_path / "other.csv"
    other.write_text("\n".join(line.replace(",", ";").replace(".", ",") for line in path.read_text().splitlines()))
    asked = ("lift", "--draws", "50", "-i")
    assert answer(capsys, *asked, str(other)) == answer(capsys, *asked, str(path))
    other.write_text('user,group,sales\n1,treated,"1,250"\n2,control,3\n')
    assert refusal(capsys, *asked, str(other)) == "BAD_NUMBER"


def test_a_lift_reads_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"user": n, "group": ("control", "treated")[n % 2], "sales": n % 7, "before": n % 5} for n in range(100)]
    path = write(tmp_path / "users.csv", rows)
    assert run(["experiment", "lift", "-i", path, "--covariate", "before", "--share", "0.5"]) == exits.OK
    shown = capsys.readouterr().out
    for word in ("held out", "incremental", "always valid interval", "sample ratio", "variance removed"):
        assert word in shown


def test_power_answers_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("power", "--baseline-rate", "0.1", "--share", "0.5")
    assert answer(capsys, *asked, "--effect", "0.02")["users"] == 7_677
    assert answer(capsys, *asked, "--lift", "0.2")["users"] == 7_677
    assert answer(capsys, *asked, "--users", "7677")["minimum_effect"] == pytest.approx(0.02, rel=1e-4)
    money = answer(capsys, "power", "--mean", "8", "--sd", "30", "--share", "0.1", "--users", "40000")
    assert money["minimum_lift"] == pytest.approx(money["minimum_effect"] / 8)
    assert (money["held_out"], money["treated"]) == (4_000, 36_000)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--baseline-rate", "0.1"), id="no-question"),
        pytest.param(("--baseline-rate", "0.1", "--users", "9", "--effect", "1"), id="two-questions"),
        pytest.param(("--users", "9"), id="no-baseline"),
        pytest.param(("--mean", "1", "--users", "9"), id="no-deviation"),
        pytest.param(("--mean", "1", "--sd", "1", "--baseline-rate", "0.1", "--users", "9"), id="two-baselines"),
    ],
)
def test_power_wants_one_baseline_and_one_question(arguments: tuple[str, ...]) -> None:
    assert run(["experiment", "power", "--share", "0.5", *arguments]) == exits.USAGE


def test_assignments_are_the_same_every_time(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("assign", "--salt", "spring", "--share", "0.5", "a", "b", "c")
    first = answer(capsys, *asked)
    assert first == answer(capsys, *asked)
    assert [row["arm"] for row in first["assignments"]] == ["holdout", "treated", "treated"]
    assert refusal(capsys, "assign", "--salt", "s", "jo@example.org") == "BAD_SUBJECT"


def test_months_are_billed_with_their_carry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "months.csv"
    path.write_text("month,estimate,lower_bound\n2026-01,100,20\n2026-02,80,10\n2026-03,150,90.019\n")
    bills = answer(capsys, "bill", "-i", str(path))
    assert [row["billed"] for row in bills["months"]] == ["100.00", "0.00", "50.00"]
    assert [row["carry"] for row in bills["months"]] == ["0.00", "-20.00", "0.00"]
    bound = answer(capsys, "bill", "-i", str(path), "--basis", "lower_bound")
    assert [row["billed_to_date"] for row in bound["months"]] == ["20.00", "20.00", "90.01"]
    assert run(["experiment", "bill", "-i", str(path), "--basis", "guess"]) == exits.USAGE
