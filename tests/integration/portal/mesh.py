"""A portal and a worker with a real SyncValue and SyncLedger, all over one database; the other agents are away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import Any

from integration.portal.running import KEY, KEYRING, Portal, running_portal
from kiki.clients.council import CouncilClients
from kiki.clients.methods import AGENTS
from kiki.council.syncflow.component import open_component as open_flow
from kiki.council.syncflow.settings import SyncFlowSettings
from kiki.council.syncledger.component import open_component as open_ledger
from kiki.council.syncledger.settings import SyncLedgerSettings
from kiki.council.syncvalue.component import open_component as open_value
from kiki.council.syncvalue.settings import SyncValueSettings
from kiki.kit.clock import Clock, SystemClock
from kiki.kit.grpc.settings import RpcSettings
from kiki.orchestrator.component import open_component as open_worker
from kiki.orchestrator.settings import OrchestratorSettings
from kiki.platforms.registry import platforms
from kiki.runtime.composition import settings_class

NOWHERE = "127.0.0.1:1"
FAST = OrchestratorSettings(
    poll_seconds=0.05, pace_seconds=0.0, retry_base_seconds=0.05, retry_cap_seconds=0.2, close_grace_days=3650
)
"""Months stay open: tests close them when they want to."""


@asynccontextmanager
async def _running(component: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(component.run())
    try:
        while not component.ready().ok and not task.done():
            await asyncio.sleep(0.02)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def running_council(dsn: str, clock: Clock | None = None) -> AsyncIterator[dict[str, str]]:
    """Both agents over a migrated database; gives their addresses."""
    rpc = RpcSettings(address="127.0.0.1:0", api_keys=(KEY,))
    common: dict[str, Any] = {"dsn": dsn, "keyring": KEYRING, "rpc": rpc, "clock": clock or SystemClock()}
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(open_ledger(settings=SyncLedgerSettings(), **common))
        value = await stack.enter_async_context(open_value(settings=SyncValueSettings(), **common))
        await stack.enter_async_context(_running(ledger))
        await stack.enter_async_context(_running(value))
        yield {"syncledger": f"127.0.0.1:{ledger.port}", "syncvalue": f"127.0.0.1:{value.port}"}


@asynccontextmanager
async def running_agents(dsn: str, clock: Clock | None = None) -> AsyncIterator[dict[str, Any]]:
    """All six over a migrated database, by name: components that run."""
    rpc = RpcSettings(address="127.0.0.1:0", api_keys=(KEY,))
    common: dict[str, Any] = {"dsn": dsn, "keyring": KEYRING, "rpc": rpc, "clock": clock or SystemClock()}
    async with AsyncExitStack() as stack:
        agents: dict[str, Any] = {}
        for name in AGENTS:
            build = import_module(f"kiki.council.{name}.component").open_component
            agents[name] = await stack.enter_async_context(build(settings=settings_class(name)(), **common))
            await stack.enter_async_context(_running(agents[name]))
        yield agents


def addresses_of(agents: dict[str, Any]) -> dict[str, str]:
    """Where they are reached."""
    return {name: f"127.0.0.1:{agent.port}" for name, agent in agents.items()}


@asynccontextmanager
async def running_flow(dsn: str, clock: Clock | None = None) -> AsyncIterator[dict[str, str]]:
    """SyncFlow over a migrated database, for networks on this machine; gives its address."""
    rpc = RpcSettings(address="127.0.0.1:0", api_keys=(KEY,))
    settings = SyncFlowSettings(allow_private_networks=True)
    async with (
        open_flow(dsn=dsn, keyring=KEYRING, rpc=rpc, settings=settings, clock=clock or SystemClock()) as flow,
        _running(flow),
    ):
        yield {"syncflow": f"127.0.0.1:{flow.port}"}


@asynccontextmanager
async def running_worker(dsn: str, addresses: dict[str, str], clock: Clock | None = None) -> AsyncIterator[None]:
    """The worker as `kiki up` runs it."""
    async with (
        CouncilClients.open({**dict.fromkeys(AGENTS, NOWHERE), **addresses}, api_key=KEY) as clients,
        open_worker(
            dsn=dsn,
            keyring=KEYRING,
            clients=clients,
            platforms=platforms(),
            settings=FAST,
            clock=clock or SystemClock(),
        ) as worker,
        _running(worker),
    ):
        yield


@asynccontextmanager
async def running_mesh(dsn: str, clock: Clock | None = None) -> AsyncIterator[Portal]:
    """All of it."""
    async with (
        running_council(dsn, clock) as addresses,
        running_worker(dsn, addresses, clock),
        running_portal(dsn, addresses=addresses, clock=clock) as portal,
    ):
        yield portal
