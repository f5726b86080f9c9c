"""Tells subscribers what happened: at least once, in order per subscription, signed as Standard Webhooks.

Every subscription that is due has a task of its own, so that a slow receiver delays nobody else. A task sends one event
after another, and writes after a second or two how far it came: that much is sent again when the worker is killed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from kiki.kit.clock import Clock, monotonic
from kiki.kit.database import Database, Record
from kiki.kit.errors import KikiError
from kiki.kit.http import HttpAnswer, OutboundHttp
from kiki.kit.logging import get_logger
from kiki.kit.sealing import Sealer
from kiki.orchestrator.events.convert import event_body, spellings
from kiki.orchestrator.events.signing import signatures
from kiki.orchestrator.events.subscriptions import Subscription, SubscriptionRepository
from kiki.orchestrator.inbox.failures import LeaseLost, backoff_seconds, database_away
from kiki.orchestrator.inbox.leases import Leases, Place
from kiki.orchestrator.settings import OrchestratorSettings

_log = get_logger(__name__)

_POLL_SECONDS = 0.5
_PACE_SECONDS = 0.02
_AT_ONCE = 60
_STORE_SHARE = 8
_EVENTS_AT_ONCE = 50
_SCANNED_AT_ONCE = 10_000
_TURN_SECONDS = 1.0
_CONNECTIONS = 2
"""The pool is shared with work that matters more."""
_GONE = 410
_BUSY = (429, 502, 503, 504)
_RETRY_CAP_SECONDS = 3600.0
_READ = """
SELECT seq, type, subject, payload, occurred_at FROM events.log
WHERE store_id = $1 AND seq > $2 AND seq <= $3 AND (cardinality($4::text[]) = 0 OR type = ANY($4::text[]))
ORDER BY seq LIMIT $5
"""


def outbound_place() -> Place:
    """What the sender leases."""
    return Place("outbound", 0, 0)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one request."""

    error: str = ""
    """Empty: it was delivered."""
    status: int = 0
    retry_after: float = 0.0
    """Seconds that the receiver asked for."""


class OutboundSender:
    """Sends to all subscriptions; one worker at a time does."""

    def __init__(
        self,
        *,
        database: Database,
        sealer: Sealer,
        leases: Leases,
        http: OutboundHttp,
        settings: OrchestratorSettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._leases = leases
        self._http = http
        self._settings = settings
        self._clock = clock
        self._subscriptions = SubscriptionRepository(sealer)
        self._connections = asyncio.Semaphore(_CONNECTIONS)
        self._under_way: dict[tuple[int, int], asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._begin()
                if self._under_way:
                    tasks = list(self._under_way.values())
                    await asyncio.wait(tasks, timeout=_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(_PACE_SECONDS if self._under_way else _POLL_SECONDS)
                self._under_way = {key: task for key, task in self._under_way.items() if not task.done()}
        finally:
            for task in self._under_way.values():
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)
            self._under_way.clear()

    async def _begin(self) -> None:
        """Give tasks to subscriptions that are due."""
        token = self._leases.usable("outbound").get(outbound_place())
        room = _AT_ONCE - len(self._under_way)
        if token is None or room <= 0:
            return
        try:
            async with self._connections, self._database.connection() as connection:
                due = await self._subscriptions.due(connection, room, busy=self._under_way, share=_STORE_SHARE)
        except Exception as error:  # noqa: BLE001  A job attempt: the cursors stand where they stood.
            _noted(error)
            return
        for subscription, head in due:
            self._under_way[subscription.key] = asyncio.create_task(self._turn(subscription, head, token))

    async def _turn(self, subscription: Subscription, head: int, token: int) -> None:
        """Tell one subscriber some of what they miss."""
        try:
            with self._leases.using([outbound_place()]):
                cursor, outcome = await self._tell(subscription, head, token)
                await self._note(subscription, token, cursor, outcome)
        except LeaseLost:
            _log.info("outbound_lease_lost")
        except Exception as error:  # noqa: BLE001  A job attempt: the cursor stands where it stood.
            _noted(error, store_id=subscription.store_id, subscription_id=subscription.subscription_id)
            await asyncio.sleep(_POLL_SECONDS)

    async def _tell(self, subscription: Subscription, head: int, token: int) -> tuple[int, _Outcome]:
        """How far they were told, and what the last request came to."""
        upper = min(head, subscription.cursor + _SCANNED_AT_ONCE)
        async with self._connections, self._database.connection() as connection:
            events = await connection.fetch(
                _READ, subscription.store_id, subscription.cursor, upper, spellings(subscription.types), _EVENTS_AT_ONCE
            )
        if events:
            await self._flush(token)
        cursor, until = subscription.cursor, monotonic() + _TURN_SECONDS
        for event in events:
            outcome = await self._send(subscription, event)
            if outcome.error:
                return cursor, outcome
            cursor = event["seq"]
            if monotonic() > until:
                return cursor, outcome
        return (cursor if len(events) == _EVENTS_AT_ONCE else upper), _Outcome()

    async def _flush(self, token: int) -> None:
        """What anybody is told of is on the disk: a crash must not take it back and give its number to another event.

        Locking the lease writes, so that this commit waits for the disk, and with it for everything before.
        """
        async with self._connections, self._database.transaction(durable=True) as connection:
            await self._leases.lock(connection, {outbound_place(): token})

    async def _send(self, subscription: Subscription, event: Record) -> _Outcome:
        body = event_body(
            store_id=subscription.store_id,
            seq=event["seq"],
            type_name=event["type"],
            subject=event["subject"],
            payload=event["payload"],
            occurred_at=event["occurred_at"],
        )
        message_id = f"msg_{subscription.store_id}_{event['seq']}"
        now = self._clock.now()
        timestamp = int(now.timestamp())
        try:
            keys = self._subscriptions.secrets(subscription, now)
            headers = {
                "content-type": "application/json",
                "webhook-id": message_id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": signatures(keys, message_id, timestamp, body),
            }
            answer = await self._http.request(
                "POST",
                subscription.url,
                content=body,
                headers=headers,
                timeout_seconds=self._settings.outbound_timeout_seconds,
                body_wanted=False,
            )
        except KikiError as error:
            return _Outcome(error.reason)
        if answer.ok:
            return _Outcome()
        return _Outcome(f"HTTP_{answer.status}", answer.status, _retry_after(answer))

    async def _note(self, subscription: Subscription, token: int, cursor: int, outcome: _Outcome) -> None:
        async with self._connections, self._database.transaction() as connection:
            await self._leases.lock(connection, {outbound_place(): token})
            if cursor > subscription.cursor:
                await self._subscriptions.advance(connection, subscription, cursor)
            if not outcome.error:
                return
            disabled = outcome.status == _GONE
            if disabled:
                await self._subscriptions.disable(connection, subscription, outcome.error)
            else:
                attempts = 1 if cursor > subscription.cursor else subscription.attempts + 1
                pause = backoff_seconds(attempts, base=1.0, cap=_RETRY_CAP_SECONDS)
                disabled = await self._subscriptions.fail(
                    connection,
                    subscription,
                    delay_seconds=max(pause, outcome.retry_after),
                    error=outcome.error,
                    disable_days=self._settings.outbound_disable_days,
                )
        store_id, subscription_id = subscription.key
        said = {"store_id": store_id, "subscription_id": subscription_id, "reason": outcome.error}
        _log.info("outbound_failed", **said)
        if disabled:
            _log.warning("subscription_disabled", **said)


def _retry_after(answer: HttpAnswer) -> float:
    """Seconds that a receiver with too much to do asks for, an hour at most; a date counts as none."""
    told = answer.headers.get("retry-after", "").strip()
    if answer.status not in _BUSY or not (told.isascii() and told.isdigit()):
        return 0.0
    return min(float(told[:9]), _RETRY_CAP_SECONDS)


def _noted(error: Exception, **about: int) -> None:
    if not database_away(error):
        _log.error("outbound_turn_failed", error=type(error).__name__, **about)
