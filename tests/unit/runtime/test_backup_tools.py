"""Which `pg_dump` a backup runs: the one that comes along speaks no TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiki.kit.errors import FailedPrecondition
from kiki.runtime.backup.tools import program

PLAIN = "postgresql://kiki:a-password@db/kiki"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's own program."""
    found = tmp_path / "pg_dump"
    found.write_text("")
    found.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return found


@pytest.mark.parametrize("query", ["", "?sslmode=prefer", "?sslmode=disable", "?application_name=require"])
def test_an_address_that_does_without_tls_takes_what_comes_along(own: Path, query: str) -> None:
    assert Path(program("pg_dump", PLAIN + query)).name == "pg_dump"
    assert program("pg_dump", PLAIN + query) != str(own)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_an_address_that_wants_tls_takes_the_machines_own(own: Path, mode: str) -> None:
    assert program("pg_dump", f"{PLAIN}?sslrootcert=/ca.pem&sslmode={mode}") == str(own)


def test_a_machine_without_one_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FailedPrecondition, match="sslmode=verify-full, and the pg_dump that comes along") as refused:
        program("pg_dump", f"{PLAIN}?sslmode=verify-full")
    assert refused.value.reason == "NO_TLS_PROGRAM"
    assert "a-password" not in refused.value.message
