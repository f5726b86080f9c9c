"""The sender: takes due messages, checks them against the rules of this moment, hands them over, settles them."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from kiki.council.syncengage import rules
from kiki.council.syncengage.domain import Channel, Facts, MessageStatus, Shop, Step
from kiki.council.syncengage.flows import UPSELL
from kiki.council.syncengage.repository.bounces import BounceRepository, NewBounce
from kiki.council.syncengage.repository.contacts import ContactRepository
from kiki.council.syncengage.repository.flows import FlowRepository
from kiki.council.syncengage.repository.outbox import Due, OutboxRepository, Settlement
from kiki.council.syncengage.repository.products import ProductRepository
from kiki.council.syncengage.sending.compose import Letter, compose_mail, compose_sms
from kiki.council.syncengage.sending.headers import mail_address
from kiki.council.syncengage.sending.outcome import Bounce, Fate, Handover
from kiki.council.syncengage.sending.sms import SmsGateway, dialled
from kiki.council.syncengage.sending.smtp import SmtpSession
from kiki.council.syncengage.settings import SyncEngageSettings
from kiki.council.syncengage.tokens import make_token
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.errors import KikiError
from kiki.kit.http import OutboundHttp, OutboundPolicy
from kiki.kit.logging import frames_of, get_logger, kinds_of
from kiki.kit.sealing import Sealer

_log = get_logger("syncengage.sending")
_BASKETS_AT_ONCE = 2000
_HOUSE_ROUNDS = 5
"""Polls per round of housekeeping: the more baskets are counted at once, the more of their pairs fold into one row."""

Job = Callable[[], Awaitable[bool]]
"""One round of work; whether more waits."""


class Sender:
    """Runs until cancelled. Any number of senders may run against one database."""

    def __init__(
        self,
        *,
        database: Database,
        sealer: Sealer,
        contacts: ContactRepository,
        flows: FlowRepository,
        products: ProductRepository,
        settings: SyncEngageSettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._contacts = contacts
        self._flows = flows
        self._products = products
        self._outbox = OutboxRepository()
        self._bounces = BounceRepository()
        self._settings = settings
        self._clock = clock
        # Three steps of a conversation, the last of which carries the contents.
        self._answer_within = dt.timedelta(seconds=3 * settings.smtp_timeout_seconds + 60)

    async def run(self) -> None:
        """Send what is due, count baskets, let waiting flows end; again and again."""
        if not self._settings.smtp_host:
            _log.warning("mail_is_not_sent", why="SYNCENGAGE_SMTP_HOST is not set")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self._send_due, self._settings.poll_seconds))
            tasks.create_task(self._repeat(self._keep_house, self._settings.poll_seconds * _HOUSE_ROUNDS))

    async def send_due(self) -> int:
        """One round: how many messages were taken."""
        settings, now, token = self._settings, self._clock.now(), secrets.randbits(62)
        channels = [channel for channel, possible in self._possible() if possible]
        if not channels:
            return 0
        async with self._database.transaction() as connection:
            due = await self._outbox.take(
                connection,
                token=token,
                now=now,
                lease=dt.timedelta(seconds=settings.lease_seconds),
                limit=settings.batch_size,
                channels=channels,
                cap_since=now - dt.timedelta(days=settings.marketing_cap_days),
            )
            shops = await self._contacts.shops(connection, [item.store_id for item in due]) if due else {}
        if due:
            await self._work(due, shops, token)
        return len(due)

    async def keep_house(self) -> int:
        """Count baskets and end flows whose code never came; how many baskets were counted."""
        async with self._database.transaction() as connection:
            await self._flows.cancel_waiting(connection, self._clock.now(), rules.NO_CODE)
            return await self._products.count_baskets(connection, _BASKETS_AT_ONCE)

    def _possible(self) -> tuple[tuple[Channel, bool], ...]:
        return (Channel.EMAIL, bool(self._settings.smtp_host)), (Channel.SMS, bool(self._settings.sms_url))

    async def _send_due(self) -> bool:
        return await self.send_due() >= self._settings.batch_size

    async def _keep_house(self) -> bool:
        return await self.keep_house() >= _BASKETS_AT_ONCE

    async def _repeat(self, job: Job, every_seconds: float) -> None:
        while True:
            more = False
            try:
                more = await job()
            except KikiError as error:
                _log.warning("round_failed", reason=error.reason)
            except Exception as error:  # noqa: BLE001 - one bad round never ends the sender
                _log.error("round_failed", error=kinds_of(error), frames=frames_of(error))
            await asyncio.sleep(0 if more else every_seconds)

    async def _work(self, due: Sequence[Due], shops: dict[int, Shop], token: int) -> None:
        """Settle what may not be sent in one statement, then send the rest over a few connections."""
        now = self._clock.now()
        counted: Counter[tuple[int, str, int]] = Counter()
        ready: asyncio.Queue[Due] = asyncio.Queue()
        settled: list[Settlement] = []
        for item in due:
            settlement = self._check(item, shops.get(item.store_id), counted, now)
            if settlement is None:
                ready.put_nowait(item)
            else:
                settled.append(settlement)
        if settled:
            await self._settle(settled, token)
        if ready.empty():
            return
        async with OutboundHttp.open(OutboundPolicy(allow_private=self._settings.sms_allow_private)) as http:
            sms = SmsGateway(http, self._settings)
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(self._settings.smtp_connections, ready.qsize())):
                    tasks.create_task(self._drain(ready, shops, sms, token))

    async def _drain(self, ready: asyncio.Queue[Due], shops: dict[int, Shop], sms: SmsGateway, token: int) -> None:
        async with SmtpSession.open(self._settings) as mail:
            while not ready.empty():
                item = ready.get_nowait()
                try:
                    await self._deliver(item, shops.get(item.store_id) or Shop("", "", ""), mail, sms, token)
                except Exception as error:  # noqa: BLE001 - one bad message never holds up the others
                    reason = error.reason if isinstance(error, KikiError) else type(error).__name__
                    _log.error("message_failed", store_id=item.store_id, message_id=item.message_id, reason=reason)
                    await mail.close()

    async def _deliver(self, due: Due, shop: Shop, mail: SmtpSession, sms: SmsGateway, token: int) -> None:
        now = self._clock.now()
        settlement = self._at_this_hour(due, shop, now)
        facts = self._flows.open_facts(due.store_id, due.sealed_facts)
        if settlement is None and due.template == UPSELL:
            facts = await self._offered(due.store_id, facts)
            if not facts.recommended:
                settlement = Settlement(due, MessageStatus.SUPPRESSED, rules.SOLD_OUT)
        if settlement is None:
            handover = await self._hand_over(due, shop, facts, mail, sms, token)
            if handover.fate is Fate.WITHHELD:
                return
            settlement = self._settlement(due, handover)
            await self._settle([settlement], token, handover)
            return
        await self._settle([settlement], token)

    async def _offered(self, store_id: int, facts: Facts) -> Facts:
        """Without what sold out, or went, since the mail was planned."""
        async with self._database.connection() as connection:
            gone = await self._products.unsellable(
                connection, store_id, [item.product_id for item in facts.recommended]
            )
        return replace(facts, recommended=tuple(item for item in facts.recommended if item.product_id not in gone))

    def _check(
        self, due: Due, shop: Shop | None, counted: Counter[tuple[int, str, int]], now: dt.datetime
    ) -> Settlement | None:
        """The rules once more, for this moment; None when the message may leave now."""
        contact = due.contact
        if contact is None or contact.erased_at is not None:
            return Settlement(due, MessageStatus.SUPPRESSED, rules.ERASED)
        if due.attempts > self._settings.max_attempts:
            return Settlement(due, MessageStatus.FAILED, rules.GIVEN_UP)
        audience = contact.audience(shop.timezone if shop else "")
        step = Step(due.template, due.channel, 0, due.marketing)
        reason = rules.forbidden(step, audience, sms_possible=bool(self._settings.sms_url))
        if reason is None and due.marketing and due.address_unsubscribed:
            reason = rules.UNSUBSCRIBED
        if reason is None and due.marketing and due.address_bounced:
            reason = rules.BOUNCED
        if reason is None and due.ordered_again:
            reason = rules.ORDERED_AGAIN
        if reason is not None:
            return Settlement(due, MessageStatus.SUPPRESSED, reason)
        if (settlement := self._at_this_hour(due, shop, now)) is not None:
            return settlement
        if due.marketing:
            slot = (due.store_id, contact.customer_key, int(due.channel))
            if due.sent_in_period + counted[slot] >= self._settings.marketing_cap:
                return Settlement(due, MessageStatus.SUPPRESSED, rules.FREQUENCY_CAP)
            counted[slot] += 1
        return None

    def _at_this_hour(self, due: Due, shop: Shop | None, now: dt.datetime) -> Settlement | None:
        """What the clock forbids; asked again just before the handing over, which a slow mail server may delay."""
        if now > due.expires_at:
            return Settlement(due, MessageStatus.SUPPRESSED, rules.TOO_LATE)
        zone = (due.contact.timezone if due.contact else "") or (shop.timezone if shop else "")
        awake = rules.awake(
            now, zone, quiet_from=self._settings.quiet_from_hour, quiet_until=self._settings.quiet_until_hour
        )
        return Settlement(due, MessageStatus.SCHEDULED, "", awake) if awake > now else None

    async def _hand_over(
        self, due: Due, shop: Shop, facts: Facts, mail: SmtpSession, sms: SmsGateway, token: int
    ) -> Handover:
        async def mark_handed() -> bool:
            async with self._database.transaction(durable=True) as connection:
                now = self._clock.now()
                return await self._outbox.mark_handed(connection, due, token, now, now + self._answer_within)

        try:
            letter = self._letter(due, shop, facts)
            if due.channel is Channel.SMS:
                reference = f"m{due.message_id}.{due.store_id}"
                return await sms.send(
                    to=dialled(letter.identity.phone),
                    text=compose_sms(letter),
                    reference=reference,
                    mark_handed=mark_handed,
                )
            message = compose_mail(letter, self._clock.now())
        except ValueError:
            return Handover(Fate.REFUSED, "bad_address")
        return await mail.send(
            message,
            sender=mail_address(self._settings.sender_address),
            recipient=mail_address(letter.identity.email),
            mark_handed=mark_handed,
        )

    def _letter(self, due: Due, shop: Shop, facts: Facts) -> Letter:
        contact = due.contact
        assert contact is not None, "messages without a contact are settled before"
        token = make_token(self._sealer, due.store_id, contact.customer_key, due.channel)
        return Letter(
            store_id=due.store_id,
            message_id=due.message_id,
            template=due.template,
            marketing=due.marketing,
            identity=self._contacts.identity(contact),
            locale=contact.locale,
            shop=shop,
            facts=facts,
            campaign_id=due.campaign_id,
            sender_address=self._settings.sender_address,
            sender_identity=self._settings.sender_identity,
            unsubscribe_url=self._settings.unsubscribe_url.replace("{token}", token),
        )

    def _settlement(self, due: Due, handover: Handover) -> Settlement:
        if handover.fate is Fate.SENT:
            return Settlement(due, MessageStatus.SENT)
        if handover.fate is Fate.UNKNOWN:
            return Settlement(due, MessageStatus.UNKNOWN, handover.reason)
        if handover.fate is Fate.REFUSED or due.attempts >= self._settings.max_attempts:
            return Settlement(due, MessageStatus.FAILED, handover.reason)
        return Settlement(due, MessageStatus.SCHEDULED, handover.reason, self._clock.now() + _backoff(due.attempts))

    async def _settle(self, settlements: Sequence[Settlement], token: int, heard: Handover | None = None) -> None:
        async with self._database.transaction() as connection:
            await self._outbox.settle(connection, settlements, token, self._clock.now())
            if heard is not None:
                await self._learn(connection, settlements[0].due, heard)
        for item in settlements:
            _log.info(
                "message_settled",
                store_id=item.due.store_id,
                message_id=item.due.message_id,
                status=item.status.name.lower(),
                reason=item.reason,
            )

    async def _learn(self, connection: Connection, due: Due, heard: Handover) -> None:
        """What the mail server's answer says about the address."""
        index = due.contact.email_index if due.contact and due.channel is Channel.EMAIL else None
        if index is None:
            return
        if heard.fate is Fate.SENT:
            await self._bounces.lift(connection, [(due.store_id, index)])
        elif heard.bounce is not Bounce.NONE:
            certain = heard.bounce is Bounce.CERTAIN
            bounce = NewBounce(due.store_id, index, heard.reason, certain)
            await self._bounces.note(connection, [bounce], self._clock.now())


def _backoff(attempts: int) -> dt.timedelta:
    """Half a minute, doubling to an hour, with jitter."""
    seconds = min(30 * 2 ** max(0, attempts - 1), 3600)
    return dt.timedelta(seconds=seconds * (0.75 + secrets.randbelow(500) / 1000))
