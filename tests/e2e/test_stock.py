"""What cannot be sold is not advertised: from the webhook to the ad network."""

from __future__ import annotations

import secrets

import pytest

from e2e.mesh import NETWORK_TOKEN, Mesh, Shop
from e2e.payloads import ago, campaign, woo_product
from kiki.sandbox.ad_network import Campaign, ProductAds

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def advertised(mesh: Mesh, shop: Shop, *product_ids: int) -> str:
    """A campaign for these products, running at the network and registered with SyncFlow."""
    campaign_id = f"c-{secrets.token_hex(4)}"
    ads = [ProductAds(str(product_id)) for product_id in product_ids]
    mesh.network.put(Campaign(campaign_id, "Shoes", "EUR", 120, 5000, ads))
    connection = {"base_url": mesh.network_url, "token": NETWORK_TOKEN}
    await mesh.send("PUT", f"/internal/ad-networks/{shop.store_id}/google", connection)
    body = {"campaigns": [campaign(campaign_id, *product_ids)]}
    await mesh.send("POST", f"/internal/campaigns/{shop.store_id}", body)
    return campaign_id


async def test_a_status_without_a_quantity_pauses_and_resumes(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce", settings={"resume_damping_seconds": 0})
    campaign_id = await advertised(mesh, shop, 456)
    await shop.deliver("product.updated", woo_product(456, modified=ago(minutes=3)))
    await mesh.settled()
    assert mesh.network.is_running(campaign_id, "456")

    await shop.deliver("product.updated", woo_product(456, stock_status="outofstock", modified=ago(minutes=2)))
    await mesh.network.wait_until(lambda network: not network.is_running(campaign_id, "456"))

    await shop.deliver("product.updated", woo_product(456, modified=ago(minutes=1)))
    await mesh.network.wait_until(lambda network: network.is_running(campaign_id, "456"))


async def test_a_campaign_of_two_products_loses_only_the_one_that_is_sold_out(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    campaign_id = await advertised(mesh, shop, 1, 2)
    for product_id in (1, 2):
        await shop.deliver("product.updated", woo_product(product_id, modified=ago(minutes=3)))
    await shop.deliver("product.updated", woo_product(1, stock_status="outofstock", modified=ago(minutes=2)))
    await mesh.network.wait_until(lambda network: not network.is_running(campaign_id, "1"))
    assert mesh.network.is_running(campaign_id, "2")

    await shop.deliver("product.updated", woo_product(2, stock_status="outofstock", modified=ago(minutes=2)))
    await mesh.network.wait_until(lambda network: network.get(campaign_id).status == "paused")


async def test_an_older_stockout_that_comes_late_does_not_pause(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    campaign_id = await advertised(mesh, shop, 3)
    await shop.deliver("product.updated", woo_product(3, modified=ago(minutes=1)))
    await shop.deliver("product.updated", woo_product(3, stock_status="outofstock", modified=ago(minutes=9)))
    await mesh.settled()
    assert mesh.network.is_running(campaign_id, "3")


async def test_a_person_keeps_the_last_word(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce", settings={"resume_damping_seconds": 0})
    campaign_id = await advertised(mesh, shop, 4)
    await shop.deliver("product.updated", woo_product(4, modified=ago(minutes=5)))
    await shop.deliver("product.updated", woo_product(4, stock_status="outofstock", modified=ago(minutes=4)))
    await mesh.network.wait_until(lambda network: not network.is_running(campaign_id, "4"))
    await mesh.send("POST", f"/internal/products/{shop.store_id}/4/ads/pause", {"reason": "recall"})

    await shop.deliver("product.updated", woo_product(4, modified=ago(minutes=3)))
    await mesh.settled()
    assert not mesh.network.is_running(campaign_id, "4")


async def test_low_stock_halves_the_bid_and_restock_restores_it(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    campaign_id = await advertised(mesh, shop, 5)
    tracked = {"manage_stock": True}
    await shop.deliver("product.updated", woo_product(5, stock_quantity=50, modified=ago(minutes=5), **tracked))
    await shop.deliver("product.updated", woo_product(5, stock_quantity=2, modified=ago(minutes=4), **tracked))
    await mesh.network.wait_until(lambda network: network.get(campaign_id).bid_minor == 60)
    await shop.deliver("product.updated", woo_product(5, stock_quantity=60, modified=ago(minutes=3), **tracked))
    await mesh.network.wait_until(lambda network: network.get(campaign_id).bid_minor == 120)


async def test_a_deleted_product_is_not_advertised(mesh: Mesh) -> None:
    shop = await mesh.add_store("shopify")
    campaign_id = await advertised(mesh, shop, 77)
    product = {
        "id": 77,
        "title": "Shoe",
        "status": "active",
        "updated_at": ago(minutes=5).isoformat(),
        "variants": [
            {"id": 770, "product_id": 77, "price": "10.00", "inventory_policy": "deny", "inventory_quantity": 4}
        ],
    }
    await shop.deliver("products/create", product)
    await shop.deliver("products/delete", {"id": 77})
    await mesh.network.wait_until(lambda network: not network.is_running(campaign_id, "77"))
