"""A served SyncCreate, and requests as the orchestrator makes them."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc.aio
from google.type.money_pb2 import Money

from kiki.council.synccreate.component import open_component
from kiki.council.synccreate.settings import SyncCreateSettings
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.component import RpcComponent
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.sealing import Keyring
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import synccreate_pb2 as pb
from kiki.rpc.v1 import synccreate_pb2_grpc

API_KEY = "an-internal-key-for-tests-only-0123456789"
NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


@dataclass
class Create:
    """What a test talks to."""

    component: RpcComponent
    stub: Any
    clock: FixedClock

    async def call(self, method: str, request: Any) -> Any:
        metadata = (("x-internal-api-key", API_KEY),)
        return await getattr(self.stub, method)(request, metadata=metadata, timeout=10)

    async def settled(self, creative_id: str) -> pb.Creative:
        """The creative when it is no longer waiting to be drawn."""
        async with asyncio.timeout(30):
            while True:
                request = pb.GetCreativeRequest(store_id=1, creative_id=creative_id)
                creative = (await self.call("GetCreative", request)).creative
                if creative.status != pb.RENDER_STATUS_PENDING:
                    return creative
                await asyncio.sleep(0.05)


@asynccontextmanager
async def open_create(dsn: str, **settings: Any) -> AsyncIterator[Create]:
    clock = FixedClock(NOON)
    chosen = SyncCreateSettings(**{"poll_seconds": 0.1, **settings})
    async with open_component(
        dsn=dsn,
        keyring=Keyring({1: b"k" * 32}),
        rpc=RpcSettings("127.0.0.1:0", (API_KEY,)),
        settings=chosen,
        clock=clock,
    ) as component:
        running = asyncio.create_task(component.run())
        while not component.ready().ok:
            if running.done():
                running.result()
            await asyncio.sleep(0.01)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{component.port}") as channel:
            yield Create(component, synccreate_pb2_grpc.SyncCreateServiceStub(channel), clock)
        running.cancel()
        await asyncio.wait([running], timeout=6)


def product(**fields: Any) -> common.ProductInfo:
    known: dict[str, Any] = {
        "product_id": "p1",
        "title": "Handmade ceramic mug in northern-light blue",
        "description": "Thrown by hand in Bergen. Dishwasher safe.",
        "price": Money(currency_code="EUR", units=24, nanos=900_000_000),
        "vendor": "Nordlicht",
    }
    return common.ProductInfo(**{**known, **fields})


def generate(number: int = 1, **fields: Any) -> pb.GenerateProductCreativeRequest:
    known: dict[str, Any] = {
        "store_id": 1,
        "event_id": f"generate-{number}",
        "product": product(),
        "creative_type": pb.CREATIVE_TYPE_IMAGE,
        "ad_network": pb.AD_NETWORK_GOOGLE,
    }
    return pb.GenerateProductCreativeRequest(**{**known, **fields})


def refresh(number: int = 1, **fields: Any) -> pb.RefreshProductCreativeRequest:
    known: dict[str, Any] = {
        "store_id": 1,
        "event_id": f"refresh-{number}",
        "product": product(),
        "reason": pb.REFRESH_REASON_PRICE_CHANGE,
    }
    return pb.RefreshProductCreativeRequest(**{**known, **fields})
