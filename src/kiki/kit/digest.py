"""Digests of declared fields: what idempotency compares, and what business ids are made of."""

from __future__ import annotations

import hashlib

import msgspec

_encoder = msgspec.msgpack.Encoder(decimal_format="string", order="deterministic")


def semantic_digest(*fields: object) -> bytes:
    """32 bytes over plain values, msgspec structs or dataclasses; equal fields give equal digests in every process."""
    return hashlib.sha256(_encoder.encode(fields)).digest()


def event_id(store_id: int, kind: str, business_id: str, revision: str | int = "") -> str:
    """The idempotency key of one business fact: 32 hex characters over (store, kind, business id, revision)."""
    text = f"{store_id}\x1f{kind}\x1f{business_id}\x1f{revision}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
