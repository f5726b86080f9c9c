"""What every platform's reader keeps, over its simulated shop: every object once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.platforms.shelves import (
    NOW,
    RIGHT,
    SINCE,
    WRONG,
    Sleeper,
    each_platform,
    make_order,
    make_products,
    read_all,
    reader_of,
    served,
    stocked,
)
from kiki.kit.errors import FailedPrecondition, KikiError, NotFound, ResourceExhausted, Unavailable
from kiki.kit.http import OutboundHttp, OutboundPolicy
from kiki.platforms.protocol import CursorRefused, Resource, StoreApi, StoreContext
from kiki.platforms.registry import platforms, readers
from kiki.platforms.shop_http import CredentialsRefused, ShopHttp
from kiki.sandbox.http_server import Answer, Request
from kiki.sandbox.shelf import Trouble
from kiki.sandbox.shopify_api import ShopifyApi, serve_shopify_api
from kiki.sandbox.woocommerce_api import serve_woocommerce_api
from properties import examples


@each_platform
@settings(deadline=None, max_examples=examples(40))
@given(count=st.integers(0, 40), limit=st.integers(2, 15), resource=st.sampled_from(Resource))
def test_pages_of_any_size_hold_every_object_once(platform: str, count: int, limit: int, resource: Resource) -> None:
    shelf = stocked(orders=count, products=count)
    reader = reader_of(platform, served(platform, shelf).handle)
    found = asyncio.run(read_all(reader, resource, limit=limit))
    wanted = (
        [o.order_id for o in shelf.orders] if resource is Resource.ORDERS else [p.product_id for p in shelf.products]
    )
    assert sorted(found) == sorted(wanted)


@each_platform
@settings(deadline=None, max_examples=examples(60))
@given(count=st.integers(0, 40), limit=st.integers(2, 9), seed=st.integers(0, 2**32))
def test_what_is_there_all_the_time_is_read_once_while_others_come_and_go(
    platform: str, count: int, limit: int, seed: int
) -> None:
    shelf, rng = stocked(orders=count), random.Random(seed)
    api = served(platform, shelf)
    first, gone = {order.order_id for order in shelf.orders}, set[int]()
    product = make_products(1)[0]

    def meanwhile() -> None:
        for _ in range(rng.randrange(4)):
            if shelf.orders:
                gone.add(shelf.orders.pop(rng.randrange(len(shelf.orders))).order_id)
        if rng.random() < 0.5 and len(first) + len(gone) < 200:
            newest = max([5000 + count, *(order.order_id for order in shelf.orders)])
            shelf.orders.append(make_order(newest + 1, NOW, product))

    found = asyncio.run(read_all(reader_of(platform, api.handle), Resource.ORDERS, limit=limit, between=meanwhile))
    assert len(found) == len(set(found)), "an object was read twice"
    assert first - gone <= set(found), "an object was left out"


@each_platform
async def test_a_reading_goes_on_from_any_place_with_a_new_reader(platform: str) -> None:
    api = served(platform, stocked(orders=23))
    places, cursor, total = [""], "", None
    while True:
        page = await reader_of(platform, api.handle).page(Resource.ORDERS, cursor, SINCE, 5)
        total = page.total if cursor == "" else total
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
        places.append(cursor)
    assert total == 23
    assert len(places) in (5, 6)
    for place in places[1:]:
        assert (await reader_of(platform, api.handle).page(Resource.ORDERS, place, SINCE, 5)).count > 0


@each_platform
async def test_every_object_has_a_topic_and_a_meaning(platform: str) -> None:
    known = platforms()[platform]
    store = StoreContext(store_id=1, currency="EUR", timezone="Europe/Berlin")
    api = served(platform, stocked(orders=6, products=7))
    events = []
    for resource in Resource:
        page = await reader_of(platform, api.handle).page(resource, "", None, 50)
        assert {each.topic for each in page.objects} <= known.topics
        events += [event for each in page.objects for event in known.events(each.topic, each.body, store)]
    names = {type(event).__name__ for event in events}
    more = {"InventoryItemObserved"} if platform == "shopify" else {"VariantObserved"}
    assert {"OrderObserved", "ProductObserved", *more} <= names


@each_platform
async def test_orders_are_bounded_by_their_creation(platform: str) -> None:
    shelf = stocked(orders=20)
    begin = shelf.orders[8].placed_at
    found = await read_all(reader_of(platform, served(platform, shelf).handle), Resource.ORDERS, limit=4, since=begin)
    assert sorted(found) == [order.order_id for order in shelf.orders[8:]]


@each_platform
async def test_wrong_keys_are_refused_and_not_shown(platform: str) -> None:
    reader = reader_of(platform, served(platform, stocked(orders=2)).handle, credentials=WRONG)
    with pytest.raises(CredentialsRefused) as refused:
        await reader.page(Resource.ORDERS, "", None, 5)
    assert "wrong" not in str(refused.value)
    assert "wrong" not in repr(vars(refused.value))


@each_platform
async def test_a_limit_is_waited_for_as_long_as_the_shop_says(platform: str) -> None:
    class Twice(Trouble):
        def strike(self) -> Answer | None:
            self.requests += 1
            return Answer(429, b"", {"Retry-After": "1.5"}) if self.requests <= 2 else None

    sleeper = Sleeper()
    reader = reader_of(platform, served(platform, stocked(orders=2), trouble=Twice()).handle, sleep=sleeper)
    assert (await reader.page(Resource.ORDERS, "", None, 5)).count == 2
    assert sleeper.slept == [1.5, 1.5]


@each_platform
@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        pytest.param(Answer(429), ResourceExhausted, id="always-limited"),
        pytest.param(Answer(503, b"", {"Retry-After": "1"}), ResourceExhausted, id="always-busy"),
        pytest.param(Answer(500), Unavailable, id="broken"),
        pytest.param(Answer(503), Unavailable, id="away"),
        pytest.param(Answer(403), CredentialsRefused, id="forbidden"),
        pytest.param(Answer(404), NotFound, id="no-api"),
        pytest.param(Answer(400), KikiError, id="bad-request"),
        pytest.param(Answer(200, b"<html>"), Unavailable, id="page-of-a-host"),
        pytest.param(Answer(200, b'{"orders":5,"count":"x"}'), Unavailable, id="other-shape"),
        pytest.param(Answer(200, b"{}"), Unavailable, id="nothing-in-it"),
        pytest.param(Answer(200, b"\xff\xfe"), Unavailable, id="binary"),
        pytest.param(Answer(302, b"", {"Location": "http://elsewhere.example/"}), FailedPrecondition, id="redirect"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_told_by_its_kind(
    platform: str, answer: Answer, wanted: type[Exception]
) -> None:
    async def handle(_request: Request) -> Answer:
        return answer

    with pytest.raises(wanted):
        await reader_of(platform, handle).page(Resource.ORDERS, "", None, 5)


@each_platform
async def test_a_place_that_the_shop_never_gave_is_refused(platform: str) -> None:
    reader = reader_of(platform, served(platform, stocked(orders=9)).handle)
    with pytest.raises(CursorRefused):
        await reader.page(Resource.ORDERS, "bm90aGluZw", None, 5)


@each_platform
async def test_the_simulated_shop_answers_over_real_http(platform: str) -> None:
    api = served(platform, stocked(orders=12))
    serving = serve_shopify_api(api) if isinstance(api, ShopifyApi) else serve_woocommerce_api(api)
    async with serving as address, OutboundHttp.open(OutboundPolicy(allow_private=True)) as http:
        reader = readers()[platform](ShopHttp(http), StoreApi(address, RIGHT))
        assert len(await read_all(reader, Resource.ORDERS, limit=5)) == 12
        assert len(await read_all(reader, Resource.PRODUCTS, limit=2)) == 3


@settings(deadline=None, max_examples=examples(80))
@given(count=st.integers(0, 40), limit=st.integers(2, 9), broken=st.sets(st.integers(5000, 5040)))
def test_what_a_shop_cannot_load_ends_no_list(count: int, limit: int, broken: set[int]) -> None:
    """WooCommerce drops it from its page and counts it all the same."""
    shelf = stocked(orders=count)
    api = served("woocommerce", shelf, broken=broken)
    found = asyncio.run(read_all(reader_of("woocommerce", api.handle), Resource.ORDERS, limit=limit))
    assert sorted(found) == [order.order_id for order in shelf.orders if order.order_id not in broken]


async def test_what_a_shop_does_not_show_is_told() -> None:
    for broken, notes in ((set[int](), 0), ({5003}, 1)):
        api = served("woocommerce", stocked(orders=8), broken=broken)
        page = await reader_of("woocommerce", api.handle).page(Resource.ORDERS, "", None, 20)
        assert len(page.notes) == notes


@each_platform
async def test_a_page_for_people_is_named_as_what_it_is(platform: str) -> None:
    async def handle(_request: Request) -> Answer:
        return Answer(200, b"<html>Please log in</html>", {"Content-Type": "text/html; charset=utf-8"})

    with pytest.raises(Unavailable, match=r"got text/html$"):
        await reader_of(platform, handle).page(Resource.ORDERS, "", None, 5)
