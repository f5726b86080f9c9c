"""Commands under poor locales, narrow terminals and closed pipes: no traceback, and JSON that says the same."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.cli.main import build_command
from kiki.cli.output import print_json, print_rows
from kiki.cli.streams import make_legible, write_bytes

ENCODINGS = ("ascii", "latin-1", "cp1252", "utf-8")
KIKI = [sys.executable, "-m", "kiki.cli.main"]


@contextmanager
def standard_output(encoding: str) -> Iterator[io.BytesIO]:
    """Standard output and error in an encoding; gives what is written to the first."""
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding=encoding, write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with redirect_stdout(out), redirect_stderr(err):
        make_legible()
        yield written
        out.detach()


def paths_of(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, each in sorted(getattr(command, "commands", {}).items()):
        yield from paths_of(each, (*path, name))


@pytest.mark.parametrize(("encoding", "columns"), [("ascii", "9"), ("latin-1", "80")])
def test_every_command_explains_itself_anywhere(encoding: str, columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("COLUMNS", columns), ("TERM", "dumb"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    command = build_command()
    paths = list(paths_of(command))
    assert len(paths) > 60
    for path in paths:
        with standard_output(encoding) as written:
            command([*path, "--help"], standalone_mode=False)
        assert b"\x1b" not in written.getvalue(), path
        assert b"Usage" in written.getvalue(), path


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_says_the_same_in_every_encoding(encoding: str) -> None:
    value = {"name": "Nørdlicht 北 ✓", "half": "\ud800"}
    for each in (value, {"name": "Nørdlicht 北 ✓"}):
        with standard_output(encoding) as written:
            print_json(each)
        assert json.loads(written.getvalue().decode(encoding)) == each


@pytest.mark.parametrize(
    ("encoding", "wanted"),
    [
        pytest.param("ascii", b"Cafe N?rd ? ...", id="ascii"),
        pytest.param("latin-1", "Café Nørd ? ...".encode("latin-1"), id="latin-1"),
        pytest.param("cp1252", "Café Nørd ? …".encode("cp1252"), id="cp1252"),
        pytest.param("utf-8", "Café Nørd 北 …".encode(), id="utf-8"),
    ],
)
def test_a_table_is_legible_in_every_encoding(encoding: str, wanted: bytes) -> None:
    with standard_output(encoding) as written:
        print_rows([{"name": "Café Nørd 北 …"}], ["name"], empty="")
    assert wanted in written.getvalue()


@given(text=st.text(), encoding=st.sampled_from(ENCODINGS))
def test_no_character_ends_a_command(text: str, encoding: str) -> None:
    with standard_output(encoding) as written:
        sys.stdout.write(text)
        sys.stderr.write(text)
    assert text or not written.getvalue()


def test_a_document_goes_out_byte_for_byte() -> None:
    with standard_output("ascii") as written:
        sys.stdout.write("before ")
        write_bytes("Nørdlicht\r\n".encode())
    assert written.getvalue() == b"before " + "Nørdlicht\r\n".encode()


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"PYTHONIOENCODING": "ascii"}, id="ascii"),
        pytest.param({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, id="C locale"),
    ],
)
def test_the_program_itself_is_legible(environment: dict[str, str]) -> None:
    done = subprocess.run([*KIKI, "--help"], env={**os.environ, **environment}, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Exit codes" in done.stdout
    assert done.stdout.isascii()
