"""A start that is interrupted, and one that cannot succeed: told, and the folder starts again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kiki.cli import exits
from kiki.kit.sealing import Keyring
from kiki.runtime.settings import AGENTS

_ROOT = Path(__file__).resolve().parents[3]
_KIKI = (sys.executable, "-m", "kiki.cli.main")
_UP = ("up", "--json", "--seconds", "1")


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Ports of its own, and a data folder that PostgreSQL's user reaches too."""
    with _listeners(len(AGENTS) + 1) as listeners:
        ports = [listener.getsockname()[1] for listener in listeners]
    agents = {f"{agent.upper()}_GRPC_URL": f"127.0.0.1:{port}" for agent, port in zip(AGENTS, ports, strict=False)}
    with tempfile.TemporaryDirectory(prefix="kiki-test-") as name:
        Path(name).chmod(0o711)
        yield {**os.environ, **agents, "KIKI_DATA_DIR": f"{name}/data", "SYNCPORTAL_PORT": str(ports[-1])}


@pytest.mark.slow
def test_a_taken_port_is_told_before_anything_is_made(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(environment["SYNCPORTAL_PORT"]))):
        ended = _run(environment)
    assert ended.returncode == exits.REFUSED
    assert json.loads(ended.stderr.splitlines()[-1])["error"]["reason"] == "PORT_TAKEN"
    assert "postgresql" not in ended.stdout
    assert not (Path(environment["KIKI_DATA_DIR"]) / "postgres").exists()


@pytest.mark.slow
def test_a_component_by_itself_names_the_address_that_is_taken(environment: dict[str, str]) -> None:
    made = {"KIKI_INTERNAL_API_KEY": "a-key-for-this-test-alone", "KIKI_SEALING_KEYS": Keyring.generate()}
    elsewhere = {**environment, **made, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "SYNCPORTAL_PROT": "1"}
    with socket.create_server(("127.0.0.1", int(environment["SYNCPORTAL_PORT"]))):
        ended = _run(elsewhere, "serve", "portal")
    assert ended.returncode == exits.REFUSED
    assert f"portal: 127.0.0.1:{environment['SYNCPORTAL_PORT']} (Address already in use)" in ended.stderr
    assert "no such setting; SYNCPORTAL_PORT is one" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_bad_setting_leaves_no_folder(environment: dict[str, str]) -> None:
    ended = _run({**environment, "SYNCWORKER_POOL_SIZE": "many"})
    assert ended.returncode == exits.REFUSED
    assert json.loads(ended.stderr)["error"]["reason"] == "BAD_SETTINGS"
    assert not Path(environment["KIKI_DATA_DIR"]).exists()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["made", "started"])
def test_a_first_start_that_is_interrupted_says_so_and_starts_again(environment: dict[str, str], moment: str) -> None:
    code, told, errors = _interrupted(environment, moment)
    assert code == exits.INTERRUPTED, errors
    assert told[-1] == {"event": "ended", "was_up": False}
    assert "Traceback" not in errors
    again = _run({**environment, "SYNCPORTAL_PROT": "1"})
    events = [json.loads(line) for line in again.stdout.splitlines()]
    assert again.returncode == exits.OK, again.stderr
    assert [event["process"] for event in events if event["event"] == "ignored"] == ["SYNCPORTAL_PROT"]
    assert "up" in [event["event"] for event in events]
    assert events[-1] == {"event": "ended", "was_up": True}


def test_an_interrupt_while_the_commands_are_imported_says_so_and_shows_no_traceback(tmp_path: Path) -> None:
    """At every place of the import alike; this one is where `typer` is looked for."""
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    command = [sys.executable, "-m", "kiki.cli.entry", "--version"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (exits.INTERRUPTED, "", "interrupted\n")


def test_the_shells_command_is_the_one_that_can_be_interrupted() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "kiki.cli.entry", "--version"], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stdout[:5]) == (exits.OK, "kiki ")
    (script,) = re.findall(r'^kiki = "([\w.:]+)"$', (_ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert script == "kiki.cli.entry:main"


def _run(environment: Mapping[str, str], *line: str) -> subprocess.CompletedProcess[str]:
    command = [*_KIKI, *(line or _UP)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def _interrupted(environment: Mapping[str, str], moment: str) -> tuple[int, list[dict[str, Any]], str]:
    """Ctrl-C for the whole group, as a terminal sends it, at the first event of a kind."""
    told = []
    with subprocess.Popen(
        [*_KIKI, *_UP],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            told.append(json.loads(line))
            if told[-1]["event"] == moment:
                os.killpg(process.pid, signal.SIGINT)
                break
        told += [json.loads(line) for line in process.stdout]
        errors = process.stderr.read()
        return process.wait(60), told, errors


@contextmanager
def _listeners(count: int) -> Iterator[list[socket.socket]]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()
