"""Exit codes mean something, and failures come without tracebacks."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from kiki.cli import exits
from kiki.cli.main import run
from kiki.kit.errors import (
    Conflict,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidInput,
    InvariantBroken,
    KikiError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)


@pytest.fixture(autouse=True)
def _nobody_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("KIKI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("KIKI_PORTAL_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("KIKI_INTERNAL_API_KEY", "a-key")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        pytest.param(NotFound, exits.NOT_FOUND, id="not-found"),
        pytest.param(InvalidInput, exits.REFUSED, id="invalid"),
        pytest.param(Conflict, exits.REFUSED, id="conflict"),
        pytest.param(FailedPrecondition, exits.REFUSED, id="precondition"),
        pytest.param(ResourceExhausted, exits.UNAVAILABLE, id="exhausted"),
        pytest.param(Unavailable, exits.UNAVAILABLE, id="unavailable"),
        pytest.param(DeadlineExceeded, exits.UNAVAILABLE, id="deadline"),
        pytest.param(Unauthenticated, exits.NOT_ALLOWED, id="unauthenticated"),
        pytest.param(PermissionDenied, exits.NOT_ALLOWED, id="denied"),
        pytest.param(InvariantBroken, exits.FAILED, id="invariant"),
    ],
)
def test_every_kind_of_failure_has_its_exit_code(kind: type[KikiError], code: int) -> None:
    assert exits.code_of(kind("text")) == code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param("--help", exits.OK, id="help"),
        pytest.param("--version", exits.OK, id="version"),
        pytest.param("nonsense", exits.USAGE, id="unknown-command"),
        pytest.param("stores show none", exits.USAGE, id="bad-argument"),
        pytest.param("deliveries replay", exits.USAGE, id="replay-of-everything"),
        pytest.param("calls replay", exits.USAGE, id="replay-of-no-store"),
        pytest.param("calls replay 1 none", exits.USAGE, id="replay-of-no-call"),
        pytest.param("stores credentials 1 https://a.example --consumer-key ck_1", exits.USAGE, id="half-a-key"),
        pytest.param("stores credentials 1 https://a.example --consumer-secret cs_1", exits.USAGE, id="other-half"),
        pytest.param("stores list", exits.UNAVAILABLE, id="no-portal"),
        pytest.param("calls list", exits.UNAVAILABLE, id="no-portal-for-calls"),
        pytest.param("serve nonsense", exits.REFUSED, id="unknown-component"),
        pytest.param("migrate downgrade nonsense base --yes", exits.NOT_FOUND, id="unknown-owner"),
        pytest.param("report 1 2026-13", exits.REFUSED, id="bad-month"),
    ],
)
def test_a_command_line_ends_with_its_code(line: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == code
    assert "Traceback" not in capsys.readouterr().err


CONFIRMED = [
    "months close 1 2026-01",
    "deliveries replay --status dead",
    "calls replay 1",
    "migrate downgrade syncledger base",
]


@pytest.mark.parametrize("line", CONFIRMED)
@pytest.mark.parametrize("answer", [pytest.param("n\n", id="no"), pytest.param("", id="nobody")])
def test_what_is_not_confirmed_is_refused_and_not_done(
    line: str, answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert run(line.split()) == exits.REFUSED, "it would be UNAVAILABLE if anybody had been called"
    told = capsys.readouterr().err
    assert "nothing was done" in told
    assert "NOT_CONFIRMED" in told


@pytest.mark.parametrize("line", CONFIRMED[:3])
def test_what_is_confirmed_goes_on(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert run(line.split()) == exits.UNAVAILABLE


def test_an_interrupted_question_is_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.stdin, "readline", interrupted, raising=False)
    assert run(CONFIRMED[0].split()) == exits.INTERRUPTED


def test_a_program_reads_failures_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    run(["stores", "list", "--json"])
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["reason"] == "PORTAL_UNAVAILABLE"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("stores show none --json", id="bad-argument"),
        pytest.param("stores show --json", id="missing-argument"),
        pytest.param("nonsense --json", id="unknown-command"),
        pytest.param("deliveries list --json --statsu dead", id="unknown-option"),
        pytest.param("deliveries replay --json", id="nothing-named"),
        pytest.param("calls list --agent syncledgr --json", id="agent-that-is-none"),
        pytest.param("report 1 2026-11 --format csv --json", id="two-answers-at-once"),
    ],
)
def test_a_program_reads_as_json_that_it_was_not_understood(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == exits.USAGE
    told = capsys.readouterr()
    assert json.loads(told.err)["error"]["reason"] == "USAGE"
    assert told.out == ""


@pytest.mark.parametrize("line", ["doctor", "doctor --json"])
def test_output_that_cannot_be_written_ends_without_a_traceback(line: str) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "kiki.cli.main", *line.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == exits.FAILED
    assert "standard output cannot be written (No space left on device)" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_question_leaves_standard_output_to_the_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    run(["migrate", "downgrade", "syncledger", "base", "--json"])
    assert capsys.readouterr().out == ""


def test_without_a_key_the_way_out_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIKI_INTERNAL_API_KEY", "")
    assert run(["stores", "list"]) == exits.NOT_ALLOWED
    assert "KIKI_INTERNAL_API_KEY" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_a_failure_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["experiment", "simulate", "--users", "10", "--output", str(tmp_path)]
    assert run(line) == exits.REFUSED
    assert "cannot be written: Is a directory" in capsys.readouterr().err
