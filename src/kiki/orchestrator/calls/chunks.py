"""What may travel together: pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from kiki.kit.errors import KikiError
from kiki.orchestrator.calls.grouped import split_requests, unwrap, wrap
from kiki.orchestrator.calls.intents import GROUPED, MIXED, CallIntent

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
    problem: KikiError | None = None
    """Why its request cannot be read: it is not sent, and fails by itself."""
    sealed: bytes | None = None
    """The request as it was stored, where it cannot be read: it is kept as it is."""
    requests: list[bytes] = field(default_factory=list)
    """The items that it puts into a batch: one, or those of a group."""

    def __post_init__(self) -> None:
        method, request = self.intent.method, self.intent.request
        if method in GROUPED:
            self.requests = split_requests(request)
        elif method in MIXED:
            self.requests = [wrap(MIXED[method][1], request)]
        else:
            self.requests = [request]

    @property
    def key(self) -> EntityKey:
        """What it must not overtake."""
        return (self.intent.store_id, self.intent.entity)

    @property
    def method(self) -> str:
        """The single method that it is sent by, or the batch of several kinds."""
        method = self.intent.method
        return MIXED[method][0] if method in MIXED else GROUPED.get(method, method)

    @property
    def mixed(self) -> bool:
        """Whether it travels with other kinds, so that its agent keeps the order within a batch."""
        return self.intent.method in MIXED

    def response(self, item: bytes) -> bytes:
        """The single method's response in an answered item."""
        return unwrap(MIXED[self.intent.method][1], item) if self.intent.method in MIXED else item


@dataclass(slots=True)
class Chunk:
    """Calls that are sent as one batch; an entity stands in it once, but for batches of several kinds."""

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
    """Up to `most` chunks from calls in order. Per entity only the oldest call, and none while it is busy.

    Several of one entity may follow each other in one chunk whose agent keeps their order.
    """
    chunks: list[Chunk] = []
    open_chunks: dict[str, Chunk] = {}
    taken: dict[EntityKey, Chunk | None] = {}
    for call in waiting:
        key = call.key
        if key in busy:
            continue
        chunk = open_chunks.get(call.method)
        if key in taken:
            same = chunk is not None and taken[key] is chunk and call.mixed
            if not same or chunk is None or not chunk.takes(call, items=items, size=size):
                taken[key] = None
                continue
        elif chunk is None or not chunk.takes(call, items=items, size=size):
            if len(chunks) >= most:
                taken[key] = None
                continue
            chunk = open_chunks[call.method] = Chunk(call.method)
            chunks.append(chunk)
        taken[key] = chunk
        chunk.add(call)
    return chunks
