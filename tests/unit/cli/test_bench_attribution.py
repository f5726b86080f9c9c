"""`kiki bench attribution`: what it measures is measured, and what it lacks is said."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from kiki.cli import exits
from kiki.cli.bench.history import TOUCHES_PER_ORDER, history
from kiki.cli.main import run
from kiki.sandbox.visitors import COLUMNS, TRUTH_COLUMNS, World, as_csv, simulate_visitors


def test_without_files_chain_and_recalculation_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "attribution", "--orders", "60", "--seeds", "0", "--json"]) == exits.OK
    found = json.loads(capsys.readouterr().out)
    assert found["missed"] == []
    assert found["markov_three_paths"]["attribution"] == {"C1": 0.2, "C2": 0.4, "C3": 0.4}
    measured = found["recalculation"]
    assert (measured["touchpoints"], measured["decisions"]) == (600, 60 * 9)
    assert [(bill["model"], bill["orders"]) for bill in measured["would_bill"]] == [
        (name, 60)
        for name in ("default", "first", "last", "linear", "time_decay", "position", "markov", "shapley", "learned")
    ]


@pytest.mark.slow
def test_simulated_stores_are_found_by_their_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    visitors = simulate_visitors(World(users=20_000, holdout_share=0.3), seed=3)
    (tmp_path / "sim_attribution_b.csv").write_text(as_csv(COLUMNS, visitors.rows()))
    (tmp_path / "sim_attribution_b_truth.csv").write_text(as_csv(TRUTH_COLUMNS, visitors.truth_rows()))
    (tmp_path / "sim_attribution_c.csv").write_text("holdout,ordered\n0,1\n")
    options = ["--orders", "20", "--seeds", "0", "--data", str(tmp_path)]
    assert run(["bench", "attribution", *options, "--json"]) == exits.OK
    found = json.loads(capsys.readouterr().out)
    assert list(found["learned"]) == ["sim_attribution_b"]
    truth = found["learned"]["sim_attribution_b"]["against_truth"]
    assert truth["learned"]["brier"] < truth["constant"]["brier"] < truth["default_rule"]["brier"]
    assert truth["default_rule"]["billed_revenue"] > truth["true_revenue"]
    names = [figure["name"] for figure in found["figures"]]
    assert "sim_attribution_b: Brier" in names
    assert run(["bench", "attribution", *options]) == exits.OK
    assert "sim_attribution_b: Brier" in capsys.readouterr().out


def test_a_folder_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "attribution", "--data", "/nowhere", "--json"]) == exits.NOT_FOUND
    assert "no folder" in capsys.readouterr().err


def test_the_made_up_history_is_what_it_says() -> None:
    orders = list(history(30, seed=1))
    assert orders == list(history(30, seed=1))
    for priced in orders:
        contacts = (*priced.case.touches, *priced.case.others)
        assert len(contacts) == len({touch.touchpoint_id for touch in contacts}) == TOUCHES_PER_ORDER
        assert all(priced.case.placed_at - priced.case.rules.window <= touch.at for touch in contacts)
    assert len({touch.touchpoint_id for priced in orders for touch in priced.case.touches}) == 30 * 8


def test_csv_of_the_simulator_is_read_as_it_is_written() -> None:
    visitors = simulate_visitors(World(users=50), seed=1)
    assert len(list(csv.DictReader(as_csv(COLUMNS, visitors.rows()).splitlines()))) == 50
