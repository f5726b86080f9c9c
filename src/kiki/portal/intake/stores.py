"""Which store a delivery is for, and the secrets that it may be signed with: a bounded cache over the store table."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kiki.commerce.stores import IntakeStore
from kiki.portal.errors import Overloaded

_KNOWN_SECONDS = 30.0
_UNKNOWN_SECONDS = 3.0
_RELOAD_SECONDS = 5.0
_MAX_ENTRIES = 20_000
_MAX_LOOKUPS = 32
_FOR_EVER = float("inf")


class StoreName(NamedTuple):
    """How a delivery names its store: by the token of its URL, else by what the platform's header says."""

    platform: str
    token: str | None
    store_key: str | None


@dataclass(frozen=True, slots=True)
class SigningStore:
    """What the hot path needs of a store."""

    store_id: int
    secrets: tuple[str, ...] = field(repr=False)
    """Current, previous, then those that hold for every store of the platform."""


@dataclass(slots=True)
class Entry:
    """What is known of a name."""

    store: SigningStore | None
    """None: there is no such store."""
    expires_at: float
    reload_after: float


_NAMELESS = Entry(None, _FOR_EVER, _FOR_EVER)

Look = Callable[[StoreName], Awaitable[IntakeStore | None]]
"""Reads the store table. Raises `Unavailable` when it cannot be read in time."""


class StoreCache:
    """Found stores for half a minute, unknown ones for three seconds; both bounded, look-ups shared and bounded too."""

    def __init__(self, look: Look, app_secrets: Mapping[str, tuple[str, ...]], monotonic: Callable[[], float]) -> None:
        self._look = look
        self._app_secrets = app_secrets
        self._monotonic = monotonic
        self._known: dict[StoreName, Entry] = {}
        self._unknown: dict[StoreName, Entry] = {}
        self._lookups: dict[StoreName, asyncio.Task[SigningStore | None]] = {}

    def cached(self, name: StoreName) -> Entry | None:
        """What is known of the name without reading the table; None when it has to be looked up."""
        entry = self._known.get(name) or self._unknown.get(name)
        if entry is not None and entry.expires_at > self._monotonic():
            return entry
        return _NAMELESS if name.token is None and name.store_key is None else None

    async def find(self, name: StoreName) -> SigningStore | None:
        """The store, or None. Raises `Unavailable` when it is not cached and cannot be looked up."""
        entry = self.cached(name)
        return entry.store if entry is not None else await self._look_up(name)

    def may_reload(self, name: StoreName) -> bool:
        """Whether `reload` would read the table: not when it did a moment ago."""
        entry = self._known.get(name)
        return entry is not None and self._monotonic() >= entry.reload_after

    async def reload(self, name: StoreName) -> SigningStore | None:
        """The store as it is now, after a signature did not match; None when it was reloaded a moment ago."""
        if not self.may_reload(name):
            return None
        self._known[name].reload_after = self._monotonic() + _RELOAD_SECONDS
        return await self._look_up(name)

    def forget(self) -> None:
        """Drop everything: a store was added here, or its secret changed."""
        self._known.clear()
        self._unknown.clear()

    async def _look_up(self, name: StoreName) -> SigningStore | None:
        task = self._lookups.get(name)
        if task is None:
            if len(self._lookups) >= _MAX_LOOKUPS:
                raise Overloaded("too many stores are being looked up")
            task = asyncio.create_task(self._load(name))
            self._lookups[name] = task
            task.add_done_callback(lambda _: self._lookups.pop(name, None))
        return await asyncio.shield(task)

    async def _load(self, name: StoreName) -> SigningStore | None:
        found = await self._look(name)
        now = self._monotonic()
        if found is None:
            self._known.pop(name, None)
            _put(self._unknown, name, Entry(None, now + _UNKNOWN_SECONDS, now))
            return None
        store = SigningStore(found.store_id, (*found.secrets, *self._app_secrets.get(name.platform, ())))
        before = self._known.get(name)
        reload_after = before.reload_after if before is not None else now
        self._unknown.pop(name, None)
        _put(self._known, name, Entry(store, now + _KNOWN_SECONDS, reload_after))
        return store


def _put(entries: dict[StoreName, Entry], name: StoreName, entry: Entry) -> None:
    """Insert; the oldest entry goes when there is no room."""
    if name not in entries and len(entries) >= _MAX_ENTRIES:
        del entries[next(iter(entries))]
    entries[name] = entry
