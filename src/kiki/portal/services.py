"""What the portal's routes work with, built once in `component.py` and handed to the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from kiki.clients.council import CouncilClients
from kiki.commerce.stores import StoreRepository
from kiki.kit.clock import Clock
from kiki.kit.component import Readiness
from kiki.kit.database import Connection, Database
from kiki.kit.sealing import Sealer
from kiki.kit.telemetry import Metrics
from kiki.orchestrator.gauges import Gauges
from kiki.platforms.protocol import Platform
from kiki.portal.access import actor
from kiki.portal.collector.intake import Collector
from kiki.portal.intake.stores import StoreCache
from kiki.portal.jobs.runner import JobRunner
from kiki.portal.reports.pdf import PdfPrinter
from kiki.portal.settings import PortalSettings


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a route may need."""

    database: Database
    sealer: Sealer
    stores: StoreRepository
    store_cache: StoreCache
    clients: CouncilClients
    platforms: dict[str, Platform]
    collector: Collector
    jobs: JobRunner
    printer: PdfPrinter
    settings: PortalSettings
    metrics: Metrics
    backlog: Gauges
    clock: Clock

    async def check_store(self, connection: Connection, store_id: int | None) -> None:
        """Raises the failure of `StoreRepository.get` when a filter names a store that there is not."""
        if store_id is not None:
            await self.stores.get(connection, store_id)

    async def readiness(self) -> Readiness:
        """Whether webhooks can be stored now."""
        try:
            async with self.database.connection() as connection:
                await connection.fetchval("SELECT 1", timeout=1)
        except Exception as error:  # noqa: BLE001  # an HTTP handler: any failure means not ready, and says which kind
            return Readiness(ok=False, reason=f"database: {type(error).__name__}")
        return Readiness(ok=True)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Injected = Annotated[Services, Depends(_services)]
"""The services, as a parameter of a route."""

Actor = Annotated[str, Depends(actor)]
"""Who acts, as a parameter of a route."""
