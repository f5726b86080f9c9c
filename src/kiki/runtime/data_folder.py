"""The data folder of one installation: private, and held by one program at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kiki.kit.errors import FailedPrecondition

_LOCK = "up.lock"


def prepare_folder(folder: Path) -> None:
    """Make it private. Root's may be passed through, because another user runs the database inside it.

    Raises `FailedPrecondition` (`DATA_FOLDER_SHARED`) for a folder that others live in, which would be closed to them.
    """
    with filling(folder):
        if folder == Path("/") or (folder.is_dir() and folder.stat().st_mode & stat.S_ISVTX):
            raise FailedPrecondition(
                f"{folder} is not a folder of one program, and kiki closes its own to others; set KIKI_DATA_DIR to one"
                f" below it, such as {folder / 'kiki'}",
                reason="DATA_FOLDER_SHARED",
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


@contextmanager
def filling(folder: Path) -> Iterator[None]:
    """For what writes below the folder: a full disk or a closed folder is told as such (`DATA_FOLDER_CLOSED`)."""
    try:
        yield
    except OSError as error:
        why = error.strerror or _first_of_many(error)
        raise FailedPrecondition(
            f"the data folder {folder} cannot be used ({why}); set KIKI_DATA_DIR to another",
            reason="DATA_FOLDER_CLOSED",
        ) from error


def _first_of_many(error: OSError) -> str:
    """Why a tree could not be copied: `shutil.Error` holds a source, a target and a reason for each file."""
    return str(error.args[0][0][2]).partition(": '")[0] if isinstance(error, shutil.Error) else type(error).__name__


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the folder for the time of the block. The kernel lets go when the process ends, however it ends.

    Raises `FailedPrecondition` (`DATA_FOLDER_IN_USE`) that names the process that holds it.
    """
    with filling(folder):
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FailedPrecondition(
                f"the data folder {folder} is in use by process {_read(descriptor) or 'unknown'} (another `kiki up`);"
                " stop it, or set KIKI_DATA_DIR to another folder",
                reason="DATA_FOLDER_IN_USE",
            ) from None
        with filling(folder):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(folder: Path) -> str | None:
    """The process that holds the folder; `None` when nobody does."""
    with suppress(OSError):
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(descriptor) or "unknown"
        finally:
            os.close(descriptor)
    return None


def was_killed(folder: Path) -> bool:
    """Whether the last program that held the folder ended without letting go: its processes may still be draining."""
    with suppress(OSError):
        return bool((folder / _LOCK).read_bytes()) and holder(folder) is None
    return False


def _read(descriptor: int) -> str:
    return os.pread(descriptor, 64, 0).decode(errors="replace").strip()
