"""The REST Admin API of a simulated Shopify shop: products, orders, inventory items and levels, granted scopes.

Pages by the `Link` header's `page_info`, which holds the place and the filters; a request with it may carry `limit`
and `fields` only. Without `read_all_orders` nothing older than 60 days is shown. The bucket of calls is a real one.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from kiki.kit.clock import monotonic
from kiki.sandbox.goods import Order, Product
from kiki.sandbox.http_server import Answer, Request, serve_http
from kiki.sandbox.shelf import Shelf, Trouble, since
from kiki.sandbox.shopify import API_VERSION, render_item, render_level, render_order, render_product

_MAX_LIMIT = 250
_DEFAULT_LIMIT = 50
_MAX_IDS = 100
_MAX_LEVEL_IDS = 50
_SHOWN_DAYS = 60
_BESIDE_PAGE_INFO = {"limit", "fields", "page_info"}
_LEAK_PER_SECOND_OF_SIZE = 1 / 20


@dataclass(slots=True)
class CallBucket:
    """A leaky bucket: 40 calls, 2 a second; a larger one leaks faster."""

    size: int = 40
    used: float = 0.0
    at: float = field(default_factory=monotonic)

    def take(self, now: float) -> bool:
        """Whether one more call fits."""
        self.used = max(0.0, self.used - (now - self.at) * self.size * _LEAK_PER_SECOND_OF_SIZE)
        self.at = now
        if self.used + 1 > self.size:
            return False
        self.used += 1
        return True


@dataclass(slots=True)
class ShopifyApi:
    """One shop's API; what stands on the shelf may change between two requests."""

    shelf: Shelf
    token: str
    now: Callable[[], dt.datetime]
    scopes: Sequence[str] = ("read_products", "read_inventory", "read_orders", "read_all_orders")
    trouble: Trouble = field(default_factory=Trouble)
    bucket: CallBucket = field(default_factory=CallBucket)
    seen: list[str] = field(default_factory=list)
    """The paths asked for."""

    async def handle(self, request: Request) -> Answer:
        given = request.headers.get("x-shopify-access-token", "")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return _error(401, "[API] Invalid API key or access token (unrecognized login or wrong password)")
        if request.method != "GET":
            return _error(405, "Method Not Allowed")
        if not self.bucket.take(monotonic()):
            return _error(429, "Exceeded 2 calls per second for api client.", {"Retry-After": "2.0"})
        answer = self.trouble.strike() or self._show(request)
        limit = f"{round(self.bucket.used)}/{self.bucket.size}"
        return Answer(answer.status, answer.body, {**answer.headers, "X-Shopify-Shop-Api-Call-Limit": limit})

    def _show(self, request: Request) -> Answer:
        self.seen.append(request.path)
        if request.path == "/admin/oauth/access_scopes.json":
            return Answer.json({"access_scopes": [{"handle": scope} for scope in self.scopes]})
        match request.path.removeprefix(f"/admin/api/{API_VERSION}/"):
            case "products.json":
                return self._page("products", request, {})
            case "orders.json":
                return self._page("orders", request, {"status": "open"})
            case "products/count.json":
                return Answer.json({"count": len(self._listed("products", request.query))})
            case "orders/count.json":
                return Answer.json({"count": len(self._listed("orders", {"status": "open", **request.query}))})
            case "inventory_items.json":
                return self._items(request)
            case "inventory_levels.json":
                return self._levels(request)
        return _error(404, "Not Found")

    def _page(self, name: str, request: Request, defaults: dict[str, str]) -> Answer:
        query, place = request.query, None
        limit = query.get("limit", str(_DEFAULT_LIMIT))
        if not limit.isdecimal() or not 1 <= int(limit) <= _MAX_LIMIT:
            return _error(400, "Limit must be between 1 and 250")
        filters = {**defaults, **{key: value for key, value in query.items() if key not in _BESIDE_PAGE_INFO}}
        if "page_info" in query:
            if set(query) - _BESIDE_PAGE_INFO:
                return _error(400, "Invalid query parameters beside page_info")
            read = _read_place(query["page_info"], name)
            if read is None:
                return _error(400, "page_info: Invalid value.")
            place, filters = read
        found = self._listed(name, filters)
        rest = [each for each in found if place is None or _after(name, _number(each), place)]
        page = rest[: int(limit)]
        headers = {}
        if len(rest) > len(page):
            token = _write_place(name, _number(page[-1]), filters)
            address = f"https://{request.headers.get('host', '')}{request.path}?limit={limit}&page_info={token}"
            headers["Link"] = f'<{address}>; rel="next"'
        return Answer.json({name: [_render(each) for each in page]}, headers=headers)

    def _listed(self, name: str, filters: dict[str, str]) -> Sequence[Product | Order]:
        """Products oldest first, orders newest first."""
        if name == "products":
            return sorted(self.shelf.products, key=_number)
        begin = since(filters.get("created_at_min", ""))
        if "read_all_orders" not in self.scopes:
            shown = self.now() - dt.timedelta(days=_SHOWN_DAYS)
            begin = shown if begin is None else max(begin, shown)
        return [
            each
            for each in sorted(self.shelf.orders, key=_number, reverse=True)
            if (begin is None or each.placed_at >= begin)
            and (filters.get("status") == "any" or each.cancelled_at is None)
        ]

    def _items(self, request: Request) -> Answer:
        if "read_inventory" not in self.scopes:
            return _error(403, "[API] This action requires merchant approval for read_inventory scope.")
        ids = request.query.get("ids", "").split(",")
        if not all(each.isdecimal() for each in ids) or len(ids) > _MAX_IDS:
            return _error(400, "ids: Required, at most 100")
        wanted = {int(each) for each in ids}
        return Answer.json(
            {
                "inventory_items": [
                    render_item(item, product.updated_at)
                    for product in self.shelf.products
                    for item in product.items
                    if item.inventory_item_id in wanted
                ]
            }
        )

    def _levels(self, request: Request) -> Answer:
        """Levels of up to fifty items, each item's locations in their order; the place is the last level of a page."""
        if "read_inventory" not in self.scopes:
            return _error(403, "[API] This action requires merchant approval for read_inventory scope.")
        query, after = request.query, (0, 0)
        ids, limit = query.get("inventory_item_ids", ""), query.get("limit", str(_DEFAULT_LIMIT))
        if not limit.isdecimal() or not 1 <= int(limit) <= _MAX_LIMIT:
            return _error(400, "Limit must be between 1 and 250")
        if "page_info" in query:
            read = None if set(query) - _BESIDE_PAGE_INFO else _read_place(query["page_info"], "inventory_levels")
            if read is None:
                return _error(400, "page_info: Invalid value.")
            after, ids = tuple(read[0]), read[1]["inventory_item_ids"]
        wanted = ids.split(",")
        if not all(each.isdecimal() for each in wanted) or len(wanted) > _MAX_LEVEL_IDS:
            return _error(422, "inventory_item_ids: at most 50")
        levels = {
            (item.inventory_item_id, location): render_level(item, location, product.updated_at)
            for product in self.shelf.products
            for item in product.items
            for location in item.stock
            if str(item.inventory_item_id) in wanted
        }
        found = sorted(place for place in levels if place > after)
        page, headers = found[: int(limit)], {}
        if len(found) > len(page):
            token = _write_place("inventory_levels", page[-1], {"inventory_item_ids": ids})
            headers["Link"] = f'<https://shop{request.path}?limit={limit}&page_info={token}>; rel="next"'
        return Answer.json({"inventory_levels": [levels[place] for place in page]}, headers=headers)


@asynccontextmanager
async def serve_shopify_api(api: ShopifyApi, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve for the time of the block; gives the address."""
    async with serve_http(api.handle, host=host, port=port) as bound:
        yield f"http://{host}:{bound}"


def _number(thing: Product | Order) -> int:
    return thing.order_id if isinstance(thing, Order) else thing.product_id


def _render(thing: Product | Order) -> dict[str, Any]:
    return render_order(thing) if isinstance(thing, Order) else render_product(thing)


def _after(name: str, number: int, place: int) -> bool:
    return number > place if name == "products" else number < place


def _write_place(name: str, last: Any, filters: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps([name, last, filters]).encode()).decode().rstrip("=")


def _read_place(token: str, name: str) -> tuple[Any, dict[str, str]] | None:
    try:
        of, last, filters = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        return None
    return (last, filters) if of == name else None


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer.json({"errors": message}, status, headers)
