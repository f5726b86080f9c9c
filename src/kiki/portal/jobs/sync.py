"""Catalogue and history sync: every object becomes a delivery in the bulk lane, decided like any other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from kiki.commerce.stores import ACTIVE, StoreConnection, StoreRepository
from kiki.kit.clock import Clock
from kiki.kit.database import Database
from kiki.kit.errors import InvalidInput, ResourceExhausted
from kiki.kit.http import OutboundHttp
from kiki.kit.sealing import Sealer
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key, store_deliveries
from kiki.orchestrator.lanes import Lane
from kiki.platforms.protocol import CursorRefused, Resource, ShopObject, ShopPage, ShopReader
from kiki.platforms.registry import OpenReader
from kiki.platforms.shop_http import ShopHttp
from kiki.portal.jobs.repository import Job, find_credentials
from kiki.portal.jobs.runner import Progress, Work

BASELINE_MONTHS = 12
PAID_WITHIN = dt.timedelta(days=31)
"""How long before a payment its order may have been placed: revenue is complete so much later than orders are."""
_STORED_AT_ONCE = 200
_MAX_RESTARTS = 3
_SMALLEST_PAGE = 2


class NoCredentials(InvalidInput):
    """Nothing is stored with which the shop's API could be read."""

    reason = "NO_SHOP_CREDENTIALS"


class StoreUninstalled(InvalidInput):
    """The app was removed: nothing is read any more."""

    reason = "STORE_UNINSTALLED"


class ShopNotPublic(InvalidInput):
    """The portal calls shops at public addresses only, unless it was told otherwise."""

    reason = "PRIVATE_ADDRESS"

    def __init__(self) -> None:
        super().__init__(
            "the shop's API is at an address that is not public. SYNCPORTAL_ALLOW_PRIVATE_ADDRESSES=true lets the"
            " portal call such shops; for the stores of `kiki demo` start the mesh with `kiki up --demo-peers`"
        )


@dataclass(frozen=True, slots=True)
class Syncing:
    """What a sync works with."""

    database: Database
    sealer: Sealer
    http: OutboundHttp
    clock: Clock
    readers: Mapping[str, OpenReader]


def sync_work(resource: Resource, syncing: Syncing) -> Work:
    """The work of a sync job that is over when everything is read."""

    async def work(job: Job, progress: Progress) -> str:
        await read_shop(resource, syncing, job, progress)
        return read_message(resource, progress)

    return work


def read_message(resource: Resource, progress: Progress) -> str:
    """What was read, for people."""
    notes = "".join(f"; {note}" for note in progress.result.get("notes", ()))
    return f"{progress.done} {resource.value} read, {progress.result.get('new_deliveries', 0)} deliveries new{notes}"


async def read_shop(resource: Resource, syncing: Syncing, job: Job, progress: Progress) -> StoreConnection:
    """Page by page to the end, from the place that was written last; each page and its place in one transaction.

    `progress.result` tells `read` at the end, `new_deliveries` and, for orders, `history_from`: from when on revenue is
    complete, which counts by the time of payment.
    """
    try:
        return await _read(resource, syncing, job, progress)
    except InvalidInput as error:
        if error.reason == ShopNotPublic.reason:
            raise ShopNotPublic from error
        raise


async def _read(resource: Resource, syncing: Syncing, job: Job, progress: Progress) -> StoreConnection:
    store, reader = await _open(syncing, job.store_id)
    if progress.result.get("read"):
        return store
    since = _since(resource, job, store)
    if since is not None and "history_from" not in progress.result:
        reach = await reader.reach(resource, syncing.clock.now())
        placed_from = since if reach is None else max(since, reach)
        progress.result["history_from"] = (placed_from + PAID_WITHIN).isoformat(timespec="seconds")
    pages = _Pages(reader, resource, since)
    while True:
        page = await pages.read(progress)
        await _keep(syncing, job, store, progress, page)
        if page.next_cursor is None:
            return store


class _Pages:
    """Reads the next page: a smaller one when the answer is too large, from the start when the place is gone."""

    def __init__(self, reader: ShopReader, resource: Resource, since: dt.datetime | None) -> None:
        self._reader = reader
        self._resource = resource
        self._since = since
        self._limit = reader.page_size
        self._restarts = 0

    async def read(self, progress: Progress) -> ShopPage:
        while True:
            try:
                return await self._reader.page(self._resource, progress.cursor, self._since, self._limit)
            except ResourceExhausted as error:
                if error.reason != "ANSWER_TOO_LARGE" or self._limit <= _SMALLEST_PAGE:
                    raise
                self._limit = max(_SMALLEST_PAGE, self._limit // 2)
            except CursorRefused:
                self._restarts += 1
                if self._restarts > _MAX_RESTARTS:
                    raise
                progress.cursor, progress.done = "", 0


async def _keep(syncing: Syncing, job: Job, store: StoreConnection, progress: Progress, page: ShopPage) -> None:
    """A page becomes deliveries, some at a time; with the last of them its place is written."""
    parts = [page.objects[at : at + _STORED_AT_ONCE] for at in range(0, len(page.objects), _STORED_AT_ONCE)] or [()]
    for number, part in enumerate(parts, 1):
        fresh = _deliveries(job.store_id, store.platform, part, syncing.clock.now())
        async with progress.step() as connection:
            new = await store_deliveries(connection, syncing.sealer, fresh) if fresh else []
            result = progress.result
            progress.result = {**result, "new_deliveries": result.get("new_deliveries", 0) + sum(new)}
            if number == len(parts):
                progress.done += page.count
                progress.total = page.total if page.total is not None else progress.total
                progress.cursor = page.next_cursor or progress.cursor
                progress.result |= {"notes": list(page.notes)} if page.notes else {}
                progress.result |= {"read": True} if page.next_cursor is None else {}


async def _open(syncing: Syncing, store_id: int) -> tuple[StoreConnection, ShopReader]:
    async with syncing.database.connection() as connection:
        store = await StoreRepository(syncing.sealer).get(connection, store_id)
        api = await find_credentials(connection, syncing.sealer, store_id)
    if store.status != ACTIVE:
        raise StoreUninstalled(f"the app was removed from store {store_id}; connect it again to read it")
    if api is None or store.platform not in syncing.readers:
        raise NoCredentials(
            f"no credentials for the {store.platform} API of store {store_id} are stored:"
            f" PUT /internal/stores/{store_id}/credentials first"
        )
    return store, syncing.readers[store.platform](ShopHttp(syncing.http), api)


def _since(resource: Resource, job: Job, store: StoreConnection) -> dt.datetime | None:
    """`days` before the job was asked for; without them, orders as far back as the baseline wants."""
    days = job.parameters.get("days")
    if days is not None:
        return (job.created_at - dt.timedelta(days=int(days))).replace(microsecond=0).astimezone(dt.UTC)
    if resource is not Resource.ORDERS:
        return None
    return baseline_start(store.connected_at, store.timezone) - PAID_WITHIN


def baseline_start(connected_at: dt.datetime, timezone: str) -> dt.datetime:
    """The first instant of the twelve whole calendar months before the connection, in UTC."""
    zone = ZoneInfo(timezone)
    local = connected_at.astimezone(zone)
    month = local.year * 12 + local.month - 1 - BASELINE_MONTHS
    return dt.datetime(month // 12, month % 12 + 1, 1, tzinfo=zone).astimezone(dt.UTC)


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
