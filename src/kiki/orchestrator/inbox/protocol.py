"""What the inbox hands to the decisions, and what it expects back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from kiki.commerce.events import CommerceEvent
from kiki.kit.database import Connection
from kiki.kit.errors import InvalidInput, KikiError
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.lanes import Lane

INTERNAL_PLATFORM = "internal"
"""The platform of deliveries that the orchestrator writes to itself; their body is JSON, their topic the kind."""


class InternalFact(msgspec.Struct, frozen=True):
    """Something that an agent answered, or that a schedule found due."""

    kind: str
    body: dict[str, Any]

    def encode(self) -> bytes:
        """The body as JSON with sorted keys: equal facts give equal bytes."""
        return msgspec.json.encode(self.body, order="deterministic")

    @classmethod
    def decode(cls, kind: str, body: bytes) -> InternalFact:
        """Raises `InvalidInput` when the body is not a JSON object."""
        try:
            return cls(kind, msgspec.json.decode(body, type=dict[str, Any]))
        except msgspec.DecodeError as error:
            raise InvalidInput(
                f"an internal fact is a JSON object, got: {error}",
                reason="UNREADABLE_PAYLOAD",
            ) from error


class WorkItem(msgspec.Struct, frozen=True, gc=False):
    """One delivery, opened and decoded, about to be decided."""

    delivery_id: int
    store_id: int
    platform: str
    topic: str
    lane: Lane
    origin: str
    """`webhook`, `sync`, `replay` or `internal`."""
    received_at: dt.datetime
    triggered_at: str
    attempts: int
    """How often this delivery was tried and failed before."""
    events: Sequence[CommerceEvent] | None
    internal: InternalFact | None


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """One delivery that could not be applied; it left no effect. Retryable kinds are parked, others dead-lettered."""

    delivery_id: int
    error: KikiError


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a batch."""

    failures: Sequence[ItemFailure] = ()
    calls: Sequence[CallIntent] = ()
    """To be queued in the same transaction, in this order."""


class Decider(Protocol):
    """The decisions. One call is one batch in one transaction."""

    def entity(self, item: WorkItem) -> str:
        """What must stay in order, e.g. `order:123`; pure. A failing item holds back only what has the same entity."""
        ...

    async def decide(self, connection: Connection, items: Sequence[WorkItem], now: dt.datetime) -> Decided:
        """Fold and decide a batch inside the caller's transaction; the caller commits.

        A failed item left no effect. Raising fails the batch as a whole: it is rolled back and halved until what is
        poisonous stands alone.
        """
        ...
