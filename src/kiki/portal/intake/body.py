"""What bodies under way may hold together, and what a request says of its own."""

from __future__ import annotations

from collections.abc import Mapping

from kiki.portal.errors import Overloaded


class ReadingBudget:
    """Bytes that bodies not yet complete may hold together."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.used = 0

    def take(self, count: int) -> None:
        """Raises `Overloaded` when there is no room."""
        if self.used + count > self._max_bytes:
            raise Overloaded("too many bodies are being read")
        self.used += count

    def give_back(self, count: int) -> None:
        self.used -= count


def declared_length(headers: Mapping[str, str]) -> int | None:
    """What Content-Length says; None when absent or not a number."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
