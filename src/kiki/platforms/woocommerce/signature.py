"""A WooCommerce delivery's headers, its HMAC, and the unsigned ping that a new webhook sends."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html.entities import name2codepoint
from urllib.parse import urlsplit

from kiki.platforms.protocol import Envelope, Headers

_PING = re.compile(rb"webhook_id=\d{1,20}")
_ENTITY = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,8});")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,252}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_URL = 2048


def read_envelope(headers: Headers) -> Envelope:
    """WooCommerce names a webhook and a delivery; neither is unique, the duplicate key adds the body's digest."""
    return Envelope(
        topic=headers.get("x-wc-webhook-topic", ""),
        store_key=normalise_url(headers.get("x-wc-webhook-source", "")),
        signature=headers.get("x-wc-webhook-signature") or None,
        event_id="",
        webhook_id=headers.get("x-wc-webhook-id", ""),
        delivery_id=headers.get("x-wc-webhook-delivery-id", ""),
        triggered_at="",
    )


def is_ping(headers: Headers, body: bytes) -> bool:
    """The form body `webhook_id=N` without any webhook header."""
    return (
        _PING.fullmatch(body) is not None
        and headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        and "x-wc-webhook-signature" not in headers
        and "x-wc-webhook-topic" not in headers
    )


@lru_cache(maxsize=1024)
def normalise_url(text: str) -> str | None:
    """A shop's URL as `host[:port][/path]`: a store may name itself by http or https, with or without a last slash."""
    candidate = text.strip()
    if not candidate or len(candidate) > _MAX_URL:
        return None
    try:
        parts = urlsplit(candidate if "://" in candidate else f"https://{candidate}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if ":" in host:
        host = f"[{host}]"
    if parts.scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(host) or not parts.path.isprintable():
        return None
    shown_port = "" if port is None or port == _DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{host}{shown_port}{parts.path.rstrip('/')}"


def verify(body: bytes, signature: str | None, secrets: Sequence[str]) -> bool:
    """HMAC-SHA256 in base64 over the raw bytes, under any of the secrets."""
    sent = _digest_of(signature)
    if sent is None:
        return False
    right = False
    for secret in secrets:
        for key in _keys(secret):
            right |= hmac.compare_digest(hmac.digest(key.encode("utf-8", "surrogatepass"), body, "sha256"), sent)
    return right


def _digest_of(signature: str | None) -> bytes | None:
    if signature is None or not signature.isascii():
        return None
    try:
        digest = base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error):
        return None
    return digest if len(digest) == 32 else None


def _keys(secret: str) -> Iterator[str]:
    """What WooCommerce may key with: the secret as it is, and with its HTML entities decoded."""
    if secret:
        yield secret
        if "&" in secret and (decoded := _ENTITY.sub(_character, secret)) != secret:
            yield decoded


def _character(match: re.Match[str]) -> str:
    """One entity as PHP decodes it: HTML 4 names and numbers, always with the semicolon."""
    name = match[1]
    code = _code_point(name[1:]) if name[0] == "#" else name2codepoint.get(name)
    return match[0] if code is None or not 0 < code <= 0x10FFFF else chr(code)


def _code_point(number: str) -> int:
    return int(f"0{number}", 0) if number[0] in "xX" else int(number)
