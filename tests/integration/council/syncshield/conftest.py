"""A running SyncShield on a fresh database."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import grpc.aio
import pytest

from databases import tables_of
from kiki.council.syncshield.component import open_component
from kiki.council.syncshield.settings import SyncShieldSettings
from kiki.council.syncshield.tables import OWNER
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.sealing import Keyring
from kiki.rpc.v1.syncshield_pb2_grpc import SyncShieldServiceStub

API_KEY = "test-key-of-sixteen-letters"


class Keyed(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds the API key to every call."""

    async def intercept_unary_unary(self, continuation, details, request):  # type: ignore[no-untyped-def]
        metadata = [*(details.metadata or []), ("x-internal-api-key", API_KEY)]
        return await continuation(details._replace(metadata=metadata), request)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC))


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.parse(Keyring.generate())


dsn = tables_of(OWNER)


@pytest.fixture
async def shield(dsn: str, clock: FixedClock, keyring: Keyring) -> AsyncIterator[SyncShieldServiceStub]:
    rpc = RpcSettings(address="127.0.0.1:0", api_keys=(API_KEY,))
    async with open_component(
        dsn=dsn, keyring=keyring, rpc=rpc, settings=SyncShieldSettings(), clock=clock
    ) as component:
        run = asyncio.create_task(component.run())
        while not component.ready().ok:
            await asyncio.sleep(0.01)
            assert not run.done(), run
        async with grpc.aio.insecure_channel(f"127.0.0.1:{component.port}", interceptors=[Keyed()]) as channel:
            yield SyncShieldServiceStub(channel)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
