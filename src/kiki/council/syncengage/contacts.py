"""What SyncEngage does about contacts: profiles, consent, unsubscribe, erasure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kiki.council.syncengage import rules
from kiki.council.syncengage.domain import Channel, Consent, ContactUpdate, Identity
from kiki.council.syncengage.errors import BadToken, ContactNotFound, MoreToErase
from kiki.council.syncengage.repository.bounces import BounceRepository
from kiki.council.syncengage.repository.contacts import ConsentEntry, Contact, ContactRepository
from kiki.council.syncengage.repository.flows import FlowRepository
from kiki.council.syncengage.repository.identifiers import Identifiers
from kiki.council.syncengage.tokens import read_token
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.receipts import Once, OnceItem, Outcome, Part
from kiki.kit.sealing import Sealer


@dataclass(frozen=True, slots=True)
class PutResult:
    """What is known about a contact after an update."""

    email_allowed: bool
    sms_allowed: bool
    applied: bool


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure removed."""

    held: bool
    messages_cancelled: int


@dataclass(frozen=True, slots=True)
class _Erasing:
    """How far the erasure of a store is: the last contact and flow, None past the end."""

    contact: str | None = ""
    flow: int | None = 0
    erased: int = 0


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The outcome of an unsubscribe."""

    store_id: int
    channel: Channel
    shop_name: str
    already: bool
    messages_cancelled: int


class ContactService:
    """Use cases about contacts; each is one transaction."""

    def __init__(
        self,
        *,
        database: Database,
        once: Once,
        sealer: Sealer,
        contacts: ContactRepository,
        flows: FlowRepository,
        identifiers: Identifiers,
        clock: Clock,
    ) -> None:
        self._database = database
        self._once = once
        self._sealer = sealer
        self._contacts = contacts
        self._bounces = BounceRepository()
        self._flows = flows
        self._identifiers = identifiers
        self._clock = clock

    def put(
        self, items: Sequence[OnceItem[ContactUpdate]], encode: Callable[[PutResult], bytes]
    ) -> Part[ContactUpdate]:
        """Apply what the shop says, in the given order; older statements change nothing."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[ContactUpdate]]) -> Sequence[Outcome]:
            keys = [(item.store_id, item.command.person.customer_key) for item in fresh]
            contacts = await self._contacts.find_many(connection, keys, lock=True)
            log: list[ConsentEntry] = []
            results: list[PutResult] = []
            for item, key in zip(fresh, keys, strict=True):
                known = contacts.get(key)
                if known is None:
                    known = contacts[key] = _blank(item.store_id, item.command)
                results.append(self._apply(known, item.command, log))
            await self._contacts.replace(connection, list(contacts.values()))
            if log:
                await self._contacts.log_consent(connection, log, await self._identifiers.take(connection, len(log)))
            return [encode(result) for result in results]

        return Part("PutContact", items, work)

    async def get(self, store_id: int, customer_key: str, email: str) -> tuple[Contact, Identity, dt.datetime | None]:
        """A contact with its identity in clear, by key or by e-mail address, and when the address was refused."""
        async with self._database.connection() as connection:
            if customer_key:
                key = (store_id, customer_key)
                contact = (await self._contacts.find_many(connection, [key])).get(key)
            else:
                contact = await self._contacts.find_by_email(connection, store_id, email)
            if contact is None or contact.erased_at is not None:
                raise ContactNotFound("no contact of this store is known by that")
            bounced_at = await self._bounces.bounced_at(connection, store_id, contact.email_index)
        return contact, self._contacts.identity(contact), bounced_at

    async def lift_bounce(self, items: Sequence[OnceItem[str]], encode: Callable[[bool], bytes]) -> list[Outcome]:
        """Write to people's addresses again; whether they had been refused."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[str]]) -> Sequence[Outcome]:
            outcomes: list[Outcome] = []
            for item in fresh:
                key = (item.store_id, item.command)
                contact = (await self._contacts.find_many(connection, [key])).get(key)
                if contact is None or contact.erased_at is not None:
                    outcomes.append(ContactNotFound("no contact of this store is known by that"))
                    continue
                found = [] if contact.email_index is None else [(item.store_id, contact.email_index)]
                outcomes.append(encode(await self._bounces.lift(connection, found) > 0))
            return outcomes

        return await self._once.run("LiftBounce", items, work, durable=True)

    async def erase(self, items: Sequence[OnceItem[str]], encode: Callable[[Erased], bytes]) -> list[Outcome]:
        """Remove identity, consent and contents; the row and its consent log stay as proof that consent ended."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[str]]) -> Sequence[Outcome]:
            return [encode(await self._erase(connection, item.store_id, item.command)) for item in fresh]

        return await self._once.run("EraseContact", items, work, durable=True)

    async def erase_store(self, items: Sequence[OnceItem[None]], encode: Callable[[int], bytes]) -> list[Outcome]:
        """Remove every identity of stores, some per transaction; the receipt is written with the last of them."""
        now = self._clock.now()
        done = {item.store_id: _Erasing() for item in items}
        reached = dict(done)

        async def work(connection: Connection, fresh: Sequence[OnceItem[None]]) -> Sequence[Outcome]:
            outcomes: list[Outcome] = []
            for item in fresh:
                reached[item.store_id] = at = await self._erase_some(
                    connection, item.store_id, done[item.store_id], now
                )
                ended = at.contact is None and at.flow is None
                outcomes.append(encode(at.erased) if ended else MoreToErase("contacts of the store are left"))
            return outcomes

        while True:
            outcomes = await self._once.run("EraseStore", items, work, durable=True)
            done.update(reached)
            if not any(isinstance(outcome, MoreToErase) for outcome in outcomes):
                return outcomes

    async def _erase_some(self, connection: Connection, store_id: int, at: _Erasing, now: dt.datetime) -> _Erasing:
        await self._flows.cancel_all(connection, store_id, rules.STORE_LEFT, now)
        await self._bounces.lift_store(connection, store_id)
        contact, flow, erased = at.contact, at.flow, at.erased
        if contact is not None:
            count, contact = await self._contacts.erase_after(connection, store_id, contact, now)
            erased += count
        if flow is not None:
            flow = await self._flows.forget_after(connection, store_id, flow)
        return _Erasing(contact, flow, erased)

    async def unsubscribe(self, token: str) -> Unsubscribed:
        """Take a contact off a channel; twice is the same as once."""
        store_id, customer_key, channel = read_token(self._sealer, token)
        now = self._clock.now()
        key = (store_id, customer_key)
        async with self._database.transaction(durable=True) as connection:
            contact = (await self._contacts.find_many(connection, [key], lock=True)).get(key)
            if contact is None:
                raise BadToken("the unsubscribe link names a contact that does not exist")
            already = _unsubscribed_at(contact, channel) is not None
            if not already:
                _unsubscribe(contact, channel, now)
                await self._contacts.replace(connection, [contact])
                entry = ConsentEntry(store_id, customer_key, channel, False, now, "unsubscribe_link")
                await self._contacts.log_consent(connection, [entry], await self._identifiers.take(connection, 1))
            cancelled = await self._flows.cancel_messages(
                connection, store_id, customer_key, channel=channel, reason=rules.UNSUBSCRIBED, now=now
            )
            shop = (await self._contacts.shops(connection, [store_id])).get(store_id)
        return Unsubscribed(store_id, channel, shop.name if shop else "", already, cancelled)

    def _apply(self, contact: Contact, update: ContactUpdate, log: list[ConsentEntry]) -> PutResult:
        at = update.observed_at
        older = contact.observed_at is not None and at is not None and at < contact.observed_at
        older = older or rules.is_forgotten(contact.erased_at, at)
        if not older:
            self._apply_profile(contact, update)
            for channel, consent in ((Channel.EMAIL, update.email_consent), (Channel.SMS, update.sms_consent)):
                _apply_consent(contact, channel, consent, log)
        return PutResult(
            contact.email_consent is True and contact.email_unsubscribed_at is None,
            contact.sms_consent is True and contact.sms_unsubscribed_at is None,
            not older,
        )

    def _apply_profile(self, contact: Contact, update: ContactUpdate) -> None:
        person = update.person
        self._contacts.identify(contact, Identity(person.email, person.phone, person.first_name))
        contact.customer_id = person.customer_id or contact.customer_id
        contact.locale = person.locale or contact.locale
        contact.timezone = update.timezone or contact.timezone
        contact.observed_at = update.observed_at or contact.observed_at
        contact.erased_at = None

    async def _erase(self, connection: Connection, store_id: int, customer_key: str) -> Erased:
        now = self._clock.now()
        key = (store_id, customer_key)
        contact = (await self._contacts.find_many(connection, [key], lock=True)).get(key)
        if contact is None:
            return Erased(False, 0)
        if contact.email_index is not None:
            await self._bounces.lift(connection, [(store_id, contact.email_index)])
        contact.sealed_identity = contact.email_index = contact.phone_index = None
        contact.customer_id = contact.locale = contact.timezone = ""
        contact.erased_at = now
        ended = _end_consent(contact, now)
        await self._contacts.replace(connection, [contact])
        if ended:
            await self._contacts.log_consent(connection, ended, await self._identifiers.take(connection, len(ended)))
        await self._flows.forget(connection, store_id, customer_key)
        cancelled = await self._flows.cancel_messages(
            connection, store_id, customer_key, channel=None, reason=rules.ERASED, now=now
        )
        return Erased(True, cancelled)


def _blank(store_id: int, update: ContactUpdate) -> Contact:
    person = update.person
    return Contact(
        store_id, person.customer_key, person.customer_id, None, None, None, person.locale, update.timezone,
        None, None, "", None, None, "", None, None, None, None,
    )  # fmt: skip


def _apply_consent(contact: Contact, channel: Channel, said: Consent, log: list[ConsentEntry]) -> None:
    if said.granted is None:
        return
    known = contact.email_consent if channel is Channel.EMAIL else contact.sms_consent
    before = _unsubscribed_at(contact, channel)
    consent, still_off = rules.consent_after(
        known=known, unsubscribed_at=before, said=said.granted, given_at=said.given_at
    )
    if consent == known and still_off == (before is not None):
        return
    if channel is Channel.EMAIL:
        contact.email_consent, contact.email_consent_at, contact.email_consent_source = (
            consent,
            said.given_at,
            said.source,
        )
        contact.email_unsubscribed_at = before if still_off else None
    else:
        contact.sms_consent, contact.sms_consent_at, contact.sms_consent_source = consent, said.given_at, said.source
        contact.sms_unsubscribed_at = before if still_off else None
    log.append(ConsentEntry(contact.store_id, contact.customer_key, channel, said.granted, said.given_at, said.source))


def _end_consent(contact: Contact, now: dt.datetime) -> list[ConsentEntry]:
    """Consent goes with the person: who comes back is asked again. What had been granted ends in the log."""
    granted = ((Channel.EMAIL, contact.email_consent), (Channel.SMS, contact.sms_consent))
    contact.email_consent = contact.email_consent_at = contact.sms_consent = contact.sms_consent_at = None
    contact.email_consent_source = contact.sms_consent_source = ""
    return [
        ConsentEntry(contact.store_id, contact.customer_key, channel, False, now, "erasure")
        for channel, consent in granted
        if consent
    ]


def _unsubscribed_at(contact: Contact, channel: Channel) -> dt.datetime | None:
    return contact.email_unsubscribed_at if channel is Channel.EMAIL else contact.sms_unsubscribed_at


def _unsubscribe(contact: Contact, channel: Channel, now: dt.datetime) -> None:
    if channel is Channel.EMAIL:
        contact.email_unsubscribed_at = now
    else:
        contact.sms_unsubscribed_at = now
