"""What may travel together: pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from kiki.orchestrator.calls.grouped import split_requests
from kiki.orchestrator.calls.intents import GROUPED, CallIntent

EntityKey = tuple[int, str]
"""Store and entity."""


@dataclass(slots=True)
class Call:
    """A waiting call in a dispatcher's hands."""

    seq: int
    intent: CallIntent
    queued_at: dt.datetime
    attempts: int = 0
    was_parked: bool = False
    requests: list[bytes] = field(default_factory=list)
    """The single requests: one, or those of a group."""

    def __post_init__(self) -> None:
        grouped = self.intent.method in GROUPED
        self.requests = split_requests(self.intent.request) if grouped else [self.intent.request]

    @property
    def key(self) -> EntityKey:
        """What it must not overtake."""
        return (self.intent.store_id, self.intent.entity)

    @property
    def method(self) -> str:
        """The single method that it is sent by."""
        return GROUPED.get(self.intent.method, self.intent.method)


@dataclass(slots=True)
class Chunk:
    """Calls of one method that are sent as one batch; an entity stands in it once."""

    method: str
    calls: list[Call] = field(default_factory=list)
    items: int = 0
    size: int = 0

    def takes(self, call: Call, *, items: int, size: int) -> bool:
        """Whether the call fits; the first always does."""
        if not self.calls:
            return True
        return self.items + len(call.requests) <= items and self.size + len(call.intent.request) <= size

    def add(self, call: Call) -> None:
        self.calls.append(call)
        self.items += len(call.requests)
        self.size += len(call.intent.request)


def form_chunks(
    waiting: Iterable[Call], busy: Collection[EntityKey], *, items: int, size: int, most: int
) -> list[Chunk]:
    """Up to `most` chunks from calls in order; per entity only the oldest call, and none while it is busy."""
    chunks: list[Chunk] = []
    open_chunks: dict[str, Chunk] = {}
    taken: set[EntityKey] = set()
    for call in waiting:
        key = call.key
        if key in busy or key in taken:
            continue
        taken.add(key)
        chunk = open_chunks.get(call.method)
        if chunk is None or not chunk.takes(call, items=items, size=size):
            if len(chunks) >= most:
                continue
            chunk = open_chunks[call.method] = Chunk(call.method)
            chunks.append(chunk)
        chunk.add(call)
    return chunks
