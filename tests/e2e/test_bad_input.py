"""Whatever a sender writes gets the answer that it should, and nothing that was answered 200 is lost."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from e2e.mesh import Mesh, Shop
from e2e.payloads import ago, woo_order, woo_product

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def no_traceback(mesh: Mesh) -> AsyncIterator[None]:
    """Whatever comes in, nothing is surprised by it."""
    before = len(mesh.log())
    yield
    assert "Traceback" not in mesh.log()[before:]


async def outcome(mesh: Mesh, shop: Shop) -> tuple[str, str]:
    """Status and reason of the shop's only delivery."""
    await mesh.settled()
    (ending,) = await mesh.endings(shop.store_id)
    return ending


async def test_a_wrong_signature_is_refused_and_its_body_is_not_kept(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    answer = await shop.deliver("order.created", woo_order(1), headers={"X-WC-Webhook-Signature": "bm90IHJpZ2h0"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert await mesh.kept(shop.store_id) == 0


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
async def test_an_unknown_store_is_refused(mesh: Mesh, platform: str) -> None:
    headers = {
        "X-Shopify-Shop-Domain": "nobody.myshopify.com",
        "X-WC-Webhook-Source": "https://nobody.example/",
        "X-Shopify-Hmac-Sha256": "AAAA",
        "X-WC-Webhook-Signature": "AAAA",
    }
    answer = await mesh.http.post(f"/webhooks/{platform}/orders/create", content=b"{}", headers=headers)
    assert answer.status_code == 401


async def test_a_missing_signature_is_refused(mesh: Mesh) -> None:
    shop = await mesh.add_store("shopify")
    headers = {"X-Shopify-Shop-Domain": shop.key, "X-Shopify-Topic": "orders/create"}
    answer = await mesh.http.post("/webhooks/shopify/orders/create", content=b"{}", headers=headers)
    assert answer.status_code == 401


async def test_twenty_megabytes_are_too_much(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    answer = await shop.deliver("order.created", b'{"id":1,"x":"' + b"x" * 20_000_000 + b'"}')
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"id": 1, "stat', "broken"),
        (b"", "empty"),
        (b"[]", "not an object"),
        (b"\xff\xfe\x00", "not text"),
        (b'{"id": 12}', "fields missing"),
        (b'{"id": {"$gt": ""}, "line_items": []}', "an id of another kind"),
    ],
)
async def test_a_body_that_cannot_be_used_is_kept_as_a_dead_letter(mesh: Mesh, body: bytes, why: str) -> None:
    shop = await mesh.add_store("woocommerce")
    answer = await shop.deliver("order.created", body)
    assert answer.status_code == 200, why
    status, reason = await outcome(mesh, shop)
    assert (status, bool(reason)) == ("dead", True), why


async def test_a_topic_that_nobody_handles_is_kept_and_ignored(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    answer = await shop.deliver("action.wc_custom_thing", {"action": "x", "arg": 1})
    assert answer.status_code == 200
    assert (await outcome(mesh, shop))[0] == "ignored"


async def test_a_topic_that_differs_from_its_url_is_a_dead_letter(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    answer = await shop.deliver("order.created", woo_order(1), headers={"X-WC-Webhook-Topic": "order.deleted"})
    assert answer.status_code == 200
    assert await outcome(mesh, shop) == ("dead", "TOPIC_MISMATCH")


@pytest.mark.parametrize(
    "change",
    [
        {"billing": {"first_name": "نور", "last_name": "🛒", "email": "", "phone": ""}},
        {"id": 9_007_199_254_740_993},
        {"customer_id": 0, "billing": None},
        {"currency": "JPY", "total": "23600", "total_tax": "0"},
        {"currency": "KWD", "total": "12.345", "total_tax": "0"},
    ],
)
async def test_unusual_orders_are_understood(mesh: Mesh, change: dict[str, Any]) -> None:
    shop = await mesh.add_store("woocommerce")
    order = {**woo_order(41), **change}
    assert (await shop.deliver("order.created", order)).status_code == 200
    assert (await outcome(mesh, shop))[0] == "settled"
    kept = await mesh.sql("SELECT order_id FROM commerce.orders WHERE store_id = $1", shop.store_id)
    assert kept == str(order["id"])


async def test_a_shopify_order_without_a_customer_and_with_a_large_id_is_understood(mesh: Mesh) -> None:
    shop = await mesh.add_store("shopify")
    at = ago(minutes=2).isoformat()
    order = {
        "id": 820982911946154508,
        "name": "#1001",
        "created_at": at,
        "updated_at": at,
        "processed_at": at,
        "financial_status": "paid",
        "currency": "USD",
        "total_price": "10.00",
        "subtotal_price": "10.00",
        "total_tax": "0.00",
        "customer": None,
        "email": "",
        "line_items": [{"id": 1, "product_id": None, "title": "شاي", "quantity": 1, "price": "10.00"}],
    }
    body = json.dumps(order, ensure_ascii=False).encode()
    assert (await shop.deliver("orders/create", body)).status_code == 200
    assert (await outcome(mesh, shop))[0] == "settled"
    kept = await mesh.sql("SELECT order_id FROM commerce.orders WHERE store_id = $1", shop.store_id)
    assert kept == "820982911946154508"


async def test_a_hex_signature_and_the_new_header_family_are_accepted(mesh: Mesh) -> None:
    shop = await mesh.add_store("shopify")
    body = json.dumps({"id": 5}).encode()
    signed = shop.signed("products/delete", body)
    hexed = base64.b64decode(signed["X-Shopify-Hmac-Sha256"]).hex()
    answer = await shop.deliver("products/delete", body, headers={"X-Shopify-Hmac-Sha256": hexed})
    assert answer.status_code == 200
    newer = {
        "shopify-topic": "products/delete",
        "shopify-shop-domain": shop.key,
        "shopify-hmac-sha256": signed["X-Shopify-Hmac-Sha256"],
        "shopify-event-id": "another",
        "shopify-webhook-id": "another",
        "shopify-api-version": "2026-04",
    }
    answer = await mesh.http.post("/webhooks/shopify/products/delete", content=body, headers=newer)
    assert answer.status_code == 200


async def test_the_creation_ping_gets_exactly_200_and_stores_nothing(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/webhooks/woocommerce/order.created", f"/webhooks/woocommerce/s/{shop.token}/order.created"):
        assert (await mesh.http.post(path, content=b"webhook_id=1", headers=form)).status_code == 200
    assert await mesh.kept(shop.store_id) == 0


async def test_the_same_delivery_twice_is_stored_once(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    same = {"X-WC-Webhook-Delivery-ID": "1" * 32}
    for _ in range(3):
        assert (await shop.deliver("product.updated", woo_product(1), headers=same)).status_code == 200
    assert await mesh.kept(shop.store_id) == 1


async def test_guarded_routes_want_the_key(mesh: Mesh) -> None:
    for path in ("/internal/stores", "/reports/oaas/monthly/1?year=2024&month=1"):
        for headers in ({}, {"x-internal-api-key": "wrong"}):
            answer = await mesh.http.get(path, headers=headers)
            assert answer.status_code == 403
            assert answer.headers["content-type"] == "application/problem+json"
