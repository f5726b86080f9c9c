"""Numbers for flows, messages and log entries, handed out in blocks."""

from __future__ import annotations

from kiki.kit.database import Connection

_BLOCK = 1000


class Identifiers:
    """Takes blocks of a thousand from the sequence; a number is never given twice, some are never given."""

    def __init__(self) -> None:
        self._next = 0
        self._end = 0

    async def take(self, connection: Connection, count: int) -> list[int]:
        """So many fresh numbers, ascending within a block."""
        taken: list[int] = []
        while len(taken) < count:
            if self._next == self._end:
                start = await connection.fetchval("SELECT nextval('syncengage.identifiers')")
                self._next, self._end = start, start + _BLOCK
            step = min(count - len(taken), self._end - self._next)
            taken.extend(range(self._next, self._next + step))
            self._next += step
        return taken
