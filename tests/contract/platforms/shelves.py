"""Shelves of goods and orders, simulated shops over them, and readers that reach these shops without a socket."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from kiki.kit.http import OutboundHttp, OutboundPolicy
from kiki.platforms.protocol import Resource, ShopReader, StoreApi, StoreCredentials
from kiki.platforms.registry import readers
from kiki.platforms.shop_http import ShopHttp
from kiki.sandbox.catalogue import make_buyer, make_product
from kiki.sandbox.goods import Line, Order, Product
from kiki.sandbox.http_server import Answer, Request
from kiki.sandbox.shelf import Shelf
from kiki.sandbox.shopify_api import CallBucket, ShopifyApi
from kiki.sandbox.woocommerce import WooCommerceShop
from kiki.sandbox.woocommerce_api import WooCommerceApi

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
RIGHT = StoreCredentials(access_token="shpat_right", consumer_key="ck_right", consumer_secret="cs_right")
WRONG = StoreCredentials(access_token="shpat_wrong", consumer_key="ck_right", consumer_secret="cs_wrong")
ALL = sorted(readers())
SINCE = NOW - dt.timedelta(days=1000)

each_platform = pytest.mark.parametrize("platform", ALL)


def make_order(number: int, placed_at: dt.datetime, product: Product) -> Order:
    rng = random.Random(number)
    line = Line(number * 10, product, product.items[0], 1)
    buyer = make_buyer(rng, number, placed_at, guest=number % 4 == 0)
    return Order(number, number, "EUR", buyer, [line], placed_at, placed_at, paid_at=placed_at)


def make_products(count: int) -> list[Product]:
    rng = random.Random(count)
    made = []
    for number in range(count):
        ids = [1000 + 10 * number + part for part in range(4)]
        several = number % 3 == 2
        made.append(make_product(rng, ids, NOW, several=several, single_id=not several, stock={1: 5}))
    return made


def stocked(orders: int, products: int = 3) -> Shelf:
    goods = make_products(max(products, 1))
    sold = [make_order(5000 + n, NOW - dt.timedelta(days=orders - n), goods[0]) for n in range(orders)]
    return Shelf(goods[:products], sold)


def served(platform: str, shelf: Shelf, **how: Any) -> Any:
    if platform == "shopify":
        return ShopifyApi(shelf, "shpat_right", lambda: NOW, bucket=CallBucket(10**9), **how)
    shop = WooCommerceShop(url="https://shelf.example/", secret="a secret", currency="EUR")
    return WooCommerceApi(shop, shelf, "ck_right", "cs_right", lambda: dt.datetime.now(dt.UTC), **how)


@dataclass
class Sleeper:
    """Remembers what was waited for."""

    slept: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def reader_of(platform: str, handle: Callable[[Request], Any], **how: Any) -> ShopReader:
    """A reader whose requests reach the handler without a socket: the fake is at the transport."""

    async def answer(request: httpx.Request) -> httpx.Response:
        asked = Request(
            request.method, request.url.path, dict(request.url.params), dict(request.headers), request.content
        )
        given: Answer = await handle(asked)
        return httpx.Response(given.status, headers=dict(given.headers), content=given.body)

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    http = OutboundHttp(client, OutboundPolicy(allow_private=True))
    api = StoreApi("http://shop.example", how.get("credentials", RIGHT))
    return readers()[platform](ShopHttp(http, how.get("sleep", Sleeper())), api)


async def read_all(
    reader: ShopReader,
    resource: Resource,
    *,
    limit: int,
    since: dt.datetime | None = None,
    between: Callable[[], None] = lambda: None,
) -> list[int]:
    """The ids of all objects of the resource itself, in the order in which they were read."""
    found: list[int] = []
    cursor = ""
    while True:
        page = await reader.page(resource, cursor, since, limit)
        own = [msgspec.json.decode(each.body)["id"] for each in page.objects[: page.count]]
        assert len(own) == page.count <= limit
        found += own
        if page.next_cursor is None:
            return found
        assert page.next_cursor != cursor
        cursor = page.next_cursor
        between()
