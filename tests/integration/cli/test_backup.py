"""`kiki backup` and `kiki restore` as they are typed, from one embedded cluster into another."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from kiki.cli import exits

pytestmark = pytest.mark.slow
_KIKI = (sys.executable, "-m", "kiki.cli.main")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """That PostgreSQL's user may pass through."""
    with tempfile.TemporaryDirectory(prefix="kiki-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture(scope="module")
def saved(folder: Path) -> Path:
    """A backup of a fresh installation `one`, and `keys.env` beside it."""
    assert kiki(folder, "one", "migrate", "upgrade").returncode == exits.OK
    done = kiki(folder, "one", "backup", str(folder / "backup"), "--secrets", str(folder / "keys.env"), "--json")
    assert done.returncode == exits.OK, done.stderr
    told = json.loads(done.stdout)
    assert told["rows"] > 0
    assert told["sealing_key_versions"] == [1]
    return folder / "backup"


def kiki(folder: Path, name: str, *line: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment: Mapping[str, str] = {**os.environ, "KIKI_DATA_DIR": str(folder / name), **more}
    return subprocess.run([*_KIKI, *line], capture_output=True, text=True, check=False, cwd=folder, env=environment)


def test_keys_are_in_their_own_file_and_nowhere_else(folder: Path, saved: Path) -> None:
    keys = (folder / "keys.env").read_text()
    assert stat.S_IMODE((folder / "keys.env").stat().st_mode) == 0o600
    secret = keys.split("KIKI_SEALING_KEYS=1:")[1].splitlines()[0].encode()
    assert all(secret not in path.read_bytes() for path in saved.iterdir())
    again = kiki(folder, "one", "backup", str(folder / "another"), "--secrets", str(folder / "keys.env"), "--json")
    assert (again.returncode, json.loads(again.stderr)["error"]["reason"]) == (exits.REFUSED, "SECRETS_EXIST")
    assert not (folder / "another").exists()


def test_a_backup_is_looked_at_without_making_anything(folder: Path, saved: Path) -> None:
    checked = kiki(folder, "two", "restore", str(saved), "--check", "--secrets", str(folder / "keys.env"))
    assert checked.returncode == exits.OK, checked.stderr
    assert "whole and opens" in checked.stdout
    assert not (folder / "two").exists()


def test_without_the_keys_nothing_is_made(folder: Path, saved: Path) -> None:
    refused = kiki(folder, "two", "restore", str(saved), "--json")
    assert (refused.returncode, json.loads(refused.stderr)["error"]["reason"]) == (exits.REFUSED, "WRONG_SEALING_KEYS")
    assert not (folder / "two").exists()


def test_a_new_folder_is_filled_once_and_keeps_the_keys(folder: Path, saved: Path) -> None:
    line = ("restore", str(saved), "--secrets", str(folder / "keys.env"), "--json")
    done = kiki(folder, "three", *line)
    assert done.returncode == exits.OK, done.stderr
    assert json.loads(done.stdout)["messages_cancelled"] == 0
    kept = (folder / "three" / "secrets.env").read_text()
    assert (folder / "keys.env").read_text().split("KIKI_SEALING_KEYS=")[1].splitlines()[0] in kept
    status = kiki(folder, "three", "migrate", "status", "--json")
    assert json.loads(status.stdout) == {"pending": {}}
    again = kiki(folder, "three", *line)
    assert (again.returncode, json.loads(again.stderr)["error"]["reason"]) == (exits.REFUSED, "DATABASE_NOT_EMPTY")


def test_a_component_refuses_a_database_without_tables(folder: Path, saved: Path, database_dsn: str) -> None:
    assert saved.exists()
    kept = dict(line.split("=", 1) for line in (folder / "keys.env").read_text().splitlines()[1:])
    ended = kiki(folder, "four", "serve", "worker", DATABASE_URL=database_dsn, **kept)
    assert ended.returncode == exits.REFUSED
    last = ended.stderr.splitlines()[-1]
    assert "kiki migrate upgrade" in last
    assert "TABLES_BEHIND" in last
    assert "Traceback" not in ended.stderr
