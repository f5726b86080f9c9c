"""Reading a body: bounded in size, in time, and in what all bodies under way may hold together."""

from __future__ import annotations

import asyncio

from kiki.portal.errors import BodyTooLarge, BodyTooSlow, Overloaded, SenderGone
from kiki.portal.intake.answers import Receive


class ReadingBudget:
    """Bytes that bodies not yet complete may hold together."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.used = 0

    def take(self, count: int) -> None:
        if self.used + count > self._max_bytes:
            raise Overloaded("too many bodies are being read")
        self.used += count

    def give_back(self, count: int) -> None:
        self.used -= count


def declared_length(headers: dict[str, str]) -> int | None:
    """What Content-Length says; None when absent or not a number."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


async def read_body(receive: Receive, *, limit: int, seconds: float, budget: ReadingBudget) -> bytes:
    """The whole body. Raises `BodyTooLarge`, `BodyTooSlow`, `Overloaded` or `SenderGone`; keeps nothing then."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise SenderGone
                chunk: bytes = message.get("body", b"")
                more = message.get("more_body", False)
                if not more and not chunks:
                    if len(chunk) > limit:
                        raise BodyTooLarge(f"a body has at most {limit} bytes, got more")
                    return chunk
                if size + len(chunk) > limit:
                    raise BodyTooLarge(f"a body has at most {limit} bytes, got more")
                budget.take(len(chunk))
                size += len(chunk)
                chunks.append(chunk)
                if not more:
                    return b"".join(chunks)
    except TimeoutError:
        raise BodyTooSlow(f"a body arrives within {seconds:g} s") from None
    finally:
        budget.give_back(size)
