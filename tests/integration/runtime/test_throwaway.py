"""The PostgreSQL of a test session ends with it, however the session ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

_SESSION = """
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from throwaway import throwaway_postgres

with throwaway_postgres() as dsn:
    (sockets,) = parse_qs(urlsplit(dsn).query)["host"]
    (data,) = Path(sockets).parent.glob("*/postmaster.pid")
    print(data, flush=True)
    sys.stdin.readline()
"""


def _end(session: subprocess.Popen[str]) -> None:
    session.communicate("\n", timeout=30)
    assert session.returncode == 0


def _kill(session: subprocess.Popen[str]) -> None:
    """Its whole group, as the system or an impatient person does; nothing of it can clean up."""
    os.killpg(session.pid, signal.SIGKILL)
    session.wait()


@pytest.mark.parametrize("end", [_end, _kill], ids=["ended", "killed"])
def test_a_throwaway_server_and_its_folder_go_with_their_session(end: Callable[[subprocess.Popen[str]], None]) -> None:
    path = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", _SESSION],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": path},
    ) as session:
        assert session.stdout is not None
        lock = Path(session.stdout.readline().strip())
        server = int(lock.read_text().partition("\n")[0])
        assert _runs(server, lock.parent)
        end(session)
    deadline = time.monotonic() + 20
    while (_runs(server, lock.parent) or lock.parents[1].exists()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(server, lock.parent)
    assert not lock.parents[1].exists()


def _runs(server: int, data: Path) -> bool:
    """Whether the server of a data folder is there; a zombie that nobody reaps is not."""
    try:
        return os.fsencode(data) in Path(f"/proc/{server}/cmdline").read_bytes()
    except OSError:
        return False
