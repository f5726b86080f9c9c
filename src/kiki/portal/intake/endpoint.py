"""The webhook route: raw ASGI, no parsing, no agent, no transaction of its own.

Find the store, read the body, verify the signature, join the group commit, answer. SPEC: everything that was answered
200 is stored; everything else was not accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from kiki.kit.clock import Clock, monotonic
from kiki.kit.errors import Unavailable
from kiki.kit.logging import get_logger
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key
from kiki.orchestrator.lanes import Lane
from kiki.platforms.protocol import Envelope, Platform
from kiki.portal.errors import BodyTooLarge, BodyTooSlow, SenderGone
from kiki.portal.intake import answers
from kiki.portal.intake.answers import Answer, Receive, Scope, Send
from kiki.portal.intake.body import ReadingBudget, declared_length, read_body
from kiki.portal.intake.disk import DiskGuard
from kiki.portal.intake.group_commit import GroupCommit
from kiki.portal.intake.headers import kept_headers, printable, read_headers
from kiki.portal.intake.metrics import IntakeMetrics
from kiki.portal.intake.refusals import Refusals
from kiki.portal.intake.routes import Route, parse_route
from kiki.portal.intake.stores import SigningStore, StoreCache, StoreName

_OFF_LOOP_BYTES = 256 * 1024
_PING_BYTES = 4096
_UNKNOWN = "unknown"
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request."""

    max_body_bytes: int
    body_seconds: float


class Intake:
    """The ASGI application behind `/webhooks/`."""

    def __init__(
        self,
        *,
        platforms: Mapping[str, Platform],
        stores: StoreCache,
        commit: GroupCommit[NewDelivery],
        refusals: Refusals,
        metrics: IntakeMetrics,
        disk: DiskGuard,
        hashing: Executor,
        limits: Limits,
        budget: ReadingBudget,
        clock: Clock,
    ) -> None:
        self._platforms = platforms
        self._stores = stores
        self._commit = commit
        self._refusals = refusals
        self._metrics = metrics
        self._disk = disk
        self._hashing = hashing
        self._limits = limits
        self._budget = budget
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = monotonic()
        route = parse_route(scope["path"])
        platform = self._platforms.get(route.platform) if route is not None else None
        if route is None or platform is None:
            name, answer = _UNKNOWN, answers.NO_SUCH_PLATFORM
        elif scope["method"] != "POST":
            name, answer = platform.name, answers.WRONG_METHOD
        else:
            name = platform.name
            try:
                answer = await self._take_in(route, platform, scope, receive)
            except SenderGone:
                self._metrics.answered(name, "sender_gone")
                return
            except BodyTooLarge:
                answer = answers.TOO_LARGE
            except BodyTooSlow:
                answer = answers.TOO_SLOW
            except Unavailable:
                answer = answers.OVERLOADED
            except Exception as error:  # noqa: BLE001  # the HTTP edge: whatever it is, the sender gets an answer and no detail
                _log.error("webhook_failed", platform=name, error=type(error).__name__)
                answer = answers.BROKEN
        await answer.send(send)
        self._metrics.answered(name, answer.outcome)
        if answer.status == 200:
            self._metrics.answer_seconds.observe(monotonic() - started)

    async def _take_in(self, route: Route, platform: Platform, scope: Scope, receive: Receive) -> Answer:
        headers = read_headers(scope["headers"])
        if headers is None:
            return answers.HEADERS_TOO_LARGE
        envelope = platform.envelope(headers)
        if not envelope.signature:
            return await self._take_unsigned(platform, headers, receive)
        name = StoreName(platform.name, route.token, None if route.token else envelope.store_key)
        store = await self._stores.find(name)
        if store is None:
            return self._refuse(platform.name, 0, "UNKNOWN_STORE", answers.REFUSED_UNREAD)
        if (declared_length(headers) or 0) > self._limits.max_body_bytes:
            return answers.TOO_LARGE
        if not self._disk.has_room():
            return answers.DISK_FULL
        body = await self._read(receive, self._limits.max_body_bytes)
        if not await self._verified(platform, body, envelope.signature, name, store):
            return self._refuse(platform.name, store.store_id, "BAD_SIGNATURE", answers.REFUSED)
        delivery = self._delivery(route, platform, store, headers, envelope, body)
        new = await self._commit.submit(delivery, len(body) + 1024)
        if not new:
            return answers.DUPLICATE
        return answers.DEAD if delivery.dead_reason else answers.ACCEPTED

    async def _take_unsigned(self, platform: Platform, headers: dict[str, str], receive: Receive) -> Answer:
        """A creation ping is answered, everything else without a signature refused."""
        if (declared_length(headers) or 0) <= _PING_BYTES:
            try:
                body = await self._read(receive, _PING_BYTES)
            except BodyTooLarge:
                return self._refuse(platform.name, 0, "MISSING_SIGNATURE", answers.REFUSED)
            if platform.is_ping(headers, body):
                return answers.PONG
            return self._refuse(platform.name, 0, "MISSING_SIGNATURE", answers.REFUSED)
        return self._refuse(platform.name, 0, "MISSING_SIGNATURE", answers.REFUSED_UNREAD)

    async def _read(self, receive: Receive, limit: int) -> bytes:
        return await read_body(receive, limit=limit, seconds=self._limits.body_seconds, budget=self._budget)

    async def _verified(
        self, platform: Platform, body: bytes, signature: str, name: StoreName, store: SigningStore
    ) -> bool:
        if await self._verify(platform, body, signature, store):
            return True
        reloaded = await self._stores.reload(name)
        if reloaded is None or reloaded.secrets == store.secrets:
            return False
        return await self._verify(platform, body, signature, reloaded)

    async def _verify(self, platform: Platform, body: bytes, signature: str, store: SigningStore) -> bool:
        if len(body) <= _OFF_LOOP_BYTES:
            return platform.verify(body, signature, store.secrets)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._hashing, platform.verify, body, signature, store.secrets)

    def _delivery(
        self,
        route: Route,
        platform: Platform,
        store: SigningStore,
        headers: dict[str, str],
        envelope: Envelope,
        body: bytes,
    ) -> NewDelivery:
        topic, dead_reason = route.topic, _dead_reason(route, envelope)
        # A delivery that is kept as dead must not make the same body under its right topic a duplicate.
        keyed = topic if dead_reason is None else f"{topic}\x1f{envelope.topic}\x1f{dead_reason}"
        return NewDelivery(
            store_id=store.store_id,
            platform=platform.name,
            topic=topic,
            key=duplicate_key(keyed, envelope.event_id, envelope.webhook_id, envelope.delivery_id, body),
            received_at=self._clock.now(),
            triggered_at=printable(envelope.triggered_at, 64),
            headers=kept_headers(headers),
            signature=printable(envelope.signature or "", 512),
            body=body,
            lane=Lane.LIVE_STOCK if topic in platform.stock_topics else Lane.LIVE,
            origin="webhook",
            dead_reason=dead_reason,
        )

    def _refuse(self, platform: str, store_id: int, reason: str, answer: Answer) -> Answer:
        self._refusals.add(platform, store_id, reason)
        self._metrics.refused(platform, reason)
        return answer


def _dead_reason(route: Route, envelope: Envelope) -> str | None:
    if not route.well_formed:
        return "BAD_TOPIC"
    if envelope.topic and envelope.topic != route.topic:
        return "TOPIC_MISMATCH"
    return None
