"""Change what a store's orders are decided by."""

from __future__ import annotations

from typing import Any

import msgspec

from integration.orchestrator.workflows.shop import Shop
from kiki.commerce.stores import StoreRepository


async def rules(shop: Shop, **changes: Any) -> None:
    """Change the store's settings."""
    async with shop.database.transaction() as connection:
        stores = StoreRepository(shop.sealer)
        store = await stores.get(connection, shop.store_id)
        await stores.change_settings(connection, shop.store_id, msgspec.structs.replace(store.settings, **changes))
