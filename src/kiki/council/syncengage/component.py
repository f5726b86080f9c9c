"""Builds SyncEngage: the gRPC server and the sender, over one pool of connections."""

from __future__ import annotations

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
from kiki.kit.database import LOOK_UPS_BY_INDEX, Database
from kiki.kit.grpc.component import RpcComponent
from kiki.kit.grpc.server import RpcServer
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.receipts import Once
from kiki.kit.sealing import Keyring, Sealer
from kiki.rpc.v1.syncengage_pb2_grpc import add_SyncEngageServiceServicer_to_server

NAME = "syncengage"
SERVICE_NAME = "kiki.rpc.v1.SyncEngageService"


class SyncEngageComponent(RpcComponent):
    """The running agent."""

    def __init__(self, server: RpcServer, sender: Sender) -> None:
        super().__init__(NAME, server, sender.run)
        self.sender = sender


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
        server = RpcServer(rpc)
        server.add(add_SyncEngageServiceServicer_to_server, servicer, SERVICE_NAME)
        yield SyncEngageComponent(server, sender)
