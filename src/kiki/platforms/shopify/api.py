"""Shopify's REST Admin API as a `ShopReader`: its objects have the form of the webhooks.

Pages follow the `Link` header's `page_info`, a place that holds while the shop goes on selling; a request with it may
carry `limit` and nothing else that filters. The orders of more than 60 days ago are shown with `read_all_orders` only.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from kiki.kit.errors import InvalidInput, NotFound, Unavailable
from kiki.kit.http import HttpAnswer
from kiki.platforms.protocol import CursorRefused, Resource, ShopObject, ShopPage, StoreApi
from kiki.platforms.shop_http import (
    AnswerUnreadable,
    ApiRequest,
    CredentialsRefused,
    RequestRefused,
    ShopHttp,
    read_answer,
)

API_VERSION = "2026-04"
_ORDERS_SHOWN = dt.timedelta(days=60)
_ALL_ORDERS = "read_all_orders"
_ITEMS_AT_ONCE = 100
_LEVELS_OF_AT_ONCE = 50
_LEVELS_AT_ONCE = 250
_MAX_LEVEL_PAGES = 1000
"""Fifty items at a thousand locations fill two hundred; more is a list that does not end."""
_COMFORTABLE = 0.5
_EMPTIES_IN_SECONDS = 20.0
"""A full bucket of calls leaks empty in this time: 40 calls at 2 a second, 400 at 20."""
_NO_INVENTORY = "without the right read_inventory, costs, levels at locations and what is not tracked are not known"
_TOPICS = {Resource.PRODUCTS: "products/update", Resource.ORDERS: "orders/updated"}
_NEXT = re.compile(r'<([^<>]*)>\s*;\s*rel="?next"?', re.IGNORECASE)
_LIMIT = re.compile(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*")


class _Scope(msgspec.Struct):
    handle: str


class _Variant(msgspec.Struct):
    inventory_item_id: int | None = None


class _Product(msgspec.Struct):
    variants: list[_Variant] = []


class _Level(msgspec.Struct):
    inventory_item_id: int
    location_id: int


class ShopifyReader:
    """Pages of 250; the products' inventory items (what is tracked, its cost) and levels come with them."""

    page_size = 250

    def __init__(self, http: ShopHttp, api: StoreApi) -> None:
        self._http = http
        self._root = f"{api.base_url.rstrip('/')}/admin"
        self._headers = {"x-shopify-access-token": api.credentials.access_token, "accept": "application/json"}
        self._notes: tuple[str, ...] = ()

    async def reach(self, resource: Resource, now: dt.datetime) -> dt.datetime | None:
        """60 days for orders without `read_all_orders`, or where the shop does not tell the rights."""
        if resource is not Resource.ORDERS:
            return None
        try:
            answer = await self._get("oauth/access_scopes.json", {})
            scopes = read_answer(answer, dict[str, list[_Scope]], "the granted scopes").get("access_scopes", [])
        except (NotFound, RequestRefused):
            scopes = []
        return None if any(scope.handle == _ALL_ORDERS for scope in scopes) else now - _ORDERS_SHOWN

    async def page(self, resource: Resource, cursor: str, since: dt.datetime | None, limit: int) -> ShopPage:
        filters = _filters(resource, since)
        total = None if cursor else await self._count(resource, filters)
        query = {"limit": str(limit), **({"page_info": cursor} if cursor else filters)}
        try:
            answer = await self._get(f"api/{API_VERSION}/{resource.value}.json", query)
        except RequestRefused:
            if cursor:
                raise CursorRefused("the shop does not know the place in its list any more") from None
            raise
        found = _listed(answer, resource.value)
        objects = [ShopObject(_TOPICS[resource], bytes(raw)) for raw in found]
        if resource is Resource.PRODUCTS:
            ids = _item_ids(found)
            objects += await self._inventory_items(ids)
            objects += await self._inventory_levels(ids)
        return ShopPage(objects, len(found), next_place(answer), total, self._notes)

    async def _count(self, resource: Resource, filters: dict[str, str]) -> int | None:
        answer = await self._get(f"api/{API_VERSION}/{resource.value}/count.json", filters)
        return read_answer(answer, dict[str, int], "a count").get("count")

    async def _inventory_items(self, ids: Sequence[str]) -> list[ShopObject]:
        """What the products' webhooks leave out; none, and a note, where the right `read_inventory` is missing."""
        found: list[ShopObject] = []
        for start in range(0, len(ids) if not self._notes else 0, _ITEMS_AT_ONCE):
            query = {"ids": ",".join(ids[start : start + _ITEMS_AT_ONCE]), "limit": str(_ITEMS_AT_ONCE)}
            try:
                answer = await self._get(f"api/{API_VERSION}/inventory_items.json", query)
            except CredentialsRefused:
                self._notes = (_NO_INVENTORY,)
                break
            found += [ShopObject("inventory_items/update", bytes(raw)) for raw in _listed(answer, "inventory_items")]
        return found

    async def _inventory_levels(self, ids: Sequence[str]) -> list[ShopObject]:
        """What locations have: one object for each item that has levels, with all of them."""
        found: dict[int, dict[int, msgspec.Raw]] = {}
        for start in range(0, len(ids) if not self._notes else 0, _LEVELS_OF_AT_ONCE):
            asked = ids[start : start + _LEVELS_OF_AT_ONCE]
            query = {"inventory_item_ids": ",".join(asked), "limit": str(_LEVELS_AT_ONCE)}
            try:
                async for raw in self._all("inventory_levels", query):
                    level = _read_level(raw)
                    found.setdefault(level.inventory_item_id, {})[level.location_id] = raw
            except CredentialsRefused:
                self._notes = (_NO_INVENTORY,)
                return []
        return [ShopObject("inventory_levels/update", _list_of(item, levels)) for item, levels in found.items()]

    async def _all(self, name: str, query: dict[str, str]) -> AsyncIterator[msgspec.Raw]:
        """Every object of a list, page after page."""
        for _ in range(_MAX_LEVEL_PAGES):
            answer = await self._get(f"api/{API_VERSION}/{name}.json", query)
            for raw in _listed(answer, name):
                yield raw
            place = next_place(answer)
            if place is None:
                return
            query = {"limit": query["limit"], "page_info": place}
        raise Unavailable(f"the shop's list of {name} does not end", reason="SHOP_LIST_ENDLESS")

    async def _get(self, path: str, query: dict[str, str]) -> HttpAnswer:
        url = f"{self._root}/{path}?{urlencode(query)}" if query else f"{self._root}/{path}"
        return await self._http.get(lambda: ApiRequest(url, self._headers), pause_after)


def next_place(answer: HttpAnswer) -> str | None:
    """The `page_info` of the next page. Only this is taken of the link: its address is never followed."""
    link = _NEXT.search(answer.headers.get("link", ""))
    places = parse_qs(urlsplit(link[1]).query).get("page_info") if link else None
    return places[0] if places else None


def pause_after(answer: HttpAnswer) -> float:
    """Seconds until the shop's bucket of calls is half empty again, by `X-Shopify-Shop-Api-Call-Limit`."""
    used = _LIMIT.fullmatch(answer.headers.get("x-shopify-shop-api-call-limit", ""))
    if used is None or not int(used[2]):
        return 0.0
    return max(0.0, int(used[1]) / int(used[2]) - _COMFORTABLE) * _EMPTIES_IN_SECONDS


def _filters(resource: Resource, since: dt.datetime | None) -> dict[str, str]:
    filters = {"status": "any"} if resource is Resource.ORDERS else {}
    if since is not None:
        filters["created_at_min"] = since.astimezone(dt.UTC).isoformat(timespec="seconds")
    return filters


def _listed(answer: HttpAnswer, name: str) -> list[msgspec.Raw]:
    found = read_answer(answer, dict[str, list[msgspec.Raw]], f"an object with {name}").get(name)
    if found is None:
        raise AnswerUnreadable(f"the shop's API answers an object with {name}, got another one")
    return found


def _read_level(raw: msgspec.Raw) -> _Level:
    try:
        return msgspec.json.decode(raw, type=_Level)
    except msgspec.MsgspecError:
        raise InvalidInput(
            "the shop's API lists levels with item and location, got others", reason="BAD_ANSWER"
        ) from None


def _list_of(item: int, levels: Mapping[int, msgspec.Raw]) -> bytes:
    """Levels of one item, the same bytes for the same levels."""
    told = [levels[location] for location in sorted(levels)]
    return msgspec.json.encode({"inventory_item_id": item, "inventory_levels": told})


def _item_ids(products: Sequence[msgspec.Raw]) -> list[str]:
    ids: dict[str, None] = {}
    for raw in products:
        try:
            variants = msgspec.json.decode(raw, type=_Product).variants
        except msgspec.DecodeError:
            continue
        ids.update((str(each.inventory_item_id), None) for each in variants if each.inventory_item_id)
    return list(ids)
