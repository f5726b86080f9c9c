"""Stores by their collector key, remembered for half a minute; and the origins from which a store's pages speak."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from kiki.commerce.collectors import CollectorStore
from kiki.kit.errors import NotFound, PermissionDenied

_KNOWN_SECONDS = 30.0
_UNKNOWN_SECONDS = 3.0
_MAX_ENTRIES = 10_000
_LOOKUPS_AT_ONCE = 2
"""The pool is shared with routes that matter more."""


class UnknownKey(NotFound):
    """No connected store has this collector key."""

    reason = "UNKNOWN_COLLECTOR_KEY"


class ForeignOrigin(PermissionDenied):
    """The page is on a host that is not the shop's."""

    reason = "ORIGIN_NOT_ALLOWED"


Look = Callable[[str], Awaitable[CollectorStore | None]]


class CollectorStores:
    """A bounded cache over the store table."""

    def __init__(self, look: Look, monotonic: Callable[[], float], max_entries: int = _MAX_ENTRIES) -> None:
        self._look = look
        self._monotonic = monotonic
        self._max_entries = max_entries
        self._entries: OrderedDict[str, tuple[CollectorStore | None, float]] = OrderedDict()
        self._lookups = asyncio.Semaphore(_LOOKUPS_AT_ONCE)

    async def get(self, key: str) -> CollectorStore:
        """The store with this key; raises `UnknownKey`."""
        store = self._cached(key)
        if store is None:
            async with self._lookups:
                store = self._cached(key) or await self._load(key)
        if store is None or isinstance(store, _Absent):
            raise UnknownKey("no connected store has this collector key")
        return store

    def forget(self) -> None:
        """A store's rules or key changed here."""
        self._entries.clear()

    def _cached(self, key: str) -> CollectorStore | _Absent | None:
        entry = self._entries.get(key)
        if entry is None or entry[1] <= self._monotonic():
            return None
        return entry[0] or _ABSENT

    async def _load(self, key: str) -> CollectorStore | None:
        store = await self._look(key)
        seconds = _UNKNOWN_SECONDS if store is None else _KNOWN_SECONDS
        self._entries.pop(key, None)
        if len(self._entries) >= self._max_entries:
            self._entries.popitem(last=False)
        self._entries[key] = (store, self._monotonic() + seconds)
        return store


class _Absent:
    """Looked up, and not there."""


_ABSENT = _Absent()


def check_origin(store: CollectorStore, origin: str) -> None:
    """Raises `ForeignOrigin` for a page on another host. No origin at all is no page: a server, or an old browser.

    Shopify's custom pixels run in a frame whose origin is `null`.
    """
    if not origin or (origin == "null" and store.platform == "shopify"):
        return
    if _host(origin) not in allowed_hosts(store):
        raise ForeignOrigin(
            "the page is not on a host of this shop; `kiki stores set STORE_ID shop_domains=…` adds hosts"
        )


def allowed_hosts(store: CollectorStore) -> frozenset[str]:
    """The shop's hosts: its key's, and those of its rules; each with and without `www.`."""
    hosts = {store.store_key.partition("/")[0].lower(), *store.settings.shop_domains}
    plain = {host.removeprefix("www.") for host in hosts}
    return frozenset(plain | {f"www.{host}" for host in plain})


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
