"""SyncValue on a real database, served and dialled over real gRPC."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc.aio
import pytest
import pytest_asyncio

from databases import tables_of
from kiki.council.syncvalue.component import open_component
from kiki.council.syncvalue.settings import SyncValueSettings
from kiki.council.syncvalue.tables import OWNER
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.channel import open_channel
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.sealing import Keyring
from kiki.rpc.v1.syncvalue_pb2_grpc import SyncValueServiceStub

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
KEY = (("x-internal-api-key", "k" * 32),)


@dataclass
class Agent:
    """The served agent, its stub, its clock and its database."""

    stub: SyncValueServiceStub
    clock: FixedClock
    dsn: str
    channel: grpc.aio.Channel

    async def call(self, method: str, request: object) -> object:
        return await getattr(self.stub, method)(request, metadata=KEY, timeout=30)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


agent_dsn = tables_of(OWNER)


@pytest_asyncio.fixture
async def agent(agent_dsn: str, clock: FixedClock) -> AsyncIterator[Agent]:
    async with open_component(
        dsn=agent_dsn,
        keyring=Keyring.parse(Keyring.generate()),
        rpc=RpcSettings(address="127.0.0.1:0", api_keys=("k" * 32,)),
        settings=SyncValueSettings(),
        clock=clock,
    ) as component:
        running = asyncio.create_task(component.run())
        while not component.ready().ok:
            await asyncio.sleep(0.005)
        channel = open_channel(f"127.0.0.1:{component.port}")
        yield Agent(SyncValueServiceStub(channel), clock, agent_dsn, channel)
        await channel.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
