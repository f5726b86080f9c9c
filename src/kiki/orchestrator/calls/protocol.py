"""What the dispatcher asks of the clients and of the decisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import msgspec

from kiki.kit.errors import KikiError
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.events.log import LogEvent
from kiki.orchestrator.inbox.protocol import InternalFact
from kiki.orchestrator.lanes import Lane


class Outcome(Protocol):
    """How one request of a batch ended: exactly one of both is set."""

    @property
    def response(self) -> bytes | None: ...

    @property
    def error(self) -> KikiError | None: ...


class BatchCaller(Protocol):
    """The part of `CouncilClients` that the dispatcher needs."""

    async def call_batch(self, agent: str, method: str, requests: Sequence[bytes]) -> Sequence[Outcome]:
        """Send single requests of one method as one batch. Raises what failed the batch as a whole."""
        ...


class AnsweredCall(msgspec.Struct, frozen=True, gc=False):
    """A call and what the agent answered."""

    intent: CallIntent
    response: bytes
    """The serialized single response."""


@dataclass(frozen=True, slots=True)
class InternalFactFor:
    """A fact that goes back into a store's inbox."""

    store_id: int
    lane: Lane
    fact: InternalFact


FollowUp: TypeAlias = Callable[[Sequence[AnsweredCall]], Sequence[InternalFactFor]]
"""What flows back into the inbox from answers of one chunk: one fact per store and kind."""

EventsOf: TypeAlias = Callable[[Sequence[AnsweredCall]], Sequence[LogEvent]]
"""What answers of one chunk add to the event log."""
