"""Imports run one way, nothing happens at import, and a process loads only what it serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numpy", "scipy", "PIL", "typst", "mrml")


def _loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


def test_import_contracts_hold() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("component", "foreign"),
    [
        pytest.param("portal", (*HEAVY, "kiki.council"), id="portal"),
        pytest.param("worker", (*HEAVY, "kiki.council", "fastapi", "uvicorn"), id="worker"),
        pytest.param("syncflow", (*HEAVY, "kiki.portal", "fastapi"), id="syncflow"),
        pytest.param("syncledger", (*HEAVY, "kiki.portal", "fastapi"), id="syncledger"),
        pytest.param("syncshield", (*HEAVY, "kiki.portal", "fastapi"), id="syncshield"),
    ],
)
def test_a_process_loads_only_what_it_serves(component: str, foreign: tuple[str, ...]) -> None:
    loaded = _loaded_by(f"from kiki.runtime.composition import preload; preload({component!r})")
    assert sorted(loaded & set(foreign)) == []


def test_no_component_opens_a_command_line_or_an_agent_by_being_imported() -> None:
    loaded = _loaded_by("import kiki.cli.main; kiki.cli.main.build_app()")
    assert sorted(loaded & {*HEAVY, "kiki.council", "fastapi", "grpc", "sqlalchemy"}) == []
