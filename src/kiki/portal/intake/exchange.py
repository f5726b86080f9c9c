"""One webhook request and its answer, on one connection."""

from __future__ import annotations

from collections.abc import Callable

from kiki.kit.clock import monotonic
from kiki.portal.intake.answers import BROKEN, Answer
from kiki.portal.intake.body import ReadingBudget
from kiki.portal.intake.rules import Arrival


class Exchange:
    """What was read of a request, and what is to be answered. `told` hears of the answer, once."""

    __slots__ = ("_budget", "_chunks", "_told", "answer", "arrival", "head_only", "keep_alive", "path", "received",
                 "size", "started_at", "wants_continue")  # fmt: skip

    def __init__(self, told: Callable[[Exchange], None], budget: ReadingBudget, path: str, *, keep_alive: bool) -> None:
        self._told = told
        self._budget = budget
        self._chunks: list[bytes] = []
        self.path = path
        self.keep_alive = keep_alive
        self.head_only = False
        self.wants_continue = False
        self.received = False
        """Whether its body is complete."""
        self.started_at = monotonic()
        self.size = 0
        self.arrival: Arrival | None = None
        """None as long as the store is being looked up."""
        self.answer: Answer | None = None

    def reply(self, answer: Answer) -> None:
        """Only the first answer counts; what was read is let go."""
        if self.answer is None:
            self.answer = answer
            self.let_go()
            self._told(self)

    def take(self, chunk: bytes) -> None:
        """Keep a part of the body. Raises `Overloaded` when all bodies under way hold too much."""
        self._budget.take(len(chunk))
        self.size += len(chunk)
        self._chunks.append(chunk)

    def body(self) -> bytes:
        """The complete body, from now on in the caller's hands."""
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self.let_go()
        return body

    def let_go(self) -> None:
        """Free what was read."""
        if self.size:
            self._budget.give_back(self.size)
            self.size = 0
            self._chunks = []

    def abandon(self) -> None:
        """Nobody waits for an answer any more; none is told."""
        self.answer = BROKEN
        self.let_go()
