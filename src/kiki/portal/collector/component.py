"""Builds the collector over the portal's parts."""

from __future__ import annotations

from kiki.commerce.collectors import CollectorStore, find_collector_store
from kiki.kit.clock import Clock, monotonic
from kiki.kit.database import Database
from kiki.kit.sealing import Sealer
from kiki.kit.telemetry import Metrics
from kiki.orchestrator.inbox.deliveries import NewDelivery
from kiki.portal.collector.intake import Collector, CollectorLimits
from kiki.portal.collector.limits import AddressHash, TokenBuckets
from kiki.portal.collector.stores import CollectorStores
from kiki.portal.intake.disk import DiskGuard
from kiki.portal.intake.group_commit import GroupCommit, Write
from kiki.portal.settings import PortalSettings

_MAX_WAITING_BYTES = 4 * 2**20
_MAX_BATCH_BYTES = 2**20
_BURST_SECONDS = 10


def build_commit(write: Write[NewDelivery], settings: PortalSettings) -> GroupCommit[NewDelivery]:
    """Beacons' own group commit: a flood of them takes no room from webhooks."""
    return GroupCommit(
        write,
        deadline_seconds=settings.answer_deadline_seconds,
        max_waiting_bytes=_MAX_WAITING_BYTES,
        max_batch=settings.max_batch,
        max_batch_bytes=_MAX_BATCH_BYTES,
        pace_seconds=settings.commit_pace_seconds,
    )


def build_collector(
    *,
    commit: GroupCommit[NewDelivery],
    database: Database,
    sealer: Sealer,
    settings: PortalSettings,
    metrics: Metrics,
    clock: Clock,
) -> Collector:
    """The collector; its commit runs with the portal."""

    async def look(key: str) -> CollectorStore | None:
        async with database.connection() as connection:
            return await find_collector_store(connection, key)

    per_store, per_address = settings.collector_store_per_second, settings.collector_address_per_minute
    limits = CollectorLimits(
        stores=TokenBuckets(per_store, per_store * _BURST_SECONDS, monotonic),
        addresses=TokenBuckets(per_address / 60, per_address, monotonic),
        address_hash=AddressHash(),
    )
    return Collector(
        stores=CollectorStores(look, monotonic),
        commit=commit,
        limits=limits,
        database=database,
        sealer=sealer,
        disk=DiskGuard(settings.disk_path, settings.disk_free_floor, monotonic),
        metrics=metrics,
        clock=clock,
    )
