"""The four lines of the specification work as written, run by curl."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import shutil
from pathlib import Path

import pytest

from e2e.mesh import Mesh

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


async def curl(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        "curl", "-s", "-w", "\n%{http_code}", *arguments, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    body, _, status = printed.decode().rpartition("\n")
    return int(status), body


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


async def test_a_shopify_order_from_a_file(mesh: Mesh, tmp_path: Path) -> None:
    shop = await mesh.add_store("shopify")
    order = tmp_path / "order.json"
    order.write_text(json.dumps({"id": 1, "created_at": "2026-11-01T10:00:00Z", "currency": "EUR"}))
    # `-d @file` sends the file without its line ends
    status, _ = await curl(
        "-X", "POST", f"{mesh.http.base_url}/webhooks/shopify/orders/create",
        "-H", f"X-Shopify-Hmac-Sha256: {signature(shop.secret, order.read_bytes())}",
        "-H", f"X-Shopify-Shop-Domain: {shop.key}",
        "-d", f"@{order}",
    )  # fmt: skip
    assert status == 200


async def test_a_woocommerce_product_that_is_sold_out(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    body = '{"id":456,"stock_status":"outofstock"}'
    status, _ = await curl(
        "-X", "POST", f"{mesh.http.base_url}/webhooks/woocommerce/product.updated",
        "-H", f"X-WC-Webhook-Signature: {signature(shop.secret, body.encode())}",
        "-H", f"X-WC-Webhook-Source: https://{shop.key}",
        "-d", body,
    )  # fmt: skip
    assert status == 200
    await mesh.settled()
    assert await mesh.endings(shop.store_id) == [("settled", "")]


async def test_a_sync_is_accepted(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce")
    status, body = await curl(
        "-X", "POST", f"{mesh.http.base_url}/internal/sync/products/{shop.store_id}",
        "-H", f"x-internal-api-key: {mesh.api_key}",
    )  # fmt: skip
    assert status == 202
    assert json.loads(body)["job_id"]


async def test_a_statement_is_given(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce", connected_at="2023-06-01T00:00:00Z")
    await mesh.settled()
    status, body = await curl(
        f"{mesh.http.base_url}/reports/oaas/monthly/{shop.store_id}?year=2024&month=1",
        "-H", f"x-internal-api-key: {mesh.api_key}",
    )  # fmt: skip
    assert status == 200, body
    report = json.loads(body)
    assert report["store"]["store_id"] == shop.store_id
    assert (report["statement"]["year"], report["statement"]["month"]) == (2024, 1)
    assert report["statement"]["fee"] == {"amount": "0.00", "currency": "EUR"}
