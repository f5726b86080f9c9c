"""Field encryption: AES-256-GCM under a store's data key, bound to store, key version and purpose."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kiki.council.syncshield.errors import BadField, DoesNotDecrypt

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
MAX_TEXT_BYTES = 2**20


def encrypt(key: bytes, nonce: bytes, text: str, *, binding: bytes) -> bytes:
    """Ciphertext with the tag at its end. A nonce is never used twice under one key: the caller draws it at random."""
    plain = text.encode()
    if len(plain) > MAX_TEXT_BYTES:
        raise BadField(
            f"a text to encrypt has at most {MAX_TEXT_BYTES} bytes, got {len(plain)}", reason="TEXT_TOO_LONG"
        )
    return AESGCM(key).encrypt(nonce, plain, binding)


def decrypt(key: bytes, nonce: bytes, ciphertext: bytes, *, binding: bytes) -> str:
    """The text. Raises `DoesNotDecrypt` when anything differs from what `encrypt` was given."""
    if len(nonce) != NONCE_BYTES or len(ciphertext) < TAG_BYTES:
        raise DoesNotDecrypt(
            f"a nonce has {NONCE_BYTES} bytes and a ciphertext at least {TAG_BYTES},"
            f" got {len(nonce)} and {len(ciphertext)}"
        )
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, binding).decode()
    except (InvalidTag, UnicodeDecodeError):
        raise DoesNotDecrypt("the ciphertext does not open under this store, key and purpose") from None


def binding(*, store_id: int, version: int, purpose: str) -> bytes:
    """The additional data that a ciphertext is bound to."""
    return f"kiki.syncshield.1\x1f{store_id}\x1f{version}\x1f{purpose}".encode()
