"""A running SyncFlow on a fresh database, with the simulated ad network over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
import pytest
from google.type.money_pb2 import Money

from databases import tables_of
from kiki.council.syncflow.component import open_component
from kiki.council.syncflow.settings import SyncFlowSettings
from kiki.council.syncflow.tables import OWNER
from kiki.kit.clock import SystemClock
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.sealing import Keyring
from kiki.rpc.v1 import common_pb2
from kiki.rpc.v1 import syncflow_pb2 as pb
from kiki.rpc.v1.syncflow_pb2_grpc import SyncFlowServiceStub
from kiki.sandbox.ad_network import AdNetwork, Campaign, Faults, ProductAds, serve_ad_network

API_KEY = "test-key-of-sixteen-letters"
NETWORK_TOKEN = "network-token"
BOTH = {"c-shoes": ["101", "102"], "c-hats": ["101"], "c-other": ["900"]}


class Keyed(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds the API key to every call."""

    async def intercept_unary_unary(self, continuation, details, request):  # type: ignore[no-untyped-def]
        metadata = [*(details.metadata or []), ("x-internal-api-key", API_KEY)]
        return await continuation(details._replace(metadata=metadata), request)


@dataclass
class Flow:
    """SyncFlow, its peer, and short words for the calls."""

    stub: SyncFlowServiceStub
    network: AdNetwork
    faults: Faults
    dsn: str
    base_url: str
    _events: list[int] = field(default_factory=lambda: [0])

    def event(self) -> str:
        self._events[0] += 1
        return f"event-{self._events[0]}"

    async def pause(self, product_id: str = "101", **fields: Any) -> pb.PauseProductCampaignsResponse:
        values: dict[str, Any] = {
            "reason": pb.PAUSE_REASON_OUT_OF_STOCK,
            "event_id": self.event(),
            "lane": common_pb2.LANE_LIVE_STOCK,
            **fields,
        }
        request = pb.PauseProductCampaignsRequest(store_id=1, product_id=product_id, **values)
        return await self.stub.PauseProductCampaigns(request)

    async def resume(self, product_id: str = "101", **fields: Any) -> pb.ResumeProductCampaignsResponse:
        values: dict[str, Any] = {"event_id": self.event(), "new_quantity": 9, **fields}
        request = pb.ResumeProductCampaignsRequest(store_id=1, product_id=product_id, **values)
        return await self.stub.ResumeProductCampaigns(request)

    async def bids(self, quantity: int, product_id: str = "101", **fields: Any) -> pb.AdjustBidsForInventoryResponse:
        values: dict[str, Any] = {"event_id": self.event(), "low_stock_threshold": 5, "factor": "0.5", **fields}
        request = pb.AdjustBidsForInventoryRequest(store_id=1, product_id=product_id, quantity=quantity, **values)
        return await self.stub.AdjustBidsForInventory(request)

    async def margins(self, margins: dict[str, float], floor: float = 0.2) -> pb.UpdateProductMarginsResponse:
        request = pb.UpdateProductMarginsRequest(store_id=1, event_id=self.event(), margins=margins, margin_floor=floor)
        return await self.stub.UpdateProductMargins(request)

    async def actions(self, **fields: Any) -> list[pb.CampaignAction]:
        return list((await self.stub.ListActions(pb.ListActionsRequest(store_id=1, **fields))).actions)

    async def campaign(self, campaign_id: str) -> pb.Campaign:
        page = await self.stub.ListCampaigns(pb.ListCampaignsRequest(store_id=1))
        return next(item for item in page.campaigns if item.definition.campaign_id == campaign_id)

    def running(self, product_id: str = "101") -> list[str]:
        return [item.id for item in self.network.list() if self._runs(item, product_id)]

    async def settled(self) -> None:
        """Until no action is open."""

        async def none_open() -> bool:
            return not await self.actions(state=pb.ACTION_STATE_PENDING)

        await self.until(none_open)

    async def rested(self) -> None:
        """Until no work is left."""
        import asyncpg

        connection = await asyncpg.connect(self.dsn)

        async def empty() -> bool:
            return not await connection.fetchval("SELECT count(*) FROM syncflow.work")

        try:
            await self.until(empty)
        finally:
            await connection.close()

    async def until(self, holds: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
        async with asyncio.timeout(seconds):
            while not await holds():
                await asyncio.sleep(0.02)

    async def register(
        self, campaigns: dict[str, list[str]], more: Sequence[pb.Promotion] = (), **fields: Any
    ) -> pb.RegisterCampaignsResponse:
        definitions = [
            pb.CampaignDefinition(
                campaign_id=name,
                network="google",
                external_id=f"x-{name}",
                name=name,
                utm_campaign=name,
                promotions=[*(pb.Promotion(product_id=product) for product in products), *more],
                daily_budget=Money(currency_code="EUR", units=50),
                bid=Money(currency_code="EUR", units=1, nanos=200_000_000),
                **fields,
            )
            for name, products in campaigns.items()
        ]
        request = pb.RegisterCampaignsRequest(store_id=1, event_id=self.event(), campaigns=definitions)
        return await self.stub.RegisterCampaigns(request)

    async def connect(self, network: str = "google") -> None:
        request = pb.PutAdNetworkRequest(
            store_id=1, event_id=self.event(), network=network, base_url=self.base_url, token=NETWORK_TOKEN
        )
        await self.stub.PutAdNetwork(request)

    def at_network(self, campaign_id: str) -> Campaign:
        return self.network.get(f"x-{campaign_id}")

    @staticmethod
    def _runs(campaign: Campaign, product_id: str) -> bool:
        ads = any(item.product_id == product_id and item.status == "active" for item in campaign.products)
        return campaign.status == "active" and ads


@pytest.fixture
def settings() -> SyncFlowSettings:
    return SyncFlowSettings(
        allow_private_networks=True,
        network_timeout_seconds=0.5,
        retry_first_seconds=0.02,
        retry_longest_seconds=0.3,
        poll_seconds=0.05,
    )


dsn = tables_of(OWNER)


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.parse(Keyring.generate())


@asynccontextmanager
async def running(dsn: str, keyring: Keyring, settings: SyncFlowSettings) -> AsyncIterator[SyncFlowServiceStub]:
    rpc = RpcSettings(address="127.0.0.1:0", api_keys=(API_KEY,))
    clock = SystemClock()
    async with open_component(dsn=dsn, keyring=keyring, rpc=rpc, settings=settings, clock=clock) as component:
        run = asyncio.create_task(component.run())
        while not component.ready().ok:
            await asyncio.sleep(0.01)
            assert not run.done(), run
        async with grpc.aio.insecure_channel(f"127.0.0.1:{component.port}", interceptors=[Keyed()]) as channel:
            yield SyncFlowServiceStub(channel)
        assert not run.done(), run
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


@pytest.fixture
async def flow(dsn: str, keyring: Keyring, settings: SyncFlowSettings) -> AsyncIterator[Flow]:
    """Three campaigns, registered and read once."""
    network, faults = AdNetwork(), Faults()
    for name, products in BOTH.items():
        ads = [ProductAds(product) for product in products]
        network.put(Campaign(f"x-{name}", name, "EUR", 120, 5_000, ads))
    async with (
        serve_ad_network(network, token=NETWORK_TOKEN, faults=faults) as port,
        running(dsn, keyring, settings) as stub,
    ):
        flow = Flow(stub, network, faults, dsn, f"http://127.0.0.1:{port}")
        await flow.connect()
        await flow.register(BOTH)
        await flow.rested()
        yield flow
