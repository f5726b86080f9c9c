"""Builds SyncEngage: the gRPC server and the sender, over one pool of connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kiki.council.syncengage.contacts import ContactService
from kiki.council.syncengage.queries import QueryService
from kiki.council.syncengage.recommendations import Recommender
from kiki.council.syncengage.repository.contacts import ContactRepository
from kiki.council.syncengage.repository.flows import FlowRepository
from kiki.council.syncengage.repository.identifiers import Identifiers
from kiki.council.syncengage.repository.products import ProductRepository
from kiki.council.syncengage.sending.worker import Sender
from kiki.council.syncengage.service import FlowService
from kiki.council.syncengage.servicer import SyncEngageServicer
from kiki.council.syncengage.settings import SyncEngageSettings
from kiki.kit.clock import Clock
from kiki.kit.component import Readiness
from kiki.kit.database import LOOK_UPS_BY_INDEX, Database
from kiki.kit.grpc.server import RpcServer
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.receipts import Once
from kiki.kit.sealing import Keyring, Sealer
from kiki.rpc.v1.syncengage_pb2_grpc import add_SyncEngageServiceServicer_to_server

NAME = "syncengage"
SERVICE_NAME = "kiki.rpc.v1.SyncEngageService"


class SyncEngageComponent:
    """Serves SyncEngage and sends its messages until cancelled."""

    name = NAME

    def __init__(self, *, servicer: SyncEngageServicer, sender: Sender, rpc: RpcSettings) -> None:
        self._servicer = servicer
        self._sender = sender
        self._rpc = rpc
        self._serving = False
        self.port = 0

    async def run(self) -> None:
        """Serve and send; stops within five seconds when cancelled."""
        server = RpcServer(self._rpc)
        server.add(add_SyncEngageServiceServicer_to_server, self._servicer, SERVICE_NAME)
        self.port = await server.start()
        self._serving = True
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._sender.run())
        finally:
            self._serving = False
            await server.stop(grace_seconds=4)

    def ready(self) -> Readiness:
        """Serving or not."""
        return Readiness(self._serving, "" if self._serving else "not serving yet")


@asynccontextmanager
async def open_component(
    *, dsn: str, keyring: Keyring, rpc: RpcSettings, settings: SyncEngageSettings, clock: Clock
) -> AsyncIterator[SyncEngageComponent]:
    """The component with its pool, for the time of the block."""
    sealer = Sealer(keyring)
    async with Database.open(
        dsn,
        application_name="kiki-syncengage",
        max_size=settings.store_pool_size,
        relaxed=True,
        server_settings=LOOK_UPS_BY_INDEX,
    ) as database:
        once = Once(database, NAME)
        contacts, flows, products = ContactRepository(sealer), FlowRepository(sealer), ProductRepository()
        identifiers = Identifiers()
        servicer = SyncEngageServicer(
            flows=FlowService(
                database=database,
                once=once,
                contacts=contacts,
                flows=flows,
                products=products,
                recommender=Recommender(products),
                identifiers=identifiers,
                policy=settings.policy(),
                clock=clock,
            ),
            contacts=ContactService(
                database=database,
                once=once,
                sealer=sealer,
                contacts=contacts,
                flows=flows,
                identifiers=identifiers,
                clock=clock,
            ),
            queries=QueryService(database, flows),
            once=once,
        )
        sender = Sender(
            database=database,
            sealer=sealer,
            contacts=contacts,
            flows=flows,
            products=products,
            settings=settings,
            clock=clock,
        )
        yield SyncEngageComponent(servicer=servicer, sender=sender, rpc=rpc)
