"""Catalogue and history sync: every object becomes a delivery in the bulk lane, decided like any other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from kiki.commerce.stores import StoreRepository
from kiki.kit.clock import Clock
from kiki.kit.database import Database
from kiki.kit.errors import InvalidInput
from kiki.kit.http import OutboundHttp
from kiki.kit.sealing import Sealer
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key, store_deliveries
from kiki.orchestrator.lanes import Lane
from kiki.portal.jobs.repository import Job, StoreApi, find_credentials
from kiki.portal.jobs.runner import Progress, Work
from kiki.portal.jobs.shop_pages import Resource, ShopObject, ShopReader
from kiki.portal.jobs.shopify_pages import ShopifyReader
from kiki.portal.jobs.woocommerce_pages import WooCommerceReader

_READERS: Mapping[str, Callable[[OutboundHttp, StoreApi], ShopReader]] = {
    "shopify": ShopifyReader,
    "woocommerce": WooCommerceReader,
}
_STORED_AT_ONCE = 200


class NoCredentials(InvalidInput):
    """Nothing is stored with which the shop's API could be read."""

    reason = "NO_SHOP_CREDENTIALS"


def sync_work(resource: Resource, *, database: Database, sealer: Sealer, http: OutboundHttp, clock: Clock) -> Work:
    """The work of a sync job: pages until the end, each page and its place in one transaction."""

    async def work(job: Job, progress: Progress) -> str:
        platform, reader = await _reader(job.store_id, database, sealer, http)
        since = _since(job)
        while True:
            page = await reader.page(resource, progress.cursor, since)
            progress.total = page.total if page.total is not None else progress.total
            for part in _parts(page.objects):
                async with progress.step() as connection:
                    await store_deliveries(connection, sealer, _deliveries(job.store_id, platform, part, clock.now()))
                    progress.done += len(part)
            if page.next_cursor is None:
                return f"{progress.done} {resource.value} read"
            async with progress.step():
                progress.cursor = page.next_cursor

    return work


async def _reader(store_id: int, database: Database, sealer: Sealer, http: OutboundHttp) -> tuple[str, ShopReader]:
    async with database.connection() as connection:
        store = await StoreRepository(sealer).get(connection, store_id)
        api = await find_credentials(connection, sealer, store_id)
    if api is None or store.platform not in _READERS:
        raise NoCredentials(
            f"no credentials for the {store.platform} API of store {store_id} are stored:"
            f" PUT /internal/stores/{store_id}/credentials first"
        )
    return store.platform, _READERS[store.platform](http, api)


def _since(job: Job) -> dt.datetime | None:
    days = job.parameters.get("days")
    return None if days is None else job.created_at - dt.timedelta(days=int(days))


def _parts(objects: Sequence[ShopObject]) -> list[Sequence[ShopObject]]:
    return [objects[at : at + _STORED_AT_ONCE] for at in range(0, len(objects), _STORED_AT_ONCE)]


def _deliveries(store_id: int, platform: str, objects: Sequence[ShopObject], now: dt.datetime) -> list[NewDelivery]:
    """An object that looks as it did at an earlier sync has the same key, and is not decided again."""
    return [
        NewDelivery(
            store_id=store_id,
            platform=platform,
            topic=found.topic,
            key=duplicate_key(found.topic, "", "sync", "", found.body),
            received_at=now,
            triggered_at="",
            headers={},
            signature="",
            body=found.body,
            lane=Lane.BULK,
            origin="sync",
        )
        for found in objects
    ]
