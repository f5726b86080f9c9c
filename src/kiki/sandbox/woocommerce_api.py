"""The REST API v3 of a simulated WooCommerce shop over plain HTTP: products, their variations, orders.

As on a real one, keys that travel in clear over plain HTTP are refused: requests are signed by OAuth 1.0a, each with a
nonce that is used once. A page past the end is an empty list, more than 100 a page is refused.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from kiki.sandbox.goods import Order
from kiki.sandbox.http_server import Answer, Request, serve_http
from kiki.sandbox.shelf import Shelf, Trouble, since
from kiki.sandbox.woocommerce import WooCommerceShop

_BASE = "/wp-json/wc/v3/"
_MAX_PER_PAGE = 100
_CLOCK_SECONDS = 900
_T = TypeVar("_T")
_HASHES = {"HMAC-SHA256": "sha256", "HMAC-SHA1": "sha1"}


@dataclass(slots=True)
class WooCommerceApi:
    """One shop's API; what stands on the shelf may change between two requests."""

    shop: WooCommerceShop
    shelf: Shelf
    consumer_key: str
    consumer_secret: str
    now: Callable[[], dt.datetime]
    trouble: Trouble = field(default_factory=Trouble)
    seen: list[str] = field(default_factory=list)
    """The paths asked for."""
    broken: set[int] = field(default_factory=set)
    """Ids of orders that it cannot load: as on a real one they are counted, and missing from their page."""
    _nonces: set[str] = field(default_factory=set)

    async def handle(self, request: Request) -> Answer:
        refusal = self.trouble.strike()
        if refusal is not None:
            return refusal
        if not self._is_signed(request):
            return _error(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        self.seen.append(request.path)
        if request.method != "GET":
            return _error(404, "rest_no_route", "No route was found matching the URL and request method.")
        match request.path.removeprefix(_BASE).split("/"):
            case ["products"]:
                found = sorted(self.shelf.products, key=lambda each: each.product_id)
                return _page(request, found, self.shop.render_product)
            case ["products", number, "variations"]:
                return self._variations(request, number)
            case ["orders"]:
                return _page(request, self._orders(request.query), self._render_order)
        return _error(404, "rest_no_route", "No route was found matching the URL and request method.")

    def _is_signed(self, request: Request) -> bool:
        """One-legged OAuth 1.0a; basic and query credentials do not count over plain HTTP."""
        given = dict(request.query)
        signature, nonce = given.pop("oauth_signature", ""), given.get("oauth_nonce", "")
        stamp, method = given.get("oauth_timestamp", ""), given.get("oauth_signature_method", "")
        fresh = stamp.isdecimal() and abs(self.now().timestamp() - int(stamp)) <= _CLOCK_SECONDS
        if given.get("oauth_consumer_key") != self.consumer_key or method not in _HASHES or not fresh:
            return False
        url = f"http://{request.headers.get('host', '')}{request.path}"
        pairs = "&".join(f"{key}={value}" for key, value in sorted((_raw(k), _raw(v)) for k, v in given.items()))
        base = f"{request.method}&{_raw(url)}&{_raw(pairs)}"
        digest = hmac.digest(f"{self.consumer_secret}&".encode(), base.encode(), _HASHES[method])
        if not nonce or nonce in self._nonces or not hmac.compare_digest(base64.b64encode(digest).decode(), signature):
            return False
        self._nonces.add(nonce)
        return True

    def _orders(self, query: dict[str, str]) -> list[Order]:
        """`after` leaves its own second out, and is in UTC with `dates_are_gmt`, which a reader should say."""
        after = since(query.get("after", ""))
        if after is not None and query.get("dates_are_gmt") != "true":
            after -= dt.timedelta(hours=1)
        return [
            each
            for each in sorted(self.shelf.orders, key=lambda each: each.order_id)
            if after is None or each.placed_at.replace(microsecond=0) > after
        ]

    def _render_order(self, order: Order) -> dict[str, Any]:
        return {} if order.order_id in self.broken else self.shop.render_order(order)

    def _variations(self, request: Request, number: str) -> Answer:
        product = next((each for each in self.shelf.products if str(each.product_id) == number), None)
        if product is None:
            return _error(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
        shown = []
        for item in product.items if len(product.items) > 1 else ():
            variation = self.shop.render_variation(product, item)
            # A webhook's variation has a type and a parent; a listed one has not.
            shown.append({key: value for key, value in variation.items() if key not in ("type", "parent_id")})
        return _page(request, shown, lambda each: each)


@asynccontextmanager
async def serve_woocommerce_api(api: WooCommerceApi, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve for the time of the block; gives the address."""
    async with serve_http(api.handle, host=host, port=port) as bound:
        yield f"http://{host}:{bound}"


def _page(request: Request, found: list[_T], render: Callable[[_T], dict[str, Any]]) -> Answer:
    """A page of what is sorted by id, ascending; without what is rendered as nothing."""
    query = request.query
    per_page, page = query.get("per_page", "10"), query.get("page", "1")
    if not per_page.isdecimal() or not 1 <= int(per_page) <= _MAX_PER_PAGE or not page.isdecimal() or page == "0":
        return _error(400, "rest_invalid_param", "Invalid parameter(s): per_page")
    if query.get("order", "desc") == "desc":
        found.reverse()
    size = int(per_page)
    start = int(query["offset"]) if query.get("offset", "").isdecimal() else (int(page) - 1) * size
    headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(-(-len(found) // size))}
    shown = filter(None, map(render, found[start : start + size]))
    return Answer.json(list(shown), headers=headers)


def _raw(text: str) -> str:
    return quote(text, safe="~")


def _error(status: int, code: str, message: str) -> Answer:
    return Answer.json({"code": code, "message": message, "data": {"status": status}}, status)
