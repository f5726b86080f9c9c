"""WooCommerce's REST API v3: its objects have the form of the webhooks; variations are asked for product by product."""

from __future__ import annotations

import base64
import datetime as dt
from urllib.parse import urlencode

import msgspec

from kiki.kit.errors import InvalidInput
from kiki.kit.http import HttpAnswer, OutboundHttp
from kiki.portal.jobs.repository import StoreApi
from kiki.portal.jobs.shop_pages import Resource, ShopObject, ShopPage, ask

_PAGE = 100
_MAX_VARIATION_PAGES = 10
_TOPICS = {Resource.PRODUCTS: "product.updated", Resource.ORDERS: "order.updated"}


class _Product(msgspec.Struct):
    id: int
    type: str = ""


class WooCommerceReader:
    """Pages by number in ascending order: what is added meanwhile comes at the end."""

    def __init__(self, http: OutboundHttp, api: StoreApi) -> None:
        keys = f"{api.credentials.consumer_key}:{api.credentials.consumer_secret}"
        self._http = http
        self._base = f"{api.base_url.rstrip('/')}/wp-json/wc/v3"
        self._headers = {
            "authorization": f"Basic {base64.b64encode(keys.encode()).decode()}",
            "accept": "application/json",
        }

    async def page(self, resource: Resource, cursor: str, since: dt.datetime | None) -> ShopPage:
        number = int(cursor or "1")
        filters = {"per_page": str(_PAGE), "page": str(number), "orderby": "id", "order": "asc", "status": "any"}
        if since is not None:
            filters |= {"after": since.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S"), "dates_are_gmt": "true"}
        answer = await self._ask(resource.value, filters)
        found = _objects(answer)
        objects = [ShopObject(_TOPICS[resource], bytes(raw)) for raw in found]
        if resource is Resource.PRODUCTS:
            for raw in found:
                objects += await self._variations(msgspec.json.decode(raw, type=_Product))
        return ShopPage(objects, str(number + 1) if len(found) == _PAGE else None, _total(answer))

    async def _variations(self, product: _Product) -> list[ShopObject]:
        """Variations as their own webhooks tell them: with their type and their parent."""
        found: list[ShopObject] = []
        if product.type != "variable":
            return found
        for number in range(1, _MAX_VARIATION_PAGES + 1):
            filters = {"per_page": str(_PAGE), "page": str(number)}
            page = _objects(await self._ask(f"products/{product.id}/variations", filters))
            for raw in page:
                fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
                fields |= {"type": msgspec.Raw(b'"variation"'), "parent_id": msgspec.Raw(str(product.id).encode())}
                found.append(ShopObject("product.updated", msgspec.json.encode(fields)))
            if len(page) < _PAGE:
                break
        return found

    async def _ask(self, path: str, filters: dict[str, str]) -> HttpAnswer:
        return await ask(self._http, f"{self._base}/{path}?{urlencode(filters)}", self._headers)


def _objects(answer: HttpAnswer) -> list[msgspec.Raw]:
    """The raw text of each object: numbers stay as they were written."""
    try:
        return msgspec.json.decode(answer.body, type=list[msgspec.Raw])
    except msgspec.DecodeError:
        raise InvalidInput("the shop's API answers a list, got something else", reason="BAD_ANSWER") from None


def _total(answer: HttpAnswer) -> int | None:
    text = answer.headers.get("x-wp-total", "")
    return int(text) if text.isascii() and text.isdigit() else None
