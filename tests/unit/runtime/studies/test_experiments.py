"""The experiments' figures, over the known cases and two simulated shops."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiki.kit.errors import NotFound
from kiki.runtime.studies.experiments import experiment_figures

DATA = Path(__file__).resolve().parents[5] / "shared" / "data"


def test_the_known_cases_are_met() -> None:
    if not (DATA / "geolift").is_dir():
        pytest.skip("the reference data are not beside this repository (../shared/data)")
    figures = experiment_figures(DATA, 0)
    assert [figure.name for figure in figures if not figure.met] == []
    assert sum(figure.name.startswith("geo: ") for figure in figures) == 8
    assert any(figure.name.startswith("sim_attribution_a: ") for figure in figures)


def test_simulated_shops_need_no_data_and_tell_their_progress() -> None:
    heard: list[tuple[int, int]] = []
    figures = experiment_figures(None, 2, lambda done, of: heard.append((done, of)))
    assert heard == [(1, 2), (2, 2)]
    assert {figure.name.split(":")[0] for figure in figures} == {"ads work", "ads do nothing", "A/A"}


def test_a_case_without_its_file_is_told(tmp_path: Path) -> None:
    assert experiment_figures(tmp_path, 0) == []
    (tmp_path / "geolift").mkdir()
    (tmp_path / "geolift" / "expected.json").write_text("{}")
    with pytest.raises(NotFound, match="GeoLift_Test"):
        experiment_figures(tmp_path, 0)
