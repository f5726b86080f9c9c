"""Headers and HMACs of each platform."""

from __future__ import annotations

import base64
import hmac

import pytest

from kiki.platforms.shopify import signature as shopify
from kiki.platforms.woocommerce import signature as woocommerce

BODY = '{"id":1,"title":"é"}'.encode()
DIGEST = hmac.digest(b"secret", BODY, "sha256")
BASE64 = base64.b64encode(DIGEST).decode()


@pytest.mark.parametrize("signature", [BASE64, DIGEST.hex(), DIGEST.hex().upper()], ids=["base64", "hex", "upper-hex"])
def test_shopify_takes_both_encodings_of_the_same_bytes(signature: str) -> None:
    assert shopify.verify(BODY, signature, ["old", "secret"])
    assert not shopify.verify(BODY, signature, ["old"])


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        " ",
        BASE64[:-2],
        BASE64 + "=",
        DIGEST.hex()[:-1],
        "é" * 44,
        "a" * 10_000,
        base64.b64encode(DIGEST[:31]).decode(),
    ],
)
def test_malformed_signatures_are_wrong(signature: str | None) -> None:
    assert not shopify.verify(BODY, signature, ["secret"])
    assert not woocommerce.verify(BODY, signature, ["secret"])


def test_an_empty_secret_or_body_never_verifies() -> None:
    empty_key = base64.b64encode(hmac.digest(b"", BODY, "sha256")).decode()
    assert not shopify.verify(BODY, empty_key, [""])
    assert not woocommerce.verify(BODY, empty_key, [""])
    empty_body = base64.b64encode(hmac.digest(b"secret", b"", "sha256")).decode()
    assert not shopify.verify(b"", empty_body, ["secret"])


def test_both_shopify_header_families_are_read() -> None:
    old = {
        "x-shopify-topic": "orders/create",
        "x-shopify-shop-domain": "Example.myshopify.com",
        "x-shopify-hmac-sha256": BASE64,
        "x-shopify-webhook-id": "w-1",
        "x-shopify-triggered-at": "2026-01-01T00:00:00.123456789Z",
    }
    envelope = shopify.read_envelope(old)
    assert envelope.store_key == "example.myshopify.com"
    assert (envelope.topic, envelope.signature, envelope.event_id, envelope.webhook_id) == (
        "orders/create",
        BASE64,
        "",
        "w-1",
    )
    new = {name.removeprefix("x-"): value for name, value in old.items()}
    assert shopify.read_envelope(new) == envelope


def test_a_merchants_event_stands_above_the_deliverys_own_id() -> None:
    headers = {"x-shopify-event-id": "e-1", "x-shopify-webhook-id": "w-1"}
    envelope = shopify.read_envelope(headers)
    assert (envelope.event_id, envelope.webhook_id) == ("e-1", "")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("shop.myshopify.com", "shop.myshopify.com"),
        (" https://SHOP.myshopify.com/ ", "shop.myshopify.com"),
        ("shop.myshopify.com.evil.example", None),
        ("shop.myshopify.com\n", "shop.myshopify.com"),
        ("-shop.myshopify.com", None),
        ("evil.example/shop.myshopify.com", None),
        ("", None),
    ],
)
def test_shopify_domains(text: str, key: str | None) -> None:
    assert shopify.normalise_shop(text) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("https://example.com", "example.com"),
        ("http://Example.com/", "example.com"),
        ("http://localhost/wordpress/", "localhost/wordpress"),
        ("http://127.0.0.1:8089/", "127.0.0.1:8089"),
        ("https://example.com:443/shop", "example.com/shop"),
        ("example.com", "example.com"),
        ("http://[::1]:80/", "[::1]"),
        ("https://user:pass@example.com/?a=b#c", "example.com"),
        ("ftp://example.com", None),
        ("https://", None),
        ("https://example.com:99999/", None),
        ("https://exa mple.com/", None),
        ("", None),
    ],
)
def test_woocommerce_sources(text: str, key: str | None) -> None:
    assert woocommerce.normalise_url(text) == key


@pytest.mark.parametrize(
    ("stored", "used"),
    [
        ("a&amp;b", "a&b"),
        ("q&quot;&#039;&#x27;", "q\"''"),
        ("&lt;x&gt;", "<x>"),
        ("plain", "plain"),
        ("a&b;c", "a&b;c"),
    ],
)
def test_woocommerce_secrets_are_entity_decoded(stored: str, used: str) -> None:
    signature = base64.b64encode(hmac.digest(used.encode(), BODY, "sha256")).decode()
    assert woocommerce.verify(BODY, signature, [stored])


def test_only_the_unsigned_form_body_is_a_ping() -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert woocommerce.is_ping(form, b"webhook_id=12")
    assert not woocommerce.is_ping(form, b"webhook_id=12&x=1")
    assert not woocommerce.is_ping(form | {"x-wc-webhook-signature": "x"}, b"webhook_id=12")
    assert not woocommerce.is_ping({"content-type": "application/json"}, b"webhook_id=12")
