"""Sealing of bytes at rest (AES-256-GCM) and keyed blind indexes.

A keyring holds master keys by version. Every (version, store, purpose) has a key of its own, derived with HKDF-SHA256
(RFC 5869), so that a sealed value opens only for the store and the purpose that it was sealed for.

Layout of a sealed value: format byte · master version (2 bytes, big-endian) · nonce (12) · ciphertext and tag.
The first three bytes are authenticated too, in format 0x02 followed by the name of the row that the value stands in.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import struct
from collections.abc import Mapping
from functools import lru_cache

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kiki.kit.errors import FailedPrecondition, InvalidInput, InvariantBroken

_FORMAT = 1
_FORMAT_IN_ROW = 2
_HEADER = struct.Struct(">BH")
_NONCE_BYTES = 12
_MAX_OPENED_BYTES = 64 * 1024 * 1024
MASTER_KEY_BYTES = 32


class Keyring:
    """Master keys by version; the highest version seals, every version opens."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        if not keys:
            raise InvalidInput("a keyring holds at least one key", reason="NO_SEALING_KEY")
        for version, key in keys.items():
            if len(key) != MASTER_KEY_BYTES or not 0 < version < 2**16:
                raise InvalidInput(
                    f"a sealing key has {MASTER_KEY_BYTES} bytes and a version from 1 to 65535, got {len(key)} bytes"
                    f" and version {version}",
                    reason="BAD_SEALING_KEY",
                )
        self._keys = dict(keys)
        self.current = max(keys)

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """From `1:base64key,2:base64key`, the form that settings carry. The message never repeats the text."""
        keys: dict[int, bytes] = {}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            version, key = cls._read(part)
            if version in keys:
                raise InvalidInput(
                    f"two sealing keys have the version {version}; the newer one wants a higher one",
                    reason="BAD_SEALING_KEY",
                )
            keys[version] = key
        if len(set(keys.values())) < len(keys):
            raise InvalidInput(
                "one sealing key stands under two versions; a new version is a new key", reason="BAD_SEALING_KEY"
            )
        return cls(keys)

    @staticmethod
    def _read(part: str) -> tuple[int, bytes]:
        version, _, encoded = part.partition(":")
        try:
            if not (version.isascii() and version.isdecimal()):
                raise ValueError
            return int(version), base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise InvalidInput(
                "sealing keys are written as version:base64[,version:base64]", reason="BAD_SEALING_KEY"
            ) from None

    @staticmethod
    def generate(version: int = 1) -> str:
        """A fresh key in the form that `parse` reads."""
        return f"{version}:{base64.b64encode(os.urandom(MASTER_KEY_BYTES)).decode()}"

    @property
    def versions(self) -> list[int]:
        """All versions, newest first."""
        return sorted(self._keys, reverse=True)

    def master(self, version: int) -> bytes:
        """The master key of a version; `FailedPrecondition` when this keyring does not hold it (a later one may)."""
        try:
            return self._keys[version]
        except KeyError:
            raise FailedPrecondition(
                f"no sealing key of version {version} is configured", reason="UNKNOWN_SEALING_KEY"
            ) from None

    def fingerprint(self, version: int) -> bytes:
        """16 bytes that tell this key from others and nothing about it."""
        return HKDF(SHA256(), 16, salt=None, info=b"fingerprint").derive(self.master(version))


class Sealer:
    """Seals and opens values for one store and one purpose at a time. About 3 µs a call."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._header = _HEADER.pack(_FORMAT, keyring.current)
        self._header_in_row = _HEADER.pack(_FORMAT_IN_ROW, keyring.current)
        self._oldest = min(keyring.versions)
        self._cipher = lru_cache(maxsize=16_384)(self._make_cipher)
        self._index_key = lru_cache(maxsize=16_384)(self._make_index_key)

    def seal(self, plaintext: bytes, *, store_id: int, purpose: str, row: str = "") -> bytes:
        """Encrypt under the newest key; `purpose` names table and column, e.g. `customers.email`.

        With `row`, the name that the row keeps for ever, the value opens in that row alone.
        """
        header, nonce = self._header_in_row if row else self._header, os.urandom(_NONCE_BYTES)
        cipher = self._cipher(self._keyring.current, store_id, purpose)
        return header + nonce + cipher.encrypt(nonce, plaintext, _bound(header, row))

    def open(self, sealed: bytes, *, store_id: int, purpose: str, row: str = "") -> bytes:
        """Decrypt. Raises `InvariantBroken` when the value was changed or belongs to another store, purpose or row.

        What was sealed before its rows had names opens in any.
        """
        if len(sealed) < _HEADER.size + _NONCE_BYTES + 16 or sealed[0] not in (_FORMAT, _FORMAT_IN_ROW):
            raise InvariantBroken("a sealed value has an unknown form", reason="BAD_SEALED_VALUE")
        header, rest = sealed[: _HEADER.size], sealed[_HEADER.size :]
        version = _HEADER.unpack(header)[1]
        cipher = self._cipher(version, store_id, purpose)
        try:
            bound = _bound(header, row if sealed[0] == _FORMAT_IN_ROW else "")
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], bound)
        except InvalidTag:
            raise InvariantBroken("a sealed value does not open", reason="BAD_SEALED_VALUE") from None

    def seal_text(self, text: str | None, *, store_id: int, purpose: str) -> bytes | None:
        """`seal` of UTF-8 text; `None` stays `None`."""
        return (
            None
            if text is None
            else self.seal(text.encode("utf-8", "surrogatepass"), store_id=store_id, purpose=purpose)
        )

    def open_text(self, sealed: bytes | None, *, store_id: int, purpose: str) -> str | None:
        """`open` to text; `None` stays `None`."""
        if sealed is None:
            return None
        return self.open(sealed, store_id=store_id, purpose=purpose).decode("utf-8", "surrogatepass")

    def seal_body(self, body: bytes, *, store_id: int, purpose: str) -> bytes:
        """Compress (zstd) and seal; for payloads."""
        return self.seal(zstandard.compress(body, 1), store_id=store_id, purpose=purpose)

    def open_body(self, sealed: bytes, *, store_id: int, purpose: str) -> bytes:
        """Open and decompress, bounded at 64 MiB."""
        return _decompress(self.open(sealed, store_id=store_id, purpose=purpose))

    def blind_index(self, value: str, *, store_id: int, purpose: str) -> bytes:
        """16 bytes that are equal for equal values of one store and purpose: look-ups without the value in clear.

        Callers normalise first (lower-case e-mail, digits of a phone number). The key is that of the *oldest* version,
        so that an index survives a rotation of the sealing keys.
        """
        key = self._index_key(self._oldest, store_id, purpose)
        return hmac.digest(key, value.encode("utf-8", "surrogatepass"), "sha256")[:16]

    def _make_cipher(self, version: int, store_id: int, purpose: str) -> AESGCM:
        return AESGCM(self._derive(version, f"seal\x1f{store_id}\x1f{purpose}"))

    def _make_index_key(self, version: int, store_id: int, purpose: str) -> bytes:
        return self._derive(version, f"index\x1f{store_id}\x1f{purpose}")

    def _derive(self, version: int, info: str) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=info.encode()).derive(self._keyring.master(version))


def _bound(header: bytes, row: str) -> bytes:
    return header + row.encode("utf-8", "surrogatepass") if row else header


def _decompress(data: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=_MAX_OPENED_BYTES)
    except zstandard.ZstdError as error:
        raise InvariantBroken("a sealed body does not decompress", reason="BAD_SEALED_VALUE") from error


def email_key(email: str) -> str:
    """An e-mail address as it is compared: trimmed, lower-case."""
    return email.strip().lower()
