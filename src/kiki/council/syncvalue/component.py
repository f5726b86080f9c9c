"""Builds SyncValue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kiki.council.syncvalue.baselining import Baselines
from kiki.council.syncvalue.modelling import Modelling
from kiki.council.syncvalue.models.prior_model import prior_model
from kiki.council.syncvalue.promoting import ShopPromotions
from kiki.council.syncvalue.refit.rounds import ModelRefits
from kiki.council.syncvalue.refit.worker import FitWorker
from kiki.council.syncvalue.refresh import ModelRefresh
from kiki.council.syncvalue.seasonal.worker import OutlookWorker
from kiki.council.syncvalue.served_models import ServedModels
from kiki.council.syncvalue.service import SyncValue
from kiki.council.syncvalue.servicer import SyncValueServicer
from kiki.council.syncvalue.settings import SyncValueSettings
from kiki.kit.clock import Clock
from kiki.kit.database import LOOK_UPS_BY_INDEX, Database
from kiki.kit.grpc.component import RpcComponent
from kiki.kit.grpc.server import RpcServer
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.receipts import Once
from kiki.kit.sealing import Keyring
from kiki.rpc.v1.syncvalue_pb2_grpc import add_SyncValueServiceServicer_to_server

NAME = "syncvalue"
SERVICE = "kiki.rpc.v1.SyncValueService"


class SyncValueComponent(RpcComponent):
    """The running agent."""

    def __init__(self, server: RpcServer, refresh: ModelRefresh, refits: ModelRefits, baselines: Baselines) -> None:
        super().__init__(NAME, server, refresh.run, refits.run, baselines.run)
        self.refits = refits
        self.baselines = baselines


@asynccontextmanager
async def open_component(
    *, dsn: str, keyring: Keyring, rpc: RpcSettings, settings: SyncValueSettings, clock: Clock
) -> AsyncIterator[SyncValueComponent]:
    """SyncValue with its own pool. It holds no personal data, so the keyring is not used."""
    del keyring
    async with (
        Database.open(
            dsn,
            application_name="kiki-syncvalue",
            max_size=settings.pool_size,
            relaxed=True,
            server_settings=LOOK_UPS_BY_INDEX,
        ) as database,
        OutlookWorker.open() as worker,
        FitWorker.open(settings.fit_timeout_seconds) as fits,
    ):
        prior = prior_model(settings.yearly_discount)
        once = Once(database, NAME)
        service = SyncValue(database=database, once=once, prior=prior, models=ServedModels(), clock=clock)
        baselines = Baselines(
            database=database, once=once, worker=worker, clock=clock, check_seconds=settings.refresh_check_seconds
        )
        promotions = ShopPromotions(database=database, once=once, clock=clock, changed=baselines.promotions_changed)
        server = RpcServer(rpc)
        servicer = SyncValueServicer(service, baselines, Modelling(database), promotions)
        server.add(add_SyncValueServiceServicer_to_server, servicer, SERVICE)
        yield SyncValueComponent(
            server,
            ModelRefresh(database=database, prior=prior, clock=clock, settings=settings),
            ModelRefits(database=database, worker=fits, clock=clock, settings=settings),
            baselines,
        )
