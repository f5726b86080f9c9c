"""What SyncEngage does when it is called: plan flows.

One batch is one transaction; nothing is rendered or sent here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from kiki.council.syncengage import flows as planning
from kiki.council.syncengage import rules
from kiki.council.syncengage.domain import (
    Availability,
    Cancellation,
    ChurnPrevention,
    DiscountCode,
    Facts,
    FlowKind,
    FlowStatus,
    Item,
    Person,
    Plan,
    PostPurchase,
    Upsell,
)
from kiki.council.syncengage.errors import FlowNotFound, FlowNotWaiting
from kiki.council.syncengage.flows import Policy
from kiki.council.syncengage.recommendations import Recommender
from kiki.council.syncengage.repository.contacts import Contact, ContactRepository, Key
from kiki.council.syncengage.repository.flows import FlowRepository, NewFlow
from kiki.council.syncengage.repository.identifiers import Identifiers
from kiki.council.syncengage.repository.products import Basket, ProductRepository
from kiki.kit.bulk import Append, Rows
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.errors import KikiError
from kiki.kit.receipts import Done, Once, OnceItem, Outcome, Part

Encode = Callable[[Plan], bytes]


class FlowService:
    """The three triggers, as parts of a transaction, and the discount code that releases a win-back."""

    def __init__(
        self,
        *,
        database: Database,
        once: Once,
        contacts: ContactRepository,
        flows: FlowRepository,
        products: ProductRepository,
        recommender: Recommender,
        identifiers: Identifiers,
        policy: Policy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._once = once
        self._contacts = contacts
        self._flows = flows
        self._products = products
        self._recommender = recommender
        self._identifiers = identifiers
        self._policy = policy
        self._clock = clock

    def post_purchase(self, items: Sequence[OnceItem[PostPurchase]], encode: Encode) -> Part[PostPurchase]:
        """Plan what follows orders, and remember what was bought together."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[PostPurchase]]) -> Done:
            now = self._clock.now()
            met = await self._meet(connection, [(i.store_id, i.command.person, i.command.placed_at) for i in fresh])
            planned = [
                self._post_purchase(item, met[item.store_id, item.command.person.customer_key], now) for item in fresh
            ]
            rows = await self._rows(connection, planned, now)
            rows.append(await self._basket_rows(connection, fresh))
            return Done([encode(flow.plan) for flow in planned], rows)

        return Part("TriggerPostPurchaseFlow", items, work)

    def churn_prevention(self, items: Sequence[OnceItem[ChurnPrevention]], encode: Encode) -> Part[ChurnPrevention]:
        """Plan win-backs; each waits for its discount code."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[ChurnPrevention]]) -> Done:
            now = self._clock.now()
            met = await self._meet(connection, [(item.store_id, item.command.person, None) for item in fresh])
            keys = [(item.store_id, item.command.person.customer_key) for item in fresh]
            since = now - _WINBACK_PAUSE
            repeated = await self._flows.recently_started(connection, FlowKind.CHURN_PREVENTION, keys, since)
            planned = []
            for item, key in zip(fresh, keys, strict=True):
                planned.append(
                    self._winback(item, met[item.store_id, item.command.person.customer_key], key in repeated, now)
                )
                repeated.add(key)
            rows = await self._rows(connection, planned, now)
            return Done([encode(flow.plan) for flow in planned], rows)

        return Part("TriggerChurnPrevention", items, work)

    def upsell(self, items: Sequence[OnceItem[Upsell]], encode: Encode) -> Part[Upsell]:
        """Recommend products and plan the mail about them."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[Upsell]]) -> Done:
            now = self._clock.now()
            met = await self._meet(connection, [(i.store_id, i.command.person, i.command.placed_at) for i in fresh])
            purchases = [(item.store_id, item.command.purchased) for item in fresh]
            recommended = await self._recommender.for_purchases(connection, purchases)
            planned = []
            for item, products in zip(fresh, recommended, strict=True):
                command = item.command
                plan = planning.plan_upsell(
                    self._policy,
                    met[item.store_id, command.person.customer_key].audience(command.shop.timezone),
                    products,
                    held_out=self._held_out(item.store_id, FlowKind.UPSELL, command.person.customer_key),
                    now=now,
                    placed_at=command.placed_at or now,
                )
                facts = Facts(recommended=tuple([Item(product.product_id, product.title) for product in products]))
                planned.append(self._new(item.store_id, command.person, command.order_id, plan, facts))
            rows = await self._rows(connection, planned, now)
            return Done([encode(flow.plan) for flow in planned], rows)

        return Part("TriggerUpsellFlow", items, work)

    async def run(self, parts: Sequence[Part[Any]]) -> list[list[Outcome]]:
        """Do parts in one transaction, in their order; the shops that they name are known before."""
        await self._put_shops(parts)
        return await self._once.run_parts(parts)

    async def put_discount_code(self, items: Sequence[OnceItem[DiscountCode]], encode: Encode) -> list[Outcome]:
        """Release waiting win-backs whose code now exists in the shop."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[DiscountCode]]) -> Sequence[Outcome]:
            outcomes: list[Outcome] = []
            for item in fresh:
                try:
                    outcomes.append(encode(await self._release(connection, item)))
                except KikiError as error:
                    outcomes.append(error)
            return outcomes

        return await self._once.run("PutDiscountCode", items, work, durable=True)

    async def cancel(self, items: Sequence[OnceItem[Cancellation]], encode: Callable[[int], bytes]) -> list[Outcome]:
        """Take back the messages of an order's flows, or of all flows of a store."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[Cancellation]]) -> Sequence[Outcome]:
            now = self._clock.now()
            return [encode(await self._cancel(connection, item.store_id, item.command, now)) for item in fresh]

        return await self._once.run("CancelFlows", items, work, durable=True)

    async def put_availability(
        self, items: Sequence[OnceItem[tuple[Availability, ...]]], encode: Callable[[int], bytes]
    ) -> list[Outcome]:
        """Remember what can be bought. Other processes look again within a minute, and before a message leaves."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[tuple[Availability, ...]]]) -> list[Outcome]:
            put = self._products.put_availability
            return [encode(await put(connection, item.store_id, item.command)) for item in fresh]

        outcomes = await self._once.run("PutProductAvailability", items, work)
        for store_id in {item.store_id for item in items}:
            self._recommender.forget(store_id)
        return outcomes

    async def _cancel(self, connection: Connection, store_id: int, command: Cancellation, now: dt.datetime) -> int:
        if not command.order_id:
            return await self._flows.cancel_all(connection, store_id, rules.STORE_LEFT, now)
        whose = (store_id, command.customer_key, command.order_id)
        return await self._flows.cancel_order(connection, *whose, rules.ORDER_REVERSED, now)

    def _post_purchase(self, item: OnceItem[PostPurchase], contact: Contact, now: dt.datetime) -> NewFlow:
        command = item.command
        plan = planning.plan(
            self._policy,
            FlowKind.POST_PURCHASE,
            self._policy.post_purchase,
            contact.audience(command.shop.timezone),
            held_out=self._held_out(item.store_id, FlowKind.POST_PURCHASE, command.person.customer_key),
            start=now,
            deadline=command.placed_at + rules.ORDER_FRESH,
        )
        plan.campaign_id = planning.campaign_id(FlowKind.POST_PURCHASE, now)
        facts = Facts(command.order_number, command.items, command.total_minor, command.currency)
        return self._new(item.store_id, command.person, command.order_id, plan, facts)

    def _winback(self, item: OnceItem[ChurnPrevention], contact: Contact, repeated: bool, now: dt.datetime) -> NewFlow:
        command = item.command
        plan = planning.plan_winback(
            self._policy,
            contact.audience(command.shop.timezone),
            held_out=self._held_out(item.store_id, FlowKind.CHURN_PREVENTION, command.person.customer_key),
            repeated=repeated,
            now=now,
            churn_risk=command.churn_risk,
        )
        return self._new(item.store_id, command.person, "", plan, Facts(percent=plan.percent))

    def _new(self, store_id: int, person: Person, subject: str, plan: Plan, facts: Facts) -> NewFlow:
        share = self._policy.holdout_share
        return NewFlow(store_id, person.customer_key, subject, plan, facts if plan.speaks else Facts(), share)

    def _held_out(self, store_id: int, kind: FlowKind, customer_key: str) -> bool:
        return rules.is_held_out(store_id, kind, customer_key, self._policy.holdout_share)

    async def _release(self, connection: Connection, item: OnceItem[DiscountCode]) -> Plan:
        command = item.command
        flow = await self._flows.find(connection, item.store_id, command.flow_id, lock=True)
        if flow is None:
            raise FlowNotFound("no flow of this store has this id")
        if flow.status is not FlowStatus.WAITING_FOR_CODE:
            raise FlowNotWaiting(
                "the flow does not wait for a discount code", data={"status": flow.status.name.lower()}
            )
        now = self._clock.now()
        key = (item.store_id, flow.customer_key)
        contact = (await self._contacts.find_many(connection, [key])).get(key)
        shop = (await self._contacts.shops(connection, [item.store_id])).get(item.store_id)
        if contact is None:
            raise FlowNotFound("the flow's contact does not exist")
        plan = planning.plan(
            self._policy,
            FlowKind.CHURN_PREVENTION,
            self._policy.winback,
            contact.audience(shop.timezone if shop else ""),
            held_out=False,
            start=now,
            deadline=command.expires_at,
            late_reason=rules.TOO_LATE,
        )
        plan.flow_id = flow.flow_id
        plan.campaign_id = planning.campaign_id(FlowKind.CHURN_PREVENTION, now)
        await self._number(connection, [plan], flows=False)
        known = self._flows.facts(flow)
        facts = Facts(percent=known.percent, code=command.code, code_expires_at=command.expires_at)
        await self._flows.release(connection, flow, plan, facts)
        return plan

    async def _put_shops(self, parts: Sequence[Part[Any]]) -> None:
        """In a statement of its own, before the batch: it happens once per shop and process."""
        triggers = (PostPurchase, ChurnPrevention, Upsell)
        told = {
            item.store_id: item.command.shop
            for part in parts
            for item in part.items
            if isinstance(item.command, triggers)
        }
        if self._contacts.changed_shops(told):
            async with self._database.connection() as connection:
                await self._contacts.put_shops(connection, told)

    async def _meet(
        self, connection: Connection, people: Sequence[tuple[int, Person, dt.datetime | None]]
    ) -> dict[Key, Contact]:
        """The contacts of a batch; unknown ones are made, and what is not known of a known one is filled in.

        Each person comes with the time of the fact that tells of them.
        """
        contacts = await self._contacts.find_many(connection, [(s, person.customer_key) for s, person, _ in people])
        new: dict[Key, Contact] = {}
        thin: dict[Key, tuple[Person, dt.datetime | None]] = {}
        for store_id, person, at in people:
            key = (store_id, person.customer_key)
            known = contacts.get(key)
            if known is None:
                new[key] = contacts[key] = self._contacts.stub(store_id, person)
            elif key not in new and _tells_more(person, at, known):
                thin[key] = person, at
        await self._contacts.insert_absent(connection, list(new.values()))
        if thin:
            contacts.update(await self._fill_in(connection, thin))
        return contacts

    async def _fill_in(
        self, connection: Connection, thin: dict[Key, tuple[Person, dt.datetime | None]]
    ) -> dict[Key, Contact]:
        locked = await self._contacts.find_many(connection, list(thin), lock=True)
        for key, contact in locked.items():
            person, at = thin[key]
            if not _tells_more(person, at, contact):
                continue
            told = self._contacts.stub(key[0], person)
            if contact.email_index is None and contact.phone_index is None:
                contact.sealed_identity, contact.email_index = told.sealed_identity, told.email_index
                contact.phone_index, contact.erased_at = told.phone_index, None
            if contact.email_consent is None:
                contact.email_consent, contact.email_consent_source = told.email_consent, told.email_consent_source
            if contact.sms_consent is None:
                contact.sms_consent, contact.sms_consent_source = told.sms_consent, told.sms_consent_source
        await self._contacts.replace(connection, list(locked.values()))
        return locked

    async def _rows(
        self, connection: Connection, planned: Sequence[NewFlow], now: dt.datetime
    ) -> list[tuple[Append, Rows]]:
        await self._number(connection, [flow.plan for flow in planned], flows=True)
        return self._flows.new_rows(planned, now)

    async def _number(self, connection: Connection, plans: Sequence[Plan], *, flows: bool) -> None:
        count = sum([len(plan.messages) + flows for plan in plans])
        numbers = iter(await self._identifiers.take(connection, count))
        for plan in plans:
            if flows:
                plan.flow_id = next(numbers)
            for message in plan.messages:
                message.message_id = next(numbers)

    async def _basket_rows(
        self, connection: Connection, fresh: Sequence[OnceItem[PostPurchase]]
    ) -> tuple[Append, Rows]:
        baskets = []
        for item in fresh:
            titles = {line.product_id: line.title for line in item.command.items if line.product_id}
            if titles:
                baskets.append(Basket(item.store_id, tuple(titles), tuple(titles.values())))
        return self._products.basket_rows(baskets, await self._identifiers.take(connection, len(baskets)))


_WINBACK_PAUSE = dt.timedelta(days=90)
"""A customer gets at most one win-back in this time."""


def _tells_more(person: Person, at: dt.datetime | None, known: Contact) -> bool:
    """Whether a checkout tells an address or a consent that is not known yet; never what was erased after it."""
    if rules.is_forgotten(known.erased_at, at):
        return False
    addressless = known.email_index is None and known.phone_index is None
    return (
        (addressless and bool(person.email or person.phone))
        or (person.accepts_email and known.email_consent is None)
        or (person.accepts_sms and known.sms_consent is None)
    )
