"""What a simulated shop's own API shows, and the trouble that it makes: too many calls, a server that is down."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic, TypeVar

from kiki.sandbox.goods import Order, Product
from kiki.sandbox.http_server import Answer

_T = TypeVar("_T")


class Joined(Generic[_T]):
    """Collections one after another, as they are when they are looked at."""

    def __init__(self, *parts: Collection[_T]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[_T]:
        return chain.from_iterable(self._parts)


@dataclass(slots=True)
class Shelf:
    """Products and orders; a world's own may be handed in, and grow."""

    products: Iterable[Product]
    orders: Iterable[Order]


@dataclass(slots=True)
class Trouble:
    """Refuses some requests; which ones follows from the seed and their number."""

    seed: int = 1
    limited_share: float = 0.0
    """Requests that are answered 429 with `Retry-After`."""
    broken_share: float = 0.0
    """Requests that are answered 502."""
    retry_after: str = "2.0"
    requests: int = field(default=0, init=False)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def strike(self) -> Answer | None:
        """The refusal of the next request; None lets it through."""
        self.requests += 1
        chance = self._random.random()
        if chance < self.limited_share:
            return Answer(429, b"", {"Retry-After": self.retry_after})
        if chance < self.limited_share + self.broken_share:
            return Answer(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"})
        return None


def since(text: str) -> dt.datetime | None:
    """A time with an offset, or in UTC without one; None when it is absent or cannot be read."""
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)
