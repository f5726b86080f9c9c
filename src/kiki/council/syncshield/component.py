"""Builds SyncShield and runs its server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kiki.council.syncshield.service.audit import AuditService
from kiki.council.syncshield.service.keys import KeyService
from kiki.council.syncshield.service.subjects import SubjectRequestService
from kiki.council.syncshield.servicer import SyncShieldServicer
from kiki.council.syncshield.settings import SyncShieldSettings
from kiki.kit.clock import Clock
from kiki.kit.database import LOOK_UPS_BY_INDEX, Database
from kiki.kit.grpc.component import RpcComponent
from kiki.kit.grpc.server import RpcServer
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.receipts import Once
from kiki.kit.sealing import Keyring
from kiki.rpc.v1.syncshield_pb2_grpc import add_SyncShieldServiceServicer_to_server

NAME = "syncshield"
SERVICE_NAME = "kiki.rpc.v1.SyncShieldService"


@asynccontextmanager
async def open_component(
    *, dsn: str, keyring: Keyring, rpc: RpcSettings, settings: SyncShieldSettings, clock: Clock
) -> AsyncIterator[RpcComponent]:
    """SyncShield with its pool of connections, for the time of the block."""
    async with Database.open(
        dsn,
        application_name="kiki-syncshield",
        max_size=settings.pool_size,
        relaxed=True,
        server_settings=LOOK_UPS_BY_INDEX,
    ) as database:
        servicer = SyncShieldServicer(
            audit=AuditService(database, clock, verify_page=settings.verify_page),
            keys=KeyService(database, keyring, clock),
            subjects=SubjectRequestService(database, clock),
            once=Once(database, NAME),
            clock=clock,
            subject_request_days=settings.subject_request_days,
        )
        server = RpcServer(rpc)
        server.add(add_SyncShieldServiceServicer_to_server, servicer, SERVICE_NAME)
        yield RpcComponent(NAME, server, grace_seconds=3)
