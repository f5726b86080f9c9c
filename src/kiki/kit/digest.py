"""Digests of declared fields: what idempotency compares, and what business ids are made of."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_encoder = msgspec.msgpack.Encoder(decimal_format="string", order="deterministic")


def semantic_digest(*fields: object) -> bytes:
    """32 bytes over plain values, msgspec structs or dataclasses; equal fields give equal digests in every process."""
    return hashlib.sha256(_encoder.encode(fields)).digest()


def grown_digests(kind: str, told: DataclassInstance, later: Sequence[str]) -> tuple[bytes, tuple[bytes, ...]]:
    """The digest of a command that has got fields since its first version, and those that versions before gave it.

    `later` names these fields in the order in which they came; each has a default. One at its default is left out, so
    that a request has the digest that it had before the field was there, and keeps it when the next one comes. Former
    digests are those of versions that left nothing out, each with the fields that it knew.
    """
    fields = {field.name: field.default for field in dataclasses.fields(told)}
    values = {name: getattr(told, name) for name in fields}
    said = [name for name in later if values[name] != fields[name]]
    first = [name for name in fields if name not in later]

    def digest(*more: str) -> bytes:
        names = tuple(name for name in fields if name in first or name in more)
        return semantic_digest(kind, _narrow(names)(*(values[name] for name in names)))

    now = digest(*said)
    forms = (later[:count] for count in range(len(later) + 1))
    former = dict.fromkeys(digest(*form) for form in forms if set(said) <= set(form))
    former.pop(now, None)
    return now, tuple(former)


@lru_cache(maxsize=256)
def _narrow(names: tuple[str, ...]) -> Any:
    """A dataclass of these fields: its encoding is that of any other with fields of the same names and order."""
    return dataclasses.make_dataclass("Narrow", names, frozen=True, slots=True)


def event_id(store_id: int, kind: str, business_id: str, revision: str | int = "") -> str:
    """The idempotency key of one business fact: 32 hex characters over (store, kind, business id, revision)."""
    text = f"{store_id}\x1f{kind}\x1f{business_id}\x1f{revision}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
