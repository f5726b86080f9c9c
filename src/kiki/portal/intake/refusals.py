"""Refused deliveries: counted in memory, audited as one entry per (platform, store, reason) and interval."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from kiki.kit.clock import Clock
from kiki.kit.digest import event_id
from kiki.kit.errors import KikiError
from kiki.kit.logging import get_logger
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.lanes import Lane
from kiki.portal.audit import webhook_event

_MAX_KINDS = 10_000
_log = get_logger(__name__)

Enqueue = Callable[[Sequence[CallIntent]], Awaitable[None]]


@dataclass(slots=True)
class _Count:
    count: int
    first_at: dt.datetime


class Refusals:
    """Sums refusals up, so that a flood costs the audit log one entry per interval and kind, not one per request.

    What is not flushed when the process is killed is lost: a refused delivery was never accepted.
    """

    def __init__(self, enqueue: Enqueue, clock: Clock, every_seconds: float) -> None:
        self._enqueue = enqueue
        self._clock = clock
        self._every_seconds = every_seconds
        self._counts: dict[tuple[str, int, str], _Count] = {}

    def add(self, platform: str, store_id: int, reason: str) -> None:
        """One more. Store 0: none that is known."""
        key = (platform, store_id, reason)
        found = self._counts.get(key)
        if found is not None:
            found.count += 1
        elif len(self._counts) < _MAX_KINDS:
            self._counts[key] = _Count(1, self._clock.now())

    async def run(self) -> None:
        """Flush at every interval, and once more when cancelled."""
        try:
            while True:
                await asyncio.sleep(self._every_seconds)
                await self.flush()
        finally:
            async with asyncio.timeout(1):
                await self.flush()

    async def flush(self) -> None:
        """Hand the sums to the audit log; they stay here when that fails."""
        counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            await self._enqueue([_intent(key, found) for key, found in counts.items()])
        except (KikiError, TimeoutError) as error:
            _log.warning("refusals_not_audited", kinds=len(counts), error=type(error).__name__)
            self._put_back(counts)

    def _put_back(self, counts: dict[tuple[str, int, str], _Count]) -> None:
        for key, found in counts.items():
            newer = self._counts.get(key)
            found.count += newer.count if newer is not None else 0
            self._counts[key] = found


def _intent(key: tuple[str, int, str], found: _Count) -> CallIntent:
    platform, store_id, reason = key
    identity = event_id(store_id, "webhooks_refused", f"{platform}:{reason}", uuid.uuid4().hex)
    return CallIntent(
        store_id=store_id,
        agent="syncshield",
        method="LogWebhookEvent",
        lane=Lane.BULK,
        entity=f"audit:{store_id}",
        subject=f"refused:{platform}",
        event_id=identity,
        request=webhook_event(
            store_id=store_id,
            event_id=identity,
            platform=platform,
            topic=f"refused:{reason}",
            verified=False,
            count=found.count,
            occurred_at=found.first_at,
        ),
    )
