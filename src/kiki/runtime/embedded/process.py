"""The PostgreSQL process: started, or adopted when an earlier program left it behind; watched; stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kiki.kit.errors import FailedPrecondition, Unavailable
from kiki.runtime.embedded.cluster import Cluster

_START_SECONDS = 10.0
RESTART_SECONDS = 60.0
"""How long a server that ran before is tried: sessions of the killed one end only when their statement does."""
_START_PAUSE_SECONDS = 0.5
_RECOVERY_SECONDS = 600
_POLL_SECONDS = 0.02
_STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class LockFile:
    """What `postmaster.pid` says: who serves this data folder, over which socket folder, and whether it is ready."""

    pid: int
    sockets: str
    status: str


class ServerProcess:
    """One running postmaster."""

    def __init__(self, cluster: Cluster, pid: int, child: subprocess.Popen[bytes] | None) -> None:
        self._cluster = cluster
        self._child = child
        self.pid = pid

    @property
    def adopted(self) -> bool:
        """Whether an earlier program started it."""
        return self._child is None

    def alive(self) -> bool:
        """Whether it runs; a child that ended is reaped."""
        return self._child.poll() is None if self._child else _serves(self.pid, self._cluster.data)

    def stop(self) -> None:
        """End it: fast shutdown (sessions are cut, everything is written), immediate after 20 s."""
        for number, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if self._gone_within(seconds):
                return

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.alive():
                return True
            time.sleep(_POLL_SECONDS)
        return False


def start(cluster: Cluster, patience_seconds: float = _START_SECONDS) -> ServerProcess:
    """A ready server. A killed server's lock and shared memory linger for a moment, so the start is tried again.

    Raises `Unavailable` with the server's own words when no start succeeded within the patience.
    """
    adopted = _adopt(cluster)
    if adopted:
        return adopted
    deadline = time.monotonic() + patience_seconds
    while True:
        with tempfile.TemporaryFile() as errors:
            process = _launch(cluster, errors)
            if _wait_until_ready(cluster, process):
                return process
            reason = _last_line(errors)
        if time.monotonic() > deadline:
            break
        time.sleep(_START_PAUSE_SECONDS)
    raise Unavailable(
        f"PostgreSQL did not start: {reason}; its log is under {cluster.data / 'log'}", reason="NO_DATABASE"
    )


def read_lock_file(data: Path) -> LockFile | None:
    """The lock file of a data folder, if there is one and it is whole."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return LockFile(pid=int(lines[0]), sockets=lines[4], status=lines[7].strip() if len(lines) > 7 else "")
    except (OSError, ValueError, IndexError):
        return None


def _adopt(cluster: Cluster) -> ServerProcess | None:
    lock = read_lock_file(cluster.data)
    if lock is None or not _serves(lock.pid, cluster.data):
        return None
    process = ServerProcess(cluster, lock.pid, None)
    if lock.sockets == str(cluster.sockets) and _wait_until_ready(cluster, process):
        return process
    process.stop()
    return None


def _launch(cluster: Cluster, errors: IO[bytes]) -> ServerProcess:
    try:
        child = subprocess.Popen(
            [cluster.binaries.program("postgres"), "-D", str(cluster.data)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,  # Ctrl-C is for us: the database stops last.
            **cluster.account.process_options(),
        )
    except OSError as error:
        raise FailedPrecondition(
            f"PostgreSQL cannot be executed ({error.strerror})", reason="NO_EMBEDDED_DATABASE"
        ) from error
    return ServerProcess(cluster, child.pid, child)


def _wait_until_ready(cluster: Cluster, process: ServerProcess) -> bool:
    """Whether it became ready; false when it ended. Recovery after a crash takes its time, so the wait is long."""
    deadline = time.monotonic() + _RECOVERY_SECONDS
    while time.monotonic() < deadline:
        lock = read_lock_file(cluster.data)
        if lock and lock.pid == process.pid and lock.status == "ready":
            return True
        if not process.alive():
            return False
        time.sleep(_POLL_SECONDS)
    process.stop()
    return False


def _serves(pid: int, data: Path) -> bool:
    """Whether a process lives and is the server of this data folder, not a stranger with a reused number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    except OSError:
        return False
    return os.fsencode(data) in command and b"postgres" in command[0]


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return next((line for line in reversed(lines) if "FATAL" in line), lines[-1] if lines else "it said nothing")
