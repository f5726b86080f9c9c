"""Standard Webhooks signatures: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from kiki.kit.errors import InvalidInput

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """A fresh signing secret in its written form, `whsec_…`."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def secret_key(secret: str) -> bytes:
    """The key in a written secret. Raises `InvalidInput` when it is none of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if not secret.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise InvalidInput("a signing secret is whsec_ and base64 of 24 to 64 bytes", reason="BAD_SIGNING_SECRET")
    return key


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret_key(secret), content, hashlib.sha256)).decode()


def signatures(keys: Iterable[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature` under several secrets, apart by spaces: one of them is the receiver's."""
    return " ".join(sign(secret, message_id, timestamp, body) for secret in keys)


def verify(secret: str, message_id: str, timestamp: int, body: bytes, given: str) -> bool:
    """Whether one of the space-separated signatures is right; constant-time per signature."""
    wanted = sign(secret, message_id, timestamp, body)
    return any(hmac.compare_digest(wanted, one) for one in given.split(" "))
