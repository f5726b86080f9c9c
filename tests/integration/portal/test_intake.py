"""Webhooks over real HTTP into a real PostgreSQL."""

from __future__ import annotations

import asyncio
import hmac
import json
import threading
from pathlib import Path

import pytest

from integration.portal.running import SECRET, SHOP, SITE, Portal, running_portal, sign, woo_headers
from kiki.platforms.woocommerce.platform import WooCommerce

BODY = b'{"id":456,"stock_status":"outofstock"}'
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_curl_line_without_topic_header_and_with_a_form_content_type_is_stored(portal: Portal) -> None:
    await portal.add_store()
    answer = await portal.http.post(
        "/webhooks/woocommerce/product.updated", content=BODY, headers=woo_headers(BODY) | FORM
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert await portal.bodies() == [BODY]
    rows = await portal.rows("SELECT topic, origin, lane FROM inbox.deliveries")
    assert rows == [{"topic": "product.updated", "origin": "webhook", "lane": 1}]
    assert len(await portal.rows("SELECT 1 FROM inbox.queue")) == 1


@pytest.mark.parametrize("encoding", ["base64", "hex"])
@pytest.mark.parametrize("family", ["x-shopify-", "shopify-"])
async def test_both_shopify_header_families_and_encodings_are_taken(portal: Portal, encoding: str, family: str) -> None:
    await portal.add_store("shopify", SHOP)
    body = b'{"id": 1}'
    signature = sign(body) if encoding == "base64" else hmac.digest(SECRET.encode(), body, "sha256").hex()
    headers = {f"{family}hmac-sha256": signature, f"{family}shop-domain": SHOP, f"{family}topic": "orders/create"}
    answer = await portal.http.post("/webhooks/shopify/orders/create", content=body, headers=headers)
    assert answer.status_code == 200
    assert await portal.bodies() == [body]


async def test_the_apps_secret_signs_for_every_shop(portal_dsn: str) -> None:
    async with running_portal(portal_dsn, shopify_api_secret="app-wide-secret") as portal:
        await portal.add_store("shopify", SHOP, secret="another")
        headers = {"x-shopify-hmac-sha256": sign(BODY, "app-wide-secret"), "x-shopify-shop-domain": SHOP}
        answer = await portal.http.post("/webhooks/shopify/orders/create", content=BODY, headers=headers)
        assert answer.status_code == 200


async def test_the_token_of_the_url_finds_the_store(portal: Portal) -> None:
    shop = await portal.add_store()
    headers = {"x-wc-webhook-signature": sign(BODY)}
    answer = await portal.http.post(
        f"/webhooks/woocommerce/s/{shop.token}/product.updated", content=BODY, headers=headers
    )
    assert answer.status_code == 200
    assert await portal.rows("SELECT store_id FROM inbox.deliveries") == [{"store_id": shop.store_id}]


@pytest.mark.parametrize(
    ("case", "headers"),
    [
        ("wrong secret", woo_headers(BODY, secret="other")),
        ("missing", {"x-wc-webhook-source": SITE}),
        ("malformed", {"x-wc-webhook-signature": "%%%", "x-wc-webhook-source": SITE}),
        ("unknown store", woo_headers(BODY) | {"x-wc-webhook-source": "https://elsewhere.example"}),
        ("no store", {"x-wc-webhook-signature": sign(BODY)}),
    ],
)
async def test_refused_deliveries_get_401_and_leave_nothing(portal: Portal, case: str, headers: dict[str, str]) -> None:
    await portal.add_store()
    answer = await portal.http.post("/webhooks/woocommerce/product.updated", content=BODY, headers=headers)
    assert answer.status_code == 401, case
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "UNAUTHENTICATED"
    assert await portal.bodies() == []


async def test_refusals_are_audited_summed_up(portal_dsn: str) -> None:
    async with running_portal(portal_dsn) as portal:
        await portal.add_store()
        for _ in range(5):
            await portal.http.post(
                "/webhooks/woocommerce/product.updated", content=BODY, headers=woo_headers(BODY, secret="other")
            )
        await portal.http.post("/webhooks/woocommerce/product.updated", content=BODY)
        metrics = (await portal.http.get("/metrics")).text
    assert 'kiki_webhooks_refused_total{platform="woocommerce",reason="BAD_SIGNATURE"} 5.0' in metrics
    async with running_portal(portal_dsn) as portal:
        rows = await portal.rows("SELECT method, store_id, subject FROM calls.queue ORDER BY store_id")
    assert rows == [
        {"method": "LogWebhookEvent", "store_id": 0, "subject": "refused:woocommerce"},
        {"method": "LogWebhookEvent", "store_id": 1, "subject": "refused:woocommerce"},
    ]


async def test_the_creation_ping_gets_exactly_200_and_leaves_nothing(portal: Portal) -> None:
    for path in ("/webhooks/woocommerce/order.created", "/webhooks/woocommerce/s/unknown-token/order.created"):
        answer = await portal.http.post(path, content=b"webhook_id=1", headers=FORM)
        assert (answer.status_code, answer.content) == (200, b"")
    assert await portal.bodies() == []


async def test_a_repeated_delivery_is_answered_and_stored_once(portal: Portal) -> None:
    await portal.add_store()
    headers = woo_headers(BODY, x_wc_webhook_id="3", x_wc_webhook_delivery_id="d")
    answers = await asyncio.gather(
        *(portal.http.post("/webhooks/woocommerce/product.updated", content=BODY, headers=headers) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert await portal.bodies() == [BODY]


async def test_different_deliveries_with_one_delivery_id_are_all_kept(portal: Portal) -> None:
    await portal.add_store()
    bodies = [b'{"id":%d}' % number for number in range(100)]
    answers = await asyncio.gather(
        *(
            portal.http.post(
                "/webhooks/woocommerce/product.created",
                content=body,
                headers=woo_headers(body, x_wc_webhook_id="3", x_wc_webhook_delivery_id="same"),
            )
            for body in bodies
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(await portal.bodies()) == sorted(bodies)


async def test_a_topic_that_differs_from_the_url_is_a_dead_letter(portal: Portal) -> None:
    await portal.add_store()
    headers = woo_headers(BODY, x_wc_webhook_topic="order.created")
    answer = await portal.http.post("/webhooks/woocommerce/product.updated", content=BODY, headers=headers)
    assert answer.status_code == 200
    assert await portal.rows("SELECT reason FROM inbox.dead_letters") == [{"reason": "TOPIC_MISMATCH"}]
    assert await portal.rows("SELECT 1 FROM inbox.queue") == []


async def test_an_ill_formed_topic_with_a_right_signature_is_kept_as_a_dead_letter(portal: Portal) -> None:
    await portal.add_store()
    answer = await portal.http.post(
        "/webhooks/woocommerce/product%00%20up%0Adated", content=BODY, headers=woo_headers(BODY)
    )
    assert answer.status_code == 200
    assert await portal.rows("SELECT reason FROM inbox.dead_letters") == [{"reason": "BAD_TOPIC"}]


async def test_an_unknown_topic_is_kept_for_later(portal: Portal) -> None:
    await portal.add_store()
    answer = await portal.http.post("/webhooks/woocommerce/coupon.created", content=BODY, headers=woo_headers(BODY))
    assert answer.status_code == 200
    assert len(await portal.rows("SELECT 1 FROM inbox.queue")) == 1


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_gets_413(portal: Portal, chunked: bool) -> None:
    await portal.add_store()
    body = b"x" * (20 * 2**20)

    async def parts():
        for at in range(0, len(body), 2**16):
            yield body[at : at + 2**16]

    answer = await portal.http.post(
        "/webhooks/woocommerce/product.updated", content=parts() if chunked else body, headers=woo_headers(b"x")
    )
    assert answer.status_code == 413
    assert (await portal.http.get("/healthz")).status_code == 200
    assert await portal.bodies() == []


async def test_a_large_body_is_verified_and_stored(portal: Portal) -> None:
    await portal.add_store()
    body = json.dumps({"id": 1, "text": "é" * 900_000}).encode()
    answer = await portal.http.post("/webhooks/woocommerce/product.updated", content=body, headers=woo_headers(body))
    assert answer.status_code == 200
    assert await portal.bodies() == [body]


async def test_a_large_body_that_waits_too_long_for_its_check_is_503(
    portal_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = threading.Event()
    monkeypatch.setattr(WooCommerce, "verify", lambda *_: checked.wait())
    async with running_portal(portal_dsn, answer_deadline_seconds=0.2) as portal:
        await portal.add_store()
        try:
            body = b" " * 2**20
            answer = await portal.http.post("/webhooks/woocommerce/x", content=body, headers=woo_headers(body))
        finally:
            checked.set()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert await portal.bodies() == []


async def test_expect_100_continue_works(portal: Portal) -> None:
    await portal.add_store()
    reader, writer = await asyncio.open_connection("127.0.0.1", portal.port)
    head = "".join(f"{name}: {text}\r\n" for name, text in woo_headers(BODY).items())
    writer.write(
        f"POST /webhooks/woocommerce/product.updated HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n{head}"
        f"content-length: {len(BODY)}\r\n\r\n".encode()
    )
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 100")
    await reader.readline()
    writer.write(BODY)
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 200")
    writer.close()
    await writer.wait_closed()


async def test_a_body_that_does_not_arrive_gets_408(portal_dsn: str) -> None:
    async with running_portal(portal_dsn, body_timeout_seconds=0.2) as portal:
        await portal.add_store()
        reader, writer = await asyncio.open_connection("127.0.0.1", portal.port)
        head = "".join(f"{name}: {text}\r\n" for name, text in woo_headers(BODY).items())
        writer.write(
            f"POST /webhooks/woocommerce/product.updated HTTP/1.1\r\nhost: x\r\n{head}"
            "content-length: 50\r\n\r\n{".encode()
        )
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 408")
        writer.close()
        await writer.wait_closed()


async def test_a_new_secret_counts_at_once_and_the_old_one_goes_on(portal: Portal) -> None:
    shop = await portal.add_store()
    path = "/webhooks/woocommerce/product.updated"
    assert (await portal.http.post(path, content=BODY, headers=woo_headers(BODY))).status_code == 200
    from kiki.commerce.stores import StoreRepository

    async with portal.database.transaction() as connection:
        await StoreRepository(portal.sealer).rotate_secret(connection, shop.store_id, "new-secret")
    other = b'{"id":457}'
    headers = woo_headers(other, secret="new-secret")
    assert (await portal.http.post(path, content=other, headers=headers)).status_code == 200
    third = b'{"id":458}'
    assert (await portal.http.post(path, content=third, headers=woo_headers(third))).status_code == 200


async def test_too_little_disk_is_503(portal_dsn: str, tmp_path: Path) -> None:
    async with running_portal(portal_dsn, disk_path=tmp_path, disk_free_floor=0.9999) as portal:
        await portal.add_store()
        answer = await portal.http.post(
            "/webhooks/woocommerce/product.updated", content=BODY, headers=woo_headers(BODY)
        )
        assert answer.status_code == 503
        assert answer.json()["reason"] == "DISK_FULL"
        assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/webhooks/unheard-of/orders/create", 404),
        ("POST", "/webhooks/shopify", 404),
        ("POST", "/webhooks/shopify/", 404),
        ("POST", "/webhooks/woocommerce/s/token", 404),
        ("GET", "/webhooks/shopify/orders/create", 405),
    ],
)
async def test_what_is_no_delivery_url_is_a_problem_document(
    portal: Portal, method: str, path: str, status: int
) -> None:
    answer = await portal.http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_nothing_secret_or_personal_stands_in_clear(portal: Portal) -> None:
    await portal.add_store()
    body = b'{"id":1,"billing":{"email":"ada@example.com"}}'
    await portal.http.post("/webhooks/woocommerce/order.created", content=body, headers=woo_headers(body))
    (row,) = await portal.rows("SELECT * FROM inbox.deliveries")
    assert b"ada@example.com" not in row["body"]
    assert "signature" not in str(row["headers"])
