"""A served SyncEngage with a clock that tests move, and requests as the orchestrator makes them."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from google.type.money_pb2 import Money

from kiki.council.syncengage.component import SyncEngageComponent, open_component
from kiki.council.syncengage.settings import SyncEngageSettings
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.grpc.times import time_to_proto
from kiki.kit.sealing import Keyring
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import syncengage_pb2 as pb
from kiki.rpc.v1 import syncengage_pb2_grpc

API_KEY = "an-internal-key-for-tests-only-0123456789"
NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


@dataclass
class Engage:
    """What a test talks to."""

    component: SyncEngageComponent
    stub: Any
    clock: FixedClock
    dsn: str
    metadata: tuple[tuple[str, str], ...] = field(default=(("x-internal-api-key", API_KEY),))

    async def call(self, method: str, request: Any) -> Any:
        return await getattr(self.stub, method)(request, metadata=self.metadata, timeout=10)

    async def send_due(self) -> int:
        return await self.component.sender.send_due()

    async def keep_house(self) -> int:
        return await self.component.sender.keep_house()


Opener = Callable[..., AbstractAsyncContextManager[Engage]]


@asynccontextmanager
async def open_engage(dsn: str, **settings: Any) -> AsyncIterator[Engage]:
    clock = FixedClock(NOON)
    # The sender's own loop sleeps; tests drive it round by round.
    chosen = SyncEngageSettings(**{"poll_seconds": 60, "holdout_share": 0, "smtp_tls": "none", **settings})
    keyring = Keyring({1: b"k" * 32})
    async with open_component(
        dsn=dsn, keyring=keyring, rpc=RpcSettings("127.0.0.1:0", (API_KEY,)), settings=chosen, clock=clock
    ) as component:
        running = asyncio.create_task(component.run())
        while not component.ready().ok:
            if running.done():
                running.result()
            await asyncio.sleep(0.01)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{component.port}") as channel:
            yield Engage(component, syncengage_pb2_grpc.SyncEngageServiceStub(channel), clock, dsn)
        running.cancel()
        await asyncio.wait([running], timeout=6)


SHOP = {"name": "Nordlicht", "timezone": "Europe/Berlin", "url": "https://nordlicht.example/"}


def customer(key: str = "c1", **fields: Any) -> common.CustomerInfo:
    known = {"email": f"{key}@example.com", "first_name": "Ada", "accepts_email_marketing": True}
    return common.CustomerInfo(customer_key=key, **{**known, **fields})


def order(number: int = 1, placed_at: dt.datetime = NOON, **fields: Any) -> pb.TriggerPostPurchaseFlowRequest:
    items = [
        common.OrderLineItem(product_id="p1", title="Lamp", quantity=1),
        common.OrderLineItem(product_id="p2", title="Bulb", quantity=2),
    ]
    known: dict[str, Any] = {
        "store_id": 1,
        "event_id": f"order-{number}",
        "customer": customer(),
        "order_id": str(1000 + number),
        "order_number": f"#{number}",
        "placed_at": time_to_proto(placed_at),
        "items": items,
        "total": Money(currency_code="EUR", units=49, nanos=900_000_000),
        "shop": SHOP,
    }
    return pb.TriggerPostPurchaseFlowRequest(**{**known, **fields})


def churn(number: int = 1, **fields: Any) -> pb.TriggerChurnPreventionRequest:
    known: dict[str, Any] = {
        "store_id": 1,
        "event_id": f"churn-{number}",
        "customer": customer(),
        "churn_risk": 0.8,
        "days_since_last_order": 120,
        "shop": SHOP,
    }
    return pb.TriggerChurnPreventionRequest(**{**known, **fields})


def upsell(number: int = 1, **fields: Any) -> pb.TriggerUpsellFlowRequest:
    known: dict[str, Any] = {
        "store_id": 1,
        "event_id": f"upsell-{number}",
        "customer": customer(),
        "purchased_product_ids": ["p1"],
        "lifetime_value": Money(currency_code="EUR", units=200),
        "order_id": str(1000 + number),
        "shop": SHOP,
    }
    return pb.TriggerUpsellFlowRequest(**{**known, **fields})


def availability(seq: int, **sellable: bool) -> pb.PutProductAvailabilityRequest:
    products = [pb.ProductAvailability(product_id=p, sellable=s, decision_seq=seq) for p, s in sellable.items()]
    return pb.PutProductAvailabilityRequest(store_id=1, event_id=f"availability-{seq}", products=products)


def contact(number: int = 1, key: str = "c1", **fields: Any) -> pb.PutContactRequest:
    known: dict[str, Any] = {
        "store_id": 1,
        "event_id": f"contact-{number}",
        "customer": customer(key),
        "observed_at": time_to_proto(NOON + dt.timedelta(minutes=number)),
    }
    return pb.PutContactRequest(**{**known, **fields})
