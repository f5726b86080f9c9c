"""Whether the disk under the database has room for more deliveries."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

_EVERY_SECONDS = 5.0


class DiskGuard:
    """Looks at the file system at most every five seconds; a folder that cannot be read counts as having room."""

    def __init__(self, path: Path | None, floor: float, monotonic: Callable[[], float]) -> None:
        self._path = path
        self._floor = floor
        self._monotonic = monotonic
        self._next_look = 0.0
        self._has_room = True

    def has_room(self) -> bool:
        if self._path is None:
            return True
        now = self._monotonic()
        if now >= self._next_look:
            self._next_look = now + _EVERY_SECONDS
            self._has_room = self._look(self._path)
        return self._has_room

    def _look(self, path: Path) -> bool:
        try:
            state = os.statvfs(path)
        except OSError:
            return True
        return state.f_blocks == 0 or state.f_bavail / state.f_blocks >= self._floor
