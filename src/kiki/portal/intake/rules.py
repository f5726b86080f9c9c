"""The rules of the intake: which answer a webhook gets, and what is stored. Knows no connection and no HTTP library.

A request goes `open` (its head is here: find the store) → `finish` (its body is here: verify, join the group commit).
SPEC: everything that was answered 200 is stored; everything else was not accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kiki.kit.clock import Clock, monotonic
from kiki.kit.errors import Unavailable
from kiki.kit.logging import get_logger
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key, sha256
from kiki.orchestrator.lanes import Lane
from kiki.platforms.protocol import Envelope, Platform
from kiki.portal.errors import Overloaded
from kiki.portal.intake import answers
from kiki.portal.intake.answers import Answer
from kiki.portal.intake.body import declared_length
from kiki.portal.intake.disk import DiskGuard
from kiki.portal.intake.group_commit import GroupCommit
from kiki.portal.intake.headers import kept_headers, printable, read_headers
from kiki.portal.intake.metrics import IntakeMetrics
from kiki.portal.intake.refusals import Refusals
from kiki.portal.intake.routes import Route, parse_route
from kiki.portal.intake.stores import SigningStore, StoreCache, StoreName

_OFF_LOOP_BYTES = 256 * 1024
_PING_BYTES = 4096
UNKNOWN = "unknown"
"""What is counted for no platform that we know."""
_log = get_logger(__name__)

Reply = Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request."""

    max_body_bytes: int
    body_seconds: float
    answer_seconds: float
    """For all that it waits for on our side, before its body and behind it; not for its sender."""


class Arrival:
    """A request whose head is read and whose body is wanted."""

    __slots__ = ("envelope", "headers", "limit", "name", "platform", "route", "store", "waited_seconds")

    def __init__(
        self, route: Route, platform: Platform, headers: Mapping[str, str], envelope: Envelope, limit: int
    ) -> None:
        self.route = route
        self.platform = platform
        self.headers = headers
        self.envelope = envelope
        self.limit = limit
        """How many bytes its body may have."""
        self.name = StoreName(platform.name, route.token, None if route.token else envelope.store_key)
        self.store: SigningStore | None = None
        self.waited_seconds = 0.0
        """What is gone of its `answer_seconds`."""

    @property
    def is_signed(self) -> bool:
        return bool(self.envelope.signature)


Opened = Answer | Arrival | Coroutine[None, None, Answer | Arrival]
"""An answer that needs no body, or the arrival whose body is to be read. A coroutine where the store is not cached:
until it has ended, the body is better left in the network."""


class Intake:
    """Decides; the edge reads and writes."""

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
        self._clock = clock

    def platform_of(self, path: str) -> str:
        """The name under which a request is counted, known or `unknown`."""
        route = parse_route(path)
        return route.platform if route is not None and route.platform in self._platforms else UNKNOWN

    def open(self, method: bytes, path: str, raw_headers: Sequence[tuple[bytes, bytes]]) -> Opened:
        """Look at a request's head."""
        route = parse_route(path)
        platform = self._platforms.get(route.platform) if route is not None else None
        if route is None or platform is None:
            return answers.NO_SUCH_PLATFORM
        if method != b"POST":
            return answers.WRONG_METHOD
        headers = read_headers(raw_headers)
        if headers is None:
            return answers.HEADERS_TOO_LARGE
        envelope = platform.envelope(headers)
        if not envelope.signature:
            arrival = Arrival(route, platform, headers, envelope, _PING_BYTES)
            if (declared_length(headers) or 0) > _PING_BYTES:
                return self._refuse(arrival, "MISSING_SIGNATURE", answers.REFUSED_UNREAD)
            return arrival
        arrival = Arrival(route, platform, headers, envelope, self._limits.max_body_bytes)
        entry = self._stores.cached(arrival.name)
        return self._look_up(arrival) if entry is None else self._admit(arrival, entry.store)

    def finish(self, arrival: Arrival, body: bytes, reply: Reply) -> Coroutine[None, None, None] | None:
        """Answer a complete request by `reply`, once: at once, after the commit, or in the coroutine that is returned.

        Raises `Unavailable` when it cannot be stored now.
        """
        store = arrival.store
        if store is None:
            reply(self._unsigned(arrival, body))
            return None
        if len(body) > _OFF_LOOP_BYTES:
            return self._finish_large(arrival, store, body, reply)
        if arrival.platform.verify(body, arrival.envelope.signature, store.secrets):
            self._keep(arrival, store, body, reply)
        elif self._stores.may_reload(arrival.name):
            return self._finish_reloaded(arrival, store, body, reply)
        else:
            reply(self._refuse(arrival, "BAD_SIGNATURE", answers.REFUSED))
        return None

    def too_large(self, arrival: Arrival) -> Answer:
        """The answer to a body over the limit of its arrival."""
        return answers.TOO_LARGE if arrival.is_signed else self._refuse(arrival, "MISSING_SIGNATURE", answers.REFUSED)

    async def _look_up(self, arrival: Arrival) -> Answer | Arrival:
        try:
            async with self._waiting(arrival):
                store = await self._stores.find(arrival.name)
        except Unavailable:
            return answers.OVERLOADED
        return self._admit(arrival, store)

    @asynccontextmanager
    async def _waiting(self, arrival: Arrival) -> AsyncIterator[None]:
        """What is waited for in here leaves the less time for the rest. Raises `Overloaded` when none is left."""
        began = monotonic()
        try:
            async with asyncio.timeout(self._limits.answer_seconds - arrival.waited_seconds):
                yield
        except TimeoutError as error:
            raise Overloaded("the delivery waited too long") from error
        finally:
            arrival.waited_seconds += monotonic() - began

    def _admit(self, arrival: Arrival, store: SigningStore | None) -> Answer | Arrival:
        if store is None:
            return self._refuse(arrival, "UNKNOWN_STORE", answers.REFUSED_UNREAD)
        arrival.store = store
        if (declared_length(arrival.headers) or 0) > arrival.limit:
            return answers.TOO_LARGE
        return arrival if self._disk.has_room() else answers.DISK_FULL

    def _unsigned(self, arrival: Arrival, body: bytes) -> Answer:
        """A creation ping is answered, everything else without a signature refused."""
        if arrival.platform.is_ping(arrival.headers, body):
            return answers.PONG
        return self._refuse(arrival, "MISSING_SIGNATURE", answers.REFUSED)

    async def _finish_large(self, arrival: Arrival, store: SigningStore, body: bytes, reply: Reply) -> None:
        if await self._verify_off_loop(arrival, store, body):
            self._keep(arrival, store, body, reply)
        else:
            await self._finish_reloaded(arrival, store, body, reply)

    async def _finish_reloaded(self, arrival: Arrival, store: SigningStore, body: bytes, reply: Reply) -> None:
        """The secret may be a newer one than the cached."""
        async with self._waiting(arrival):
            reloaded = await self._stores.reload(arrival.name)
        changed = reloaded is not None and reloaded.secrets != store.secrets
        if reloaded is not None and changed and await self._verify_off_loop(arrival, reloaded, body):
            self._keep(arrival, reloaded, body, reply)
        else:
            reply(self._refuse(arrival, "BAD_SIGNATURE", answers.REFUSED))

    async def _verify_off_loop(self, arrival: Arrival, store: SigningStore, body: bytes) -> bool:
        verify, signature = arrival.platform.verify, arrival.envelope.signature
        if len(body) <= _OFF_LOOP_BYTES:
            return verify(body, signature, store.secrets)
        loop = asyncio.get_running_loop()
        async with self._waiting(arrival):
            return await loop.run_in_executor(self._hashing, verify, body, signature, store.secrets)

    def _keep(self, arrival: Arrival, store: SigningStore, body: bytes, reply: Reply) -> None:
        delivery = self._delivery(arrival, store, body)

        def stored(result: bool | Exception) -> None:
            if result is True:
                reply(answers.DEAD if delivery.dead_reason else answers.ACCEPTED)
            elif result is False:
                reply(answers.DUPLICATE)
            else:
                reply(answer_of(result, arrival.platform.name))

        self._commit.submit(delivery, len(body) + 1024, stored, arrival.waited_seconds)

    def _delivery(self, arrival: Arrival, store: SigningStore, body: bytes) -> NewDelivery:
        route, envelope = arrival.route, arrival.envelope
        topic, dead_reason = route.topic, _dead_reason(route, envelope)
        # A delivery that is kept as dead must not make the same body under its right topic a duplicate.
        keyed = topic if dead_reason is None else f"{topic}\x1f{envelope.topic}\x1f{dead_reason}"
        digest = sha256(body)
        return NewDelivery(
            store_id=store.store_id,
            platform=arrival.platform.name,
            topic=topic,
            key=duplicate_key(keyed, envelope.event_id, envelope.webhook_id, envelope.delivery_id, body, digest),
            received_at=self._clock.now(),
            triggered_at=printable(envelope.triggered_at, 64),
            headers=kept_headers(arrival.headers),
            signature=printable(envelope.signature or "", 512),
            body=body,
            lane=Lane.LIVE_STOCK if topic in arrival.platform.stock_topics else Lane.LIVE,
            origin="webhook",
            dead_reason=dead_reason,
            digest=digest,
        )

    def _refuse(self, arrival: Arrival, reason: str, answer: Answer) -> Answer:
        store_id = arrival.store.store_id if arrival.store is not None else 0
        self._refusals.add(arrival.platform.name, store_id, reason)
        self._metrics.refused(arrival.platform.name, reason)
        return answer


def answer_of(error: Exception, platform: str) -> Answer:
    """The answer to a failure: the sender gets no detail, the log gets its kind."""
    if isinstance(error, Unavailable):
        return answers.OVERLOADED
    _log.error("webhook_failed", platform=platform, error=type(error).__name__)
    return answers.BROKEN


def _dead_reason(route: Route, envelope: Envelope) -> str | None:
    if not route.well_formed:
        return "BAD_TOPIC"
    if envelope.topic and envelope.topic != route.topic:
        return "TOPIC_MISMATCH"
    return None
