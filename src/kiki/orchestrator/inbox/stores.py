"""What decoding needs to know of a store, cached for a while."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from kiki.kit.clock import monotonic
from kiki.kit.database import Connection
from kiki.platforms.protocol import StoreContext

_KEPT_SECONDS = 60.0
_LOAD = """
SELECT store_id, currency, timezone, connected_at FROM commerce.store_connections WHERE store_id = ANY($1::bigint[])"""


class StoreContexts(Protocol):
    """Where the worker gets a store's currency, time zone and connection from."""

    async def get(self, connection: Connection, store_ids: Collection[int]) -> Mapping[int, StoreContext]:
        """The known ones of the stores."""
        ...


class CachedStoreContexts:
    """Reads `commerce.store_connections` and remembers for a minute."""

    def __init__(self) -> None:
        self._known: dict[int, StoreContext] = {}
        self._until = 0.0

    async def get(self, connection: Connection, store_ids: Collection[int]) -> Mapping[int, StoreContext]:
        """The known ones of the stores; those that are not known are asked for every time."""
        now = monotonic()
        if now > self._until:
            self._known.clear()
            self._until = now + _KEPT_SECONDS
        missing = [store_id for store_id in store_ids if store_id and store_id not in self._known]
        if missing:
            for row in await connection.fetch(_LOAD, missing):
                self._known[row[0]] = StoreContext(*row)
        return self._known
