"""The recorded requests of real WooCommerce stores, sent as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from e2e.mesh import Mesh, Shop

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

RECORDED = Path(__file__).parent.parent / "recorded" / "woocommerce"
SECRET = "acceptance-secret"
REFUSED = "047-product.updated"


def recorded(folder: str) -> list[tuple[str, dict[str, Any]]]:
    return [(path.stem, json.loads(path.read_text())) for path in sorted((RECORDED / folder).glob("*.json"))]


async def send_all(mesh: Mesh, shop: Shop, folder: str) -> dict[str, int]:
    """Send each request with its own headers and body; the status of each."""
    statuses = {}
    for name, request in recorded(folder):
        headers = {key: value for key, value in request["headers"] if key.lower() not in ("host", "content-length")}
        topic = name.split("-", 1)[1] if not name.endswith("ping") else "order.created"
        path = f"/webhooks/woocommerce/s/{shop.token}/{topic}"
        answer = await mesh.http.post(path, content=request["body"].encode(), headers=headers)
        statuses[name] = answer.status_code
    return statuses


async def test_the_recorded_deliveries_give_the_state_of_their_store(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce", webhook_secret=SECRET)
    statuses = await send_all(mesh, shop, "deliveries")
    assert statuses.pop(REFUSED) == 401
    assert set(statuses.values()) == {200}
    await mesh.settled()

    deliveries = [request for name, request in recorded("deliveries") if not name.endswith("ping") and name != REFUSED]
    assert await mesh.kept(shop.store_id) == len(deliveries)
    endings = await mesh.endings(shop.store_id)
    assert len(endings) == len(deliveries)
    errors = [request for request in deliveries if request["body"].startswith('{"code":')]
    dead = [reason for status, reason in endings if status == "dead"]
    assert dead == ["REST_ERROR_PAYLOAD"] * len(errors)
    assert len(errors) == 1

    orders = (await mesh.get(f"/internal/orders/{shop.store_id}"))["orders"]
    state = {
        order["order_id"]: (order["status"], order["total"]["amount"], order["refunded"]["amount"]) for order in orders
    }
    assert state == {
        "16": ("refunded", "50.00", "50.00"),
        "17": ("processing", "45.00", "0.00"),
    }
    products = (await mesh.get(f"/internal/products/{shop.store_id}"))["products"]
    assert {product["product_id"]: (product["sellable"], product["deleted"]) for product in products} == {
        "11": (False, False),
        "12": (False, True),
    }
    variants = await mesh.rows(
        "SELECT variant_id, quantity FROM commerce.variants WHERE store_id = $1 AND product_id <> variant_id",
        shop.store_id,
    )
    assert {row[0]: row[1] for row in variants} == {"14": 3, "15": 0, "31": 0}
    assert (await mesh.effects("syncvalue", shop.store_id))["UpdateCustomerLTV"] >= 3
    audited = (await mesh.effects("syncshield", shop.store_id))["LogWebhookEvent"]
    assert audited == len(deliveries)


async def test_the_same_holds_for_an_older_version(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce", webhook_secret=SECRET)
    statuses = await send_all(mesh, shop, "deliveries-8.2.2")
    assert set(statuses.values()) == {200}
    await mesh.settled()
    assert await mesh.endings(shop.store_id) == [("settled", "")] * (len(statuses) - 1)


async def test_sending_all_again_changes_nothing(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce", webhook_secret=SECRET)
    await send_all(mesh, shop, "deliveries")
    await mesh.settled()
    before = {agent: await mesh.effects(agent, shop.store_id) for agent in ("syncvalue", "syncledger", "syncengage")}
    await send_all(mesh, shop, "deliveries")
    await mesh.settled()
    assert {agent: await mesh.effects(agent, shop.store_id) for agent in before} == before


async def test_a_hundred_different_deliveries_with_one_delivery_id_are_all_kept(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    one_id = {"X-WC-Webhook-Delivery-ID": "0" * 32}
    for number in range(100):
        body = {"id": 5000 + number, "name": f"Shoe {number}", "type": "simple", "status": "publish", "price": "1.00"}
        answer = await shop.deliver("product.created", body, headers=one_id)
        assert answer.status_code == 200
    await mesh.settled()
    assert await mesh.endings(shop.store_id) == [("settled", "")] * 100
