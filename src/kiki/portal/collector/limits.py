"""How much a store and an address may send. Nothing here outlives the process, and no address is kept."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import os
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import ceil

from kiki.kit.errors import ResourceExhausted

_MAX_KEYS = 50_000
_SALT_BYTES = 16
_DIGEST_BYTES = 8
_IPV6_PREFIX = 64
"""One household has a network of that size."""


class TooMany(ResourceExhausted):
    """Too many beacons; the answer says after how many seconds another one is taken."""

    reason = "TOO_MANY_BEACONS"

    def __init__(self, message: str, retry_seconds: float) -> None:
        super().__init__(message)
        self.retry_seconds = max(1, ceil(retry_seconds))


class TokenBuckets:
    """One token bucket per key: `burst` at once, `per_second` lasting. The key unused for longest makes room."""

    def __init__(
        self, per_second: float, burst: float, monotonic: Callable[[], float], max_keys: int = _MAX_KEYS
    ) -> None:
        self._rate = per_second
        self._burst = burst
        self._monotonic = monotonic
        self._max_keys = max_keys
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable) -> float:
        """Take a token: 0, or the seconds until there is one."""
        now = self._monotonic()
        tokens, at = self._buckets.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        if len(self._buckets) >= self._max_keys:
            self._buckets.popitem(last=False)
        self._buckets[key] = (tokens if wait else tokens - 1, now)
        return wait


class AddressHash:
    """A short digest of a client's network under a salt of the day that is never written down."""

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        self._day: dt.date | None = None
        self._salt = b""

    def of(self, address: str, today: dt.date) -> bytes:
        """8 bytes, equal for equal networks on one day."""
        if today != self._day:
            self._day, self._salt = today, self._random(_SALT_BYTES)
        return hashlib.blake2b(_network(address).encode(), key=self._salt, digest_size=_DIGEST_BYTES).digest()


_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d+)?|([\d.]+):\d+")
"""As some proxies (Azure's Application Gateway) pass an address on."""


def _network(address: str) -> str:
    plain = address.strip()
    if found := _WITH_PORT.fullmatch(plain):
        plain = found[1] or found[2] or ""
    try:
        parsed = ipaddress.ip_address(plain.partition("%")[0])
    except ValueError:
        return "unreadable"
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        if mapped is not None:
            return str(mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
    return str(parsed)
