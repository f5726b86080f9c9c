"""Shopify's REST Admin API: its objects have the form of the webhooks."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

import msgspec

from kiki.kit.errors import InvalidInput
from kiki.kit.http import OutboundHttp
from kiki.portal.jobs.repository import StoreApi
from kiki.portal.jobs.shop_pages import Resource, ShopObject, ShopPage, ask

_VERSION = "2026-04"
_PAGE = 250
_TOPICS = {Resource.PRODUCTS: "products/update", Resource.ORDERS: "orders/updated"}


class _Id(msgspec.Struct):
    id: int


class ShopifyReader:
    """Pages by `since_id`: ascending, and stable while the shop goes on selling."""

    def __init__(self, http: OutboundHttp, api: StoreApi) -> None:
        self._http = http
        self._base = f"{api.base_url.rstrip('/')}/admin/api/{_VERSION}"
        self._headers = {"x-shopify-access-token": api.credentials.access_token, "accept": "application/json"}

    async def page(self, resource: Resource, cursor: str, since: dt.datetime | None) -> ShopPage:
        filters: dict[str, str] = {"status": "any"} if resource is Resource.ORDERS else {}
        if since is not None:
            filters["created_at_min"] = since.isoformat()
        total = None if cursor else await self._count(resource, filters)
        query = urlencode({"limit": str(_PAGE), "since_id": cursor or "0", **filters})
        answer = await ask(self._http, f"{self._base}/{resource.value}.json?{query}", self._headers)
        found = _objects(answer.body, resource.value)
        objects = [ShopObject(_TOPICS[resource], bytes(raw)) for raw in found]
        last = str(msgspec.json.decode(found[-1], type=_Id).id) if found else ""
        return ShopPage(objects, last if len(found) == _PAGE else None, total)

    async def _count(self, resource: Resource, filters: dict[str, str]) -> int | None:
        answer = await ask(self._http, f"{self._base}/{resource.value}/count.json?{urlencode(filters)}", self._headers)
        try:
            return msgspec.json.decode(answer.body, type=dict[str, int]).get("count")
        except msgspec.DecodeError:
            return None


def _objects(body: bytes, name: str) -> list[msgspec.Raw]:
    """The raw text of each object: numbers stay as they were written."""
    try:
        return msgspec.json.decode(body, type=dict[str, list[msgspec.Raw]])[name]
    except (msgspec.DecodeError, KeyError):
        raise InvalidInput(
            f"the shop's API answers an object with {name}, got something else", reason="BAD_ANSWER"
        ) from None
