"""A Shopify delivery's headers, and its HMAC: both header families, both encodings of the same 32 bytes."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Sequence

from kiki.platforms.protocol import Envelope, Headers

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,99}\.myshopify\.com")
_DIGEST_BYTES = 32


def read_envelope(headers: Headers) -> Envelope:
    """The un-prefixed family counts when its HMAC header is present, as in Shopify's own library.

    Where the platform names the merchant's event, the delivery's own id is left out of the duplicate key: one event
    told twice, by a retry or by two subscriptions, is one delivery here (the topic is part of the key).
    """
    prefix = "shopify-" if "shopify-hmac-sha256" in headers else "x-shopify-"

    def header(name: str) -> str:
        return headers.get(prefix + name, "")

    event_id = header("event-id")
    return Envelope(
        topic=header("topic"),
        store_key=normalise_shop(header("shop-domain")),
        signature=header("hmac-sha256") or None,
        event_id=event_id,
        webhook_id="" if event_id else header("webhook-id"),
        delivery_id="",
        triggered_at=header("triggered-at"),
    )


def normalise_shop(text: str) -> str | None:
    """`<shop>.myshopify.com` in lower case, from a domain or a URL; None when it is not a shop's permanent domain."""
    host = text.strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/")
    return host if _SHOP.fullmatch(host) else None


def verify(body: bytes, signature: str | None, secrets: Sequence[str]) -> bool:
    """HMAC-SHA256 over the raw bytes under any of the secrets. An empty body never verifies."""
    sent = _digest_of(signature)
    if sent is None or not body:
        return False
    right = False
    for secret in secrets:
        if secret:
            right |= hmac.compare_digest(
                hmac.digest(secret.encode("utf-8", "surrogatepass"), body, "sha256"),
                sent,
            )
    return right


def _digest_of(signature: str | None) -> bytes | None:
    """The 32 bytes behind 44 characters of base64 or 64 of hex; None for anything else."""
    if signature is None or not signature.isascii():
        return None
    try:
        digest = bytes.fromhex(signature) if len(signature) == 64 else base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error):
        return None
    return digest if len(digest) == _DIGEST_BYTES else None
