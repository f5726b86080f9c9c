"""A served SyncValue on a real database, simulated shops whose orders it is told, and what it says of them."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from google.type.money_pb2 import Money

from kiki.council.syncvalue.component import SyncValueComponent, open_component
from kiki.council.syncvalue.models.purchases import Purchases
from kiki.council.syncvalue.models.simulate import SimulatedStore, simulate
from kiki.council.syncvalue.settings import SyncValueSettings
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.channel import open_channel
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.grpc.times import time_to_proto
from kiki.kit.sealing import Keyring
from kiki.rpc.v1 import syncvalue_pb2 as pb
from kiki.rpc.v1.syncvalue_pb2_grpc import SyncValueServiceStub

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
DAYS = 700
API_KEY = "k" * 32
GROWN = SimulatedStore("mbgnbd", (0.8, 60.0, 0.9, 2.0), (6.0, 4.0, 1_500.0), customers=400, arrival_days=400, days=DAYS)
YOUNG = SimulatedStore("mbgnbd", (0.8, 60.0, 0.9, 2.0), (6.0, 4.0, 1_500.0), customers=40, arrival_days=400, days=DAYS)


class Served:
    """The served agent: its stub, its component, and calls."""

    def __init__(self, stub: Any, component: SyncValueComponent, clock: FixedClock, api_key: str) -> None:
        self._metadata = (("x-internal-api-key", api_key),)
        self.stub = stub
        self.component = component
        self.clock = clock

    async def call(self, method: str, request: Any) -> Any:
        return await getattr(self.stub, method)(request, metadata=self._metadata, timeout=60)

    async def customer(self, key: str, store_id: int = 1, as_of: dt.datetime | None = None) -> Any:
        at = None if as_of is None else time_to_proto(as_of)
        return await self.call(
            "GetCustomerLTV", pb.GetCustomerLTVRequest(store_id=store_id, customer_key=key, as_of=at)
        )

    async def tell(self, of: Purchases, store_id: int = 1) -> None:
        orders = [
            order(f"{place}", key(who), when(of, day), round(amount), store_id=store_id)
            for place, (who, day, amount) in enumerate(
                zip(of.customer.tolist(), of.day.tolist(), of.amount.tolist(), strict=True)
            )
        ]
        for start in range(0, len(orders), 300):
            answer = await self.call(
                "BatchUpdateOrders", pb.BatchUpdateOrdersRequest(requests=orders[start : start + 300])
            )
            assert answer.failed == 0


@asynccontextmanager
async def serving(dsn: str, *, api_key: str = API_KEY, **settings: Any) -> AsyncIterator[Served]:
    clock = FixedClock(NOW)
    async with open_component(
        dsn=dsn,
        keyring=Keyring.parse(Keyring.generate()),
        rpc=RpcSettings(address="127.0.0.1:0", api_keys=(api_key,)),
        settings=SyncValueSettings(**settings),
        clock=clock,
    ) as component:
        running = asyncio.create_task(component.run())
        while not component.ready().ok:
            await asyncio.sleep(0.005)
        channel = open_channel(f"127.0.0.1:{component.port}")
        stub: Any = SyncValueServiceStub(channel)  # type: ignore[no-untyped-call]  # generated code
        yield Served(stub, component, clock, api_key)
        await channel.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def store(kind: SimulatedStore = GROWN, seed: int = 1) -> Purchases:
    """Purchases in whole minor units; days from 700 ago on."""
    of = simulate(kind, seed)
    return Purchases(of.customer, of.day - 738_000 + NOW.toordinal() - DAYS, np.rint(of.amount), of.has_amounts)


def key(who: int) -> str:
    return f"{who * 2654435761 % 2**32:08x}"


def when(_of: Purchases, day: int) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromordinal(day), dt.time(9), tzinfo=dt.UTC)


def order(number: str, customer: str, at: dt.datetime, minor: int, **more: Any) -> Any:
    store_id = more.pop("store_id", 1)
    revision = more.pop("revision", 1)
    money = Money(currency_code="EUR", units=minor // 100, nanos=minor % 100 * 10_000_000)
    return pb.UpdateCustomerLTVRequest(
        store_id=store_id,
        event_id=f"o{number}.{revision}",
        decision_seq=revision,
        customer_key=customer,
        order_id=number,
        order_amount=money,
        net_sales=money,
        ordered_at=time_to_proto(at),
        paid_at=time_to_proto(at),
        **more,
    )


def minor(money: Money) -> float:
    return float(money.units * 100 + money.nanos / 10_000_000)
