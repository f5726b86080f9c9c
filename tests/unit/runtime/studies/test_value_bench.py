"""The benchmark's cases, at a small size, and what it says when something is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kiki.kit.errors import InvalidInput, Unavailable
from kiki.runtime.studies.value_bench import ValueBench, run_value_bench
from unit.council.syncvalue.models.cases import reference


@pytest.mark.slow
def test_every_reference_figure_is_met() -> None:
    folder = reference("sim_expected.json").parent
    heard: list[str] = []
    found = run_value_bench(ValueBench(data=folder, customers=2_000), heard.append)
    figures = [case for case in found["cases"] if "microseconds" not in case["case"]]
    assert [case for case in figures if case["met"] is False] == []
    assert sum(case["met"] is True for case in figures) >= 26
    assert len(found["skipped"]) == 1
    assert "--lifetimes-python" in found["skipped"][0]
    assert heard[:2] == ["CDNOW", "simulated store A"]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is not a folder"):
        run_value_bench(ValueBench(data=tmp_path / "none", customers=2_000), lambda text: None)


def test_an_interpreter_without_the_other_implementation_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("kiki.runtime.studies.value_bench._BESIDE", tmp_path / "none")
    with pytest.raises(Unavailable, match="No module named 'lifetimes'"):
        run_value_bench(ValueBench(lifetimes_python=Path(sys.executable), customers=2_000), lambda text: None)


def test_without_the_folder_the_speed_is_still_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("kiki.runtime.studies.value_bench._BESIDE", tmp_path / "none")
    found = run_value_bench(ValueBench(customers=2_000), lambda text: None)
    assert found["cases"][0]["case"] == "2,000 customers: bgnbd fit, processor seconds"
    assert "not beside the project" in found["skipped"][0]
