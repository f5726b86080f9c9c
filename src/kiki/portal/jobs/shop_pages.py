"""What a sync asks of a shop's API: a page of objects in the form that its webhooks have."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from kiki.kit.errors import FailedPrecondition, NotFound, PermissionDenied, ResourceExhausted, Unavailable
from kiki.kit.http import HttpAnswer, OutboundHttp

_SECONDS = 60
_MAX_PAUSE_SECONDS = 30.0
_PATIENCE = 5


class CredentialsRefused(PermissionDenied):
    """The shop's API does not accept the stored credentials, or they lack a right."""

    reason = "SHOP_CREDENTIALS_REFUSED"


class Resource(Enum):
    """What can be synced."""

    PRODUCTS = "products"
    ORDERS = "orders"


@dataclass(frozen=True, slots=True)
class ShopObject:
    """One object, as a delivery of this topic would carry it."""

    topic: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ShopPage:
    """Some objects, and where the next page begins; None at the end."""

    objects: Sequence[ShopObject]
    next_cursor: str | None
    total: int | None


class ShopReader(Protocol):
    """One platform's way of paging through a shop. The first cursor is the empty text."""

    async def page(self, resource: Resource, cursor: str, since: dt.datetime | None) -> ShopPage: ...


async def ask(http: OutboundHttp, url: str, headers: Mapping[str, str]) -> HttpAnswer:
    """GET with patience for rate limits. Raises what a person can act on; never shows the URL, which may hold a key."""
    for _ in range(_PATIENCE):
        answer = await http.request("GET", url, headers=headers, timeout_seconds=_SECONDS)
        if answer.ok:
            return answer
        if answer.status in (401, 403):
            raise CredentialsRefused(
                f"the shop's API answered {answer.status}: check the stored credentials and their rights"
            )
        if answer.status == 404:
            raise NotFound("the shop's API was not found at the stored address", reason="SHOP_API_NOT_FOUND")
        if answer.status == 429:
            await asyncio.sleep(_pause(answer))
            continue
        if answer.status >= 500:
            raise Unavailable(f"the shop's API answered {answer.status}", reason="SHOP_API_FAILED")
        raise FailedPrecondition(f"the shop's API answered {answer.status}", reason="SHOP_API_REFUSED")
    raise ResourceExhausted("the shop's API limits the rate for too long", reason="SHOP_RATE_LIMIT")


def _pause(answer: HttpAnswer) -> float:
    try:
        return min(max(float(answer.headers.get("retry-after", "2")), 0.1), _MAX_PAUSE_SECONDS)
    except ValueError:
        return 2.0
