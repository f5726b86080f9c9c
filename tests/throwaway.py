"""A PostgreSQL for one test session that does not outlive it, however the session ends.

Whoever is killed cleans nothing up. So a child, this file run as a program, holds the other end of a pipe of ours. When
we are gone the system closes it, and the child ends the server and removes the folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SHARED_MEMORY = "/dev/shm"
_ROOM = 2 * 2**30
_LOOKS = 50
_PAUSE_SECONDS = 0.1


@contextmanager
def throwaway_postgres() -> Iterator[str]:
    """Gives the DSN of a superuser."""
    from kiki.runtime.embedded.server import throwaway_server

    with (
        tempfile.TemporaryDirectory(prefix="kiki-test-", dir=_memory()) as folder,
        _followed(Path(folder)),
        throwaway_server(Path(folder)) as dsn,
    ):
        yield dsn


@contextmanager
def _followed(folder: Path) -> Iterator[None]:
    """For the time of the block a child waits for our end, in a session of its own: what is sent to ours spares it."""
    command = [sys.executable, "-I", "-S", __file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, cwd="/") as child:
        try:
            yield
        finally:
            child.terminate()


def _memory() -> str | None:
    """A folder in memory where there is one with room, from which a server may be started."""
    try:
        found = os.statvfs(_SHARED_MEMORY)
    except OSError:
        return None
    roomy = found.f_bavail * found.f_frsize >= _ROOM and not found.f_flag & os.ST_NOEXEC
    return _SHARED_MEMORY if roomy and os.access(_SHARED_MEMORY, os.W_OK) else None


def clean_up(folder: Path) -> None:
    """End the servers whose data lie in a folder, and remove it; whoever still writes there is waited for."""
    for _ in range(_LOOKS):
        for lock in folder.glob("*/postmaster.pid"):
            _end(lock)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_PAUSE_SECONDS)


def _end(lock: Path) -> None:
    """The server that wrote a lock file is stopped at once, and nobody else who may have its number by now."""
    with suppress(OSError, ValueError):
        pid = int(lock.read_text().partition("\n")[0])
        command = Path(f"/proc/{pid}/cmdline")
        if not Path("/proc/self").exists() or os.fsencode(lock.parent) in command.read_bytes():
            os.kill(pid, signal.SIGQUIT)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    clean_up(Path(sys.argv[1]))
