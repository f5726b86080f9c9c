"""A sync of a Shopify catalogue tells the stock at every location, decided by a real worker."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from integration.portal.mesh import running_mesh
from integration.portal.running import Portal
from integration.portal.scenes import connect, scene_of
from integration.portal.test_sync import sync

_KNOWN = """
SELECT v.variant_id, i.levels_complete, l.location_id, l.available
FROM commerce.variants v JOIN commerce.inventory_items i USING (store_id, inventory_item_id)
JOIN commerce.inventory_levels l USING (store_id, inventory_item_id)
"""
_WAITING = "SELECT count(*) AS n FROM inbox.queue"


async def worked_off(portal: Portal) -> None:
    async with asyncio.timeout(60):
        while (await portal.rows(_WAITING))[0]["n"]:
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_every_level_of_every_location_is_known_after_a_sync(council_dsn: str) -> None:
    async with scene_of("shopify", age=dt.timedelta(days=10)) as scene, running_mesh(council_dsn) as portal:
        items = [item for product in scene.world.products for item in product.items]
        items[0].stock = {1: 5, 2: -3}
        items[1].stock = {1: 0, 2: 0}
        store_id = await connect(portal, scene)
        first = await sync(portal, "products", store_id)
        assert first["status"] == "succeeded", first
        await worked_off(portal)
        known = {(row["variant_id"], row["location_id"]): row["available"] for row in await portal.rows(_KNOWN)}
        assert known == {
            (str(item.item_id), str(place)): units for item in items for place, units in item.stock.items()
        }
        assert all(row["levels_complete"] for row in await portal.rows(_KNOWN))
        states = {
            row["product_id"]: (row["sellable"], row["quantity"])
            for row in await portal.rows("SELECT product_id, sellable, quantity FROM commerce.product_states")
        }
        for product in scene.world.products:
            sellable, quantity = states[str(product.product_id)]
            assert sellable == product.is_sellable
            if all(item.tracked and not item.may_oversell for item in product.items):
                assert quantity == sum(item.quantity for item in product.items), "negatives count as none"
        again = await sync(portal, "products", store_id)
        assert again["result"]["new_deliveries"] == 0
