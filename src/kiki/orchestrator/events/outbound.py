"""Tells subscribers what happened: at least once, in order per subscription, signed as Standard Webhooks."""

from __future__ import annotations

import asyncio

from kiki.kit.clock import Clock
from kiki.kit.database import Database, Record
from kiki.kit.errors import KikiError
from kiki.kit.http import OutboundHttp
from kiki.kit.logging import get_logger
from kiki.kit.sealing import Sealer
from kiki.orchestrator.events.convert import event_body
from kiki.orchestrator.events.signing import sign
from kiki.orchestrator.events.subscriptions import Subscription, SubscriptionRepository
from kiki.orchestrator.inbox.failures import LeaseLost, backoff_seconds, database_away
from kiki.orchestrator.inbox.leases import Leases, Place
from kiki.orchestrator.settings import OrchestratorSettings

_log = get_logger(__name__)

_POLL_SECONDS = 0.5
_SUBSCRIPTIONS_AT_ONCE = 20
_EVENTS_AT_ONCE = 50
_GONE = 410
_RETRY_CAP_SECONDS = 3600.0
_READ = """
SELECT seq, type, subject, payload, occurred_at FROM events.log
WHERE store_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""


def outbound_place() -> Place:
    """What the sender leases."""
    return Place("outbound", 0, 0)


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

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            sent = False
            try:
                token = self._leases.usable("outbound").get(outbound_place())
                if token is not None:
                    with self._leases.using([outbound_place()]):
                        sent = await self.turn(token)
            except LeaseLost:
                _log.info("outbound_lease_lost")
            except Exception as error:  # noqa: BLE001  A job attempt: the cursor stands where it stood.
                if not database_away(error):
                    _log.error("outbound_turn_failed", error=type(error).__name__)
            if not sent:
                await asyncio.sleep(_POLL_SECONDS)

    async def turn(self, token: int) -> bool:
        """Tell every subscriber that is due some of what they miss; whether there was any."""
        async with self._database.connection() as connection:
            due = await self._subscriptions.due(connection, _SUBSCRIPTIONS_AT_ONCE)
        results = await asyncio.gather(*(self._tell(one, token) for one in due), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return bool(due)

    async def _tell(self, subscription: Subscription, token: int) -> None:
        async with self._database.connection() as connection:
            events = await connection.fetch(_READ, subscription.store_id, subscription.cursor, _EVENTS_AT_ONCE)
        cursor, error, status = subscription.cursor, "", 0
        for event in events:
            if not subscription.types or event["type"] in subscription.types:
                error, status = await self._send(subscription, event)
            if error:
                break
            cursor = event["seq"]
        await self._note(subscription, token, cursor, error, status)

    async def _send(self, subscription: Subscription, event: Record) -> tuple[str, int]:
        """What failed (empty: nothing), and the status."""
        body = event_body(
            store_id=subscription.store_id,
            seq=event["seq"],
            type_name=event["type"],
            subject=event["subject"],
            payload=event["payload"],
            occurred_at=event["occurred_at"],
        )
        message_id = f"msg_{subscription.store_id}_{event['seq']}"
        timestamp = int(self._clock.now().timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(subscription.secret, message_id, timestamp, body),
        }
        try:
            answer = await self._http.request(
                "POST",
                subscription.url,
                content=body,
                headers=headers,
                timeout_seconds=self._settings.outbound_timeout_seconds,
            )
        except KikiError as error:
            return error.reason, 0
        return ("", answer.status) if answer.ok else (f"HTTP_{answer.status}", answer.status)

    async def _note(self, subscription: Subscription, token: int, cursor: int, error: str, status: int) -> None:
        async with self._database.transaction() as connection:
            await self._leases.lock(connection, {outbound_place(): token})
            if cursor > subscription.cursor:
                await self._subscriptions.advance(connection, subscription, cursor)
            if status == _GONE:
                await self._subscriptions.disable(connection, subscription, error)
            elif error:
                attempts = 1 if cursor > subscription.cursor else subscription.attempts + 1
                await self._subscriptions.fail(
                    connection,
                    subscription,
                    delay_seconds=backoff_seconds(attempts, base=1.0, cap=_RETRY_CAP_SECONDS),
                    error=error,
                    disable_days=self._settings.outbound_disable_days,
                )
        if error:
            _log.info(
                "outbound_failed",
                store_id=subscription.store_id,
                subscription_id=subscription.subscription_id,
                reason=error,
            )
