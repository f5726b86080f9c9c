"""`kiki attribution`: files in, JSON or tables out, and failures with the line."""

from __future__ import annotations

import gzip
import io
import json
import random
from pathlib import Path

import pytest

from kiki.cli import exits
from kiki.cli.main import run


@pytest.fixture
def three_paths(tmp_path: Path) -> str:
    file = tmp_path / "paths.csv"
    file.write_text("path,conversions,null,value\nC1 > C2 > C3,1,0,30\nC1,0,1,0\nC2 > C3,0,1,0\n")
    return str(file)


def test_paths_are_credited_by_every_model(three_paths: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["attribution", "run", "--paths", three_paths, "--json"]) == exits.OK
    found = json.loads(capsys.readouterr().out)
    assert found["p_conversion"] == 1 / 3
    assert list(found["models"]) == ["first", "last", "linear", "time_decay", "position", "markov", "shapley"]
    assert found["models"]["markov"]["attribution"] == {"C1": 0.2, "C2": 0.4, "C3": 0.4}
    assert found["models"]["markov"]["removal_effect"] == {"C1": 0.5, "C2": 1.0, "C3": 1.0}
    assert found["models"]["last"]["channels"][2] == {"channel": "C3", "conversions": 1.0, "share": 1.0, "value": 30.0}


def test_one_model_can_be_asked_for(three_paths: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--model", "markov,last", "--keep", "C1", "--order", "2", "--json"]
    assert run(["attribution", "run", "--paths", three_paths, *options]) == exits.OK
    found = json.loads(capsys.readouterr().out)["models"]
    assert list(found) == ["markov", "last"]
    assert set(found["markov"]["attribution"]) == {"C2", "C3"}


def test_ours_are_shown_together(three_paths: str, capsys: pytest.CaptureFixture[str]) -> None:
    ours = ["--ours", "C1", "--ours", "C2"]
    assert run(["attribution", "run", "--paths", three_paths, *ours, "--json"]) == exits.OK
    found = json.loads(capsys.readouterr().out)["models"]
    assert found["linear"]["ours"] == pytest.approx({"conversions": 2 / 3, "share": 2 / 3, "value": 20})
    assert found["markov"]["ours"]["joint_removal_effect"] == 1
    assert found["shapley"]["by_position"]["C2"][:2] == [0, pytest.approx(1 / 3)]
    assert run(["attribution", "run", "--paths", three_paths, *ours]) == exits.OK
    assert "ours: conversions 0.6667, share 0.6667" in capsys.readouterr().out


def test_standard_input_and_gzip_are_read(
    three_paths: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = gzip.compress(Path(three_paths).read_bytes())
    (tmp_path / "paths.csv.gz").write_bytes(packed)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(packed))))
    for path in (str(tmp_path / "paths.csv.gz"), "-"):
        assert run(["attribution", "run", "--paths", path, "--model", "markov", "--json"]) == exits.OK
        found = json.loads(capsys.readouterr().out)["models"]["markov"]
        assert found["attribution"] == {"C1": 0.2, "C2": 0.4, "C3": 0.4}


def test_people_get_tables(three_paths: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["attribution", "run", "--paths", three_paths]) == exits.OK
    out = capsys.readouterr().out
    assert "removal effect" in out
    assert "one day from touchpoint to touchpoint" in out


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        pytest.param("path,conv\n", [], "there is no path", id="header-only"),
        pytest.param("path,conv\na,x\n", [], "line 2: conv is a number, got 'x'", id="bad-number"),
        pytest.param("path,conv\na,1\n", ["--model", "learned"], "got 'learned'", id="wrong-model"),
        pytest.param("path,conv\na,1\n", ["--keep", "b"], "no path has the channel 'b'", id="wrong-channel"),
        pytest.param(None, [], "cannot be read", id="no-file"),
        pytest.param(b"path,conv\n\xff,1\n", [], "not UTF-8", id="not-text"),
    ],
)
def test_what_cannot_be_used_is_refused(
    tmp_path: Path, text: str | bytes | None, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "paths.csv"
    if text is not None:
        file.write_bytes(text.encode() if isinstance(text, str) else text)
    assert run(["attribution", "run", "--paths", str(file), "--json", *options]) == exits.REFUSED
    assert message in json.loads(capsys.readouterr().err)["error"]["message"]


def test_a_hold_out_teaches_and_confidences_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw = random.Random(5)
    rows, truth = ["user_id,holdout,ordered,order_amount"], ["user_id,caused"]
    for user in range(4_000):
        held_out, anyhow = draw.random() < 0.3, draw.random() < 0.1
        caused = not held_out and not anyhow and draw.random() < 0.1
        rows.append(f"{user},{int(held_out)},{int(anyhow or caused)},10")
        truth.append(f"{user},{int(caused)}")
    (tmp_path / "users.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "truth.csv").write_text("\n".join(truth) + "\n")
    files = ["--input", str(tmp_path / "users.csv"), "--truth", str(tmp_path / "truth.csv")]
    assert run(["attribution", "learn", *files, "--output", str(tmp_path / "out.csv"), "--json"]) == exits.OK
    found = json.loads(capsys.readouterr().out)
    assert found["mean_confidence_exposed"] == pytest.approx(
        1 - found["order_rate_held_out"] / found["order_rate_treated"], abs=1e-6
    )
    assert found["against_truth"]["learned"]["brier"] < found["against_truth"]["constant"]["brier"]
    written = (tmp_path / "out.csv").read_text().splitlines()
    assert (written[0], len(written) - 1) == ("user_id,confidence", found["orders"])
    assert run(["attribution", "learn", *files]) == exits.OK
    assert "mean confidence exposed" in capsys.readouterr().out
