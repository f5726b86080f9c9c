"""A shop over a real database: events go in, what was decided comes out."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any

from kiki.commerce.events import (
    CommerceEvent,
    CustomerStub,
    OrderLine,
    OrderObserved,
    OrderTouch,
    ProductObserved,
    ProductStatus,
    Refund,
    Variant,
)
from kiki.commerce.stores import NewStore, StoreRepository, StoreSettings
from kiki.kit.database import Database
from kiki.kit.money import Money
from kiki.kit.sealing import Sealer
from kiki.orchestrator.calls.intents import REQUEST_PURPOSE, enqueue
from kiki.orchestrator.inbox.protocol import InternalFact, ItemFailure, WorkItem
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows.decider import CommerceDecider
from kiki.rpc.v1 import syncengage_pb2, syncflow_pb2, syncledger_pb2, syncvalue_pb2

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
CONNECTED = NOW - dt.timedelta(days=60)
_MODULES = (syncvalue_pb2, syncflow_pb2, syncledger_pb2, syncengage_pb2)


def eur(text: str) -> Money:
    return Money.parse(text, "EUR")


def order(
    order_id: str = "1",
    *,
    placed_at: dt.datetime = NOW - dt.timedelta(hours=1),
    updated_at: dt.datetime | None = None,
    paid: bool = True,
    cancelled_at: dt.datetime | None = None,
    net: str = "100.00",
    total: str = "119.00",
    email: str | None = "ada@example.com",
    customer_id: str | None = "c1",
    product_id: str | None = "p1",
    touch: OrderTouch | None = None,
    refunds: Sequence[Refund] = (),
    is_test: bool = False,
) -> OrderObserved:
    line = OrderLine(
        line_id="l1", product_id=product_id, variant_id="v1", sku="SKU", title="Lamp", quantity=1, net_total=eur(net)
    )
    stub = CustomerStub(customer_id=customer_id, email=email, first_name="Ada")
    return OrderObserved(
        order_id=order_id,
        number=f"#{order_id}",
        updated_at=updated_at or placed_at,
        placed_at=placed_at,
        paid_at=placed_at if paid else None,
        cancelled_at=cancelled_at,
        currency="EUR",
        total=eur(total),
        net_sales=eur(net),
        is_test=is_test,
        customer=stub if email or customer_id else None,
        lines=(line,),
        refunds=tuple(refunds),
        touch=touch,
        status="paid" if paid else "pending",
    )


def product(
    product_id: str = "p1",
    *,
    at: dt.datetime = NOW,
    quantity: int | None = 10,
    status: ProductStatus = ProductStatus.ACTIVE,
    variants: Sequence[Variant] | None = None,
    title: str = "Lamp",
    price: str = "20.00",
    created: bool = False,
    cost: str | None = None,
) -> ProductObserved:
    default = Variant(
        variant_id="v1",
        sku="SKU",
        price=eur(price),
        cost=None if cost is None else eur(cost),
        inventory_item_id="i1",
        quantity=quantity,
        tracked=True,
    )
    return ProductObserved(
        product_id=product_id,
        updated_at=at,
        status=status,
        title=title,
        description="Warm light",
        vendor="Lumen",
        category="Lamps",
        page_url=None,
        image_urls=("https://example.com/a.jpg",),
        variants=tuple(variants) if variants is not None else (default,),
        created=created,
    )


def visit(campaign: str, at: dt.datetime) -> OrderTouch:
    return OrderTouch(utm_source="google", utm_medium="cpc", utm_campaign=campaign, at=at)


class Shop:
    """One connected store and a decider over it."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self.database = database
        self.sealer = sealer
        self.decider = CommerceDecider(sealer)
        self.store_id = 0
        self.now = NOW
        self._ids = itertools.count(1)

    async def connect(
        self,
        settings: StoreSettings | None = None,
        key: str = "lamps.example.com",
        connected_at: dt.datetime = CONNECTED,
    ) -> int:
        new = NewStore(
            platform="shopify",
            store_key=key,
            display_name="Lamps",
            currency="EUR",
            timezone="Europe/Berlin",
            webhook_secret="a-webhook-secret",
            settings=settings or StoreSettings(),
            connected_at=connected_at,
        )
        async with self.database.transaction() as connection:
            store, self.token = await StoreRepository(self.sealer).add(connection, new)
        self.store_id = store.store_id
        return store.store_id

    def item(
        self,
        event: CommerceEvent | None = None,
        fact: InternalFact | None = None,
        *,
        lane: Lane = Lane.LIVE,
        origin: str = "webhook",
        triggered_at: str = "",
    ) -> WorkItem:
        return WorkItem(
            delivery_id=next(self._ids),
            store_id=self.store_id,
            platform="shopify" if fact is None else "internal",
            topic="test",
            lane=lane,
            origin=origin,
            received_at=self.now,
            triggered_at=triggered_at,
            attempts=0,
            events=None if event is None else [event],
            internal=fact,
        )

    async def tell(self, *events: CommerceEvent, **how: Any) -> Sequence[ItemFailure]:
        """Deliver events in one batch."""
        return await self.decide([self.item(event, **how) for event in events])

    async def fact(self, kind: str, body: dict[str, Any]) -> Sequence[ItemFailure]:
        return await self.decide([self.item(fact=InternalFact(kind, body))])

    async def decide(self, items: Sequence[WorkItem]) -> Sequence[ItemFailure]:
        async with self.database.transaction() as connection:
            decided = await self.decider.decide(connection, items, self.now)
            await enqueue(connection, self.sealer, decided.calls)
            return decided.failures

    async def register(
        self,
        campaign_id: str = "k1",
        *,
        products: Sequence[str] = (),
        promotions: Sequence[dict[str, Any]] | None = None,
        ended: bool = False,
        utm_campaign: str = "autumn",
        utm_id: str = "77",
        **more: Any,
    ) -> None:
        always = [{"product_id": each, "from_at": None, "to_at": None} for each in products]
        await self.fact(
            "campaigns_changed",
            {
                "campaigns": [
                    {
                        "campaign_id": campaign_id,
                        "network": "google",
                        "name": "Autumn",
                        "utm_campaign": utm_campaign,
                        "utm_id": utm_id,
                        "status": "active",
                        "ended": ended,
                        "promotions": always if promotions is None else list(promotions),
                    }
                ],
                **more,
            },
        )

    async def calls(self, *methods: str) -> list[Any]:
        """The requests of all calls asked for so far, oldest first; only of these methods when some are named."""
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT store_id, agent, method, request FROM calls.queue ORDER BY seq")
        found = []
        for row in rows:
            if methods and row["method"] not in methods:
                continue
            name = f"{row['method']}Request"
            module = next((module for module in _MODULES if hasattr(module, name)), None)
            body = self.sealer.open(row["request"], store_id=row["store_id"], purpose=REQUEST_PURPOSE)
            found.append(getattr(module, name).FromString(body) if module is not None else row["method"])
        return found

    async def methods(self) -> list[str]:
        async with self.database.connection() as connection:
            return [row[0] for row in await connection.fetch("SELECT method FROM calls.queue ORDER BY seq")]

    async def row(self, table: str, **key: Any) -> Any:
        (found,) = await self.rows(table, **key)
        return found

    async def rows(self, table: str, **key: Any) -> list[Any]:
        where = " AND ".join(f"{name} = ${number}" for number, name in enumerate(key, 1)) or "true"
        async with self.database.connection() as connection:
            return list(await connection.fetch(f"SELECT * FROM commerce.{table} WHERE {where}", *key.values()))
