"""Who runs PostgreSQL: ourselves, or, because it refuses to run as root, an unprivileged user."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kiki.kit.errors import FailedPrecondition, InvalidInput

_FALLBACKS = ("kiki", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system; `switch` is false when we already are that user."""

    name: str
    uid: int
    gid: int
    switch: bool

    def process_options(self) -> dict[str, Any]:
        """Arguments for `subprocess` so that the child runs as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def give(self, path: Path) -> None:
        """Make this user the owner of one file or folder."""
        if self.switch:
            os.chown(path, self.uid, self.gid)


def choose_account(configured: str | None, existing: Path) -> Account:
    """The owner of an existing data folder, else the configured user, else the first of a few that exist.

    An ordinary user always runs the server as itself.
    """
    if os.geteuid() != 0:
        return Account(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid(), switch=False)
    if existing.exists():
        return _by_uid(existing.stat().st_uid)
    if configured:
        return _by_name(configured)
    for name in _FALLBACKS:
        try:
            return _by_name(name)
        except InvalidInput:
            continue
    raise FailedPrecondition(
        "PostgreSQL does not run as root and no unprivileged user exists; name one in KIKI_POSTGRES_USER",
        reason="NO_DATABASE_USER",
    )


def check_reachable(folder: Path, account: Account) -> None:
    """Raise when the user may not enter a folder, naming the first parent that is closed."""
    if not account.switch:
        return
    for parent in [*reversed(folder.parents), folder]:
        if parent.exists() and not _may_enter(parent.stat(), account):
            raise FailedPrecondition(
                f"{parent} is closed to user {account.name}, who runs PostgreSQL because root may not;"
                " set KIKI_DATA_DIR to a folder that others may pass through, or KIKI_POSTGRES_USER to another user",
                reason="DATA_FOLDER_CLOSED",
            )


def _may_enter(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _by_name(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise InvalidInput(f"KIKI_POSTGRES_USER names {name}, who does not exist", reason="NO_DATABASE_USER") from None
    return _checked(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _by_uid(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return _checked(str(uid), uid, uid)
    return _checked(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _checked(name: str, uid: int, gid: int) -> Account:
    if uid == 0:
        raise InvalidInput("PostgreSQL does not run as root; name another user", reason="NO_DATABASE_USER")
    return Account(name=name, uid=uid, gid=gid, switch=True)
