"""Routes, headers, answers and the store cache of the intake."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.commerce.stores import IntakeStore
from kiki.portal.intake.headers import kept_headers, printable, read_headers
from kiki.portal.intake.routes import Route, parse_route
from kiki.portal.intake.stores import StoreCache, StoreName

NAME = StoreName("shopify", None, "example.myshopify.com")


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/webhooks/shopify/orders/create", Route("shopify", None, "orders/create", True)),
        ("/webhooks/woocommerce/order.created/", Route("woocommerce", None, "order.created", True)),
        ("/webhooks/woocommerce/s/tok-en_1/order.created", Route("woocommerce", "tok-en_1", "order.created", True)),
        ("/webhooks/woocommerce/a b\n", Route("woocommerce", None, "a_b_", False)),
        ("/webhooks/shopify", None),
        ("/webhooks/shopify/", None),
        ("/webhooks//orders", None),
        ("/webhooks/shopify/s/token", None),
        ("/webhooks/shopify/s//orders", None),
        ("/webhooks/shopify/s/" + "x" * 200 + "/orders", None),
    ],
)
def test_delivery_urls_are_parsed(path: str, route: Route | None) -> None:
    assert parse_route(path) == route


@given(st.text(max_size=300))
def test_a_stored_topic_is_short_and_plain_whatever_the_url_says(text: str) -> None:
    route = parse_route(f"/webhooks/shopify/{text}")
    if route is not None:
        assert 0 < len(route.topic) <= 128
        assert route.topic.isascii()
        assert route.topic.isprintable()


@given(st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=600)), max_size=120))
def test_headers_never_break_and_kept_ones_are_bounded(raw: list[tuple[bytes, bytes]]) -> None:
    headers = read_headers(raw)
    assert (headers is None) == (len(raw) > 100 or sum(len(name) + len(value) for name, value in raw) > 32 * 1024)
    for value in kept_headers(headers or {}).values():
        assert len(value) <= 512
        assert value.isprintable()


def test_what_strangers_make_long_is_forgotten_with_its_request() -> None:
    """Look-ups are cached by what was sent: thousands of long addresses or names would fill the memory."""
    tracemalloc.start()
    try:
        for number in range(100):
            assert parse_route(f"/webhooks/shopify/{number:x>50000}") is not None
            assert parse_route(f"/webhooks/{number:x>50000}/orders") is not None
            assert read_headers([(b"x" * 30_000 + b"%d" % number, b"")]) is not None
        assert tracemalloc.get_traced_memory()[0] < 2**20
    finally:
        tracemalloc.stop()


def test_signatures_and_credentials_are_not_kept() -> None:
    given_headers = {
        "x-wc-webhook-signature": "a",
        "x-shopify-hmac-sha256": "b",
        "authorization": "c",
        "cookie": "d",
        "x-wc-webhook-topic": "order.created",
    }
    assert kept_headers(given_headers) == {"x-wc-webhook-topic": "order.created"}


def test_control_characters_are_replaced() -> None:
    assert printable("a\x00b\nc") == "a\ufffdb\ufffdc"


class Table:
    """A store table that counts how often it is read."""

    def __init__(self) -> None:
        self.secrets: tuple[str, ...] | None = ("first",)
        self.reads = 0

    async def look(self, name: StoreName) -> IntakeStore | None:
        self.reads += 1
        if self.secrets is None:
            return None
        return IntakeStore(1, name.platform, self.secrets, "active", "EUR", "UTC")


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_known_stores_are_read_once_per_half_minute() -> None:
    table, time = Table(), Time()
    cache = StoreCache(table.look, {"shopify": ("app",)}, time)
    for _ in range(10):
        found = await cache.find(NAME)
    assert found is not None
    assert (found.secrets, table.reads) == (("first", "app"), 1)
    time.now += 31
    await cache.find(NAME)
    assert table.reads == 2


async def test_unknown_stores_are_forgotten_within_seconds() -> None:
    table, time = Table(), Time()
    table.secrets = None
    cache = StoreCache(table.look, {}, time)
    for _ in range(10):
        assert await cache.find(NAME) is None
    assert table.reads == 1
    table.secrets = ("first",)
    time.now += 4
    assert await cache.find(NAME) is not None


async def test_wrong_signatures_reload_a_store_at_most_every_few_seconds() -> None:
    table, time = Table(), Time()
    cache = StoreCache(table.look, {}, time)
    await cache.find(NAME)
    table.secrets = ("second", "first")
    reloaded = await cache.reload(NAME)
    assert reloaded is not None
    assert reloaded.secrets == ("second", "first")
    for _ in range(10):
        assert await cache.reload(NAME) is None
    assert table.reads == 2
    time.now += 6
    assert await cache.reload(NAME) is not None


async def test_a_nameless_delivery_reads_nothing() -> None:
    table = Table()
    assert await StoreCache(table.look, {}, Time()).find(StoreName("shopify", None, None)) is None
    assert table.reads == 0
