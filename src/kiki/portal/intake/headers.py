"""Request headers: read once, bounded, and the few that are worth keeping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain

_MAX_COUNT = 100
_MAX_BYTES = 32 * 1024
_MAX_VALUE = 512
_MAX_CACHED_NAME = 64
_KEPT_PREFIXES = ("x-shopify-", "shopify-", "x-wc-", "webhook-", "x-adobe-", "x-wix-", "squarespace-")
_KEPT_NAMES = frozenset({"content-type", "user-agent"})


def read_headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str] | None:
    """Names in lower case; the first of a repeated header counts. None when they are over the limit."""
    if len(raw) > _MAX_COUNT or sum(map(len, chain.from_iterable(raw))) > _MAX_BYTES:
        return None
    return {
        _cached_name(name) if len(name) <= _MAX_CACHED_NAME else _name(name): value.decode("latin-1")
        for name, value in reversed(raw)
    }


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What is stored with a delivery: the platform's own headers, capped and printable, without the signature."""
    return {
        name: value if len(value) <= _MAX_VALUE and value.isprintable() else printable(value)
        for name, value in headers.items()
        if _kept(name)
    }


def printable(text: str, limit: int = _MAX_VALUE) -> str:
    """Text that any table takes: control characters replaced, cut at the limit."""
    cut = text[:limit]
    return cut if cut.isprintable() else "".join(letter if letter.isprintable() else "\ufffd" for letter in cut)


def _name(raw: bytes) -> str:
    return raw.decode("latin-1").lower()


_cached_name = lru_cache(maxsize=1024)(_name)


@lru_cache(maxsize=1024)
def _kept(name: str) -> bool:
    if "signature" in name or "hmac" in name:
        return False
    return name in _KEPT_NAMES or name.startswith(_KEPT_PREFIXES)
