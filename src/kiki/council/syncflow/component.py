"""Builds SyncFlow and runs its server and its reconciler."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kiki.council.syncflow.domain import AdNetworkConnection
from kiki.council.syncflow.networks import AdNetwork, HttpAdNetwork
from kiki.council.syncflow.reconciler.drive import Driver
from kiki.council.syncflow.reconciler.loop import Reconciler
from kiki.council.syncflow.service.registry import Registry
from kiki.council.syncflow.servicer import SyncFlowServicer
from kiki.council.syncflow.settings import SyncFlowSettings
from kiki.kit.clock import Clock
from kiki.kit.database import LOOK_UPS_BY_INDEX, Database
from kiki.kit.grpc.component import RpcComponent
from kiki.kit.grpc.server import RpcServer
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.http import OutboundHttp, OutboundPolicy
from kiki.kit.receipts import Once
from kiki.kit.sealing import Keyring, Sealer
from kiki.rpc.v1.syncflow_pb2_grpc import add_SyncFlowServiceServicer_to_server

NAME = "syncflow"
SERVICE_NAME = "kiki.rpc.v1.SyncFlowService"


@asynccontextmanager
async def open_component(
    *, dsn: str, keyring: Keyring, rpc: RpcSettings, settings: SyncFlowSettings, clock: Clock
) -> AsyncIterator[RpcComponent]:
    """SyncFlow with its pools, for the time of the block."""
    sealer = Sealer(keyring)
    policy = OutboundPolicy(allow_private=settings.allow_private_networks, max_connections=settings.max_in_flight)
    async with (
        Database.open(
            dsn,
            application_name="kiki-syncflow",
            max_size=settings.pool_size,
            server_settings=LOOK_UPS_BY_INDEX,
        ) as database,
        OutboundHttp.open(policy) as http,
    ):

        def dial(connection: AdNetworkConnection) -> AdNetwork:
            return HttpAdNetwork(http, connection, timeout_seconds=settings.network_timeout_seconds)

        registry = Registry(database, sealer, clock)
        driver = Driver(database, sealer, clock, dial, lease_seconds=settings.lease_seconds)
        reconciler = Reconciler(database, driver, registry, settings, clock)
        servicer = SyncFlowServicer(registry=registry, once=Once(database, NAME), clock=clock, wake=reconciler.wake)
        server = RpcServer(rpc)
        server.add(add_SyncFlowServiceServicer_to_server, servicer, SERVICE_NAME)
        yield RpcComponent(NAME, server, reconciler.run, grace_seconds=2)
