"""Each shop's own rules: Shopify's limits, rights and links; WooCommerce's signatures."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from urllib.parse import parse_qs, urlsplit

import pytest

from contract.platforms.shelves import NOW, RIGHT, Sleeper, reader_of, served, stocked
from kiki.commerce.events import InventoryLevelsListed
from kiki.kit.errors import RETRYABLE, InvalidInput, Unavailable
from kiki.kit.http import HttpAnswer
from kiki.platforms.protocol import Resource, StoreContext, StoreCredentials
from kiki.platforms.shopify.api import next_place, pause_after
from kiki.platforms.shopify.platform import Shopify
from kiki.platforms.woocommerce.api import authorised, oauth_signature
from kiki.sandbox.http_server import Answer, Request

KEYS = StoreCredentials(consumer_key="ck_1", consumer_secret="cs_1")


def answer(**headers: str) -> HttpAnswer:
    return HttpAnswer(200, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


@pytest.mark.parametrize(
    ("link", "place"),
    [
        ('<https://a.myshopify.com/admin/api/2026-04/orders.json?limit=5&page_info=abc>; rel="next"', "abc"),
        ("<https://x/o.json?page_info=a%3D%3D&limit=5>; rel=next", "a=="),
        ('<https://x/o.json?page_info=p>; rel="previous", <https://x/o.json?page_info=n>; rel="next"', "n"),
        ('<https://x/o.json?page_info=p>; rel="previous"', None),
        ('<https://x/o.json?limit=5>; rel="next"', None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_the_next_place_is_read_off_the_link(link: str, place: str | None) -> None:
    assert next_place(answer(link=link)) == place


@pytest.mark.parametrize(
    ("used", "seconds"),
    [("1/40", 0.0), ("20/40", 0.0), ("40/40", 10.0), ("30/40", 5.0), ("400/400", 10.0), ("x", 0.0), ("3/0", 0.0)],
)
def test_a_bucket_is_left_half_empty(used: str, seconds: float) -> None:
    assert pause_after(answer(x_shopify_shop_api_call_limit=used)) == pytest.approx(seconds)


async def test_a_filling_bucket_slows_the_reader_down() -> None:
    sleeper = Sleeper()

    async def handle(request: object) -> object:
        shown = await served("shopify", stocked(orders=1)).handle(request)
        return type(shown)(shown.status, shown.body, {**shown.headers, "X-Shopify-Shop-Api-Call-Limit": "38/40"})

    await reader_of("shopify", handle, sleep=sleeper).page(Resource.ORDERS, "", None, 5)
    assert sleeper.slept == pytest.approx([9.0, 9.0])


@pytest.mark.parametrize(
    ("scopes", "days"),
    [(("read_orders", "read_all_orders"), None), (("read_orders",), 60), ((), 60)],
    ids=["all-orders", "sixty-days", "no-rights"],
)
async def test_orders_reach_as_far_as_the_rights(scopes: tuple[str, ...], days: int | None) -> None:
    reader = reader_of("shopify", served("shopify", stocked(orders=90), scopes=scopes).handle)
    reach = await reader.reach(Resource.ORDERS, NOW)
    assert reach == (None if days is None else NOW - dt.timedelta(days=days))
    shown = (await reader.page(Resource.ORDERS, "", NOW - dt.timedelta(days=500), 250)).count
    assert shown == (90 if days is None else 60)
    assert await reader.reach(Resource.PRODUCTS, NOW) is None


@pytest.mark.parametrize(
    ("status", "wanted"),
    [(404, NOW - dt.timedelta(days=60)), (502, None), (429, None)],
    ids=["not-told", "away", "limit"],
)
async def test_a_shop_that_is_away_has_not_said_how_far_its_orders_reach(
    status: int, wanted: dt.datetime | None
) -> None:
    """Sixty days would be kept with the job: a baseline without a year, by which growth is refused."""

    async def handle(_request: Request) -> Answer:
        return Answer(status)

    reader = reader_of("shopify", handle)
    if wanted is not None:
        assert await reader.reach(Resource.ORDERS, NOW) == wanted
        return
    with pytest.raises(RETRYABLE):
        await reader.reach(Resource.ORDERS, NOW)


async def test_without_the_right_to_inventory_products_come_with_a_note() -> None:
    api = served("shopify", stocked(orders=0, products=5), scopes=("read_products",))
    reader = reader_of("shopify", api.handle)
    page = await reader.page(Resource.PRODUCTS, "", None, 3)
    assert {each.topic for each in page.objects} == {"products/update"}
    assert "read_inventory" in page.notes[0]
    again = await reader.page(Resource.PRODUCTS, page.next_cursor or "", None, 3)
    assert (again.count, again.notes) == (2, page.notes)
    assert api.seen.count("/admin/api/2026-04/inventory_items.json") == 1


async def test_levels_of_all_locations_come_with_the_products() -> None:
    shelf = stocked(orders=0, products=60)
    for each in shelf.products:
        for item in each.items:
            item.stock = dict.fromkeys(range(1, 8), item.inventory_item_id % 7)
    api = served("shopify", shelf)
    page = await reader_of("shopify", api.handle).page(Resource.PRODUCTS, "", None, 250)
    store = StoreContext(store_id=1, currency="EUR", timezone="UTC")
    told = [event for each in page.objects for event in Shopify().events(each.topic, each.body, store)]
    levels = {
        event.inventory_item_id: {level.location_id: level.available for level in event.levels}
        for event in told
        if isinstance(event, InventoryLevelsListed)
    }
    assert levels == {
        str(item.inventory_item_id): {str(location): units for location, units in item.stock.items()}
        for each in shelf.products
        for item in each.items
    }
    assert api.seen.count("/admin/api/2026-04/inventory_levels.json") > len(levels) / 50, "pages were followed"
    again = await reader_of("shopify", api.handle).page(Resource.PRODUCTS, "", None, 250)
    assert [each.body for each in again.objects] == [each.body for each in page.objects]


@pytest.mark.parametrize("levels", [[{"location_id": 1}], ["x"]], ids=["no-item", "no-object"])
async def test_levels_of_another_form_are_refused(levels: list[object]) -> None:
    api = served("shopify", stocked(orders=0, products=1))

    async def handle(request: Request) -> Answer:
        if request.path.endswith("inventory_levels.json"):
            return Answer.json({"inventory_levels": levels})
        given: Answer = await api.handle(request)
        return given

    with pytest.raises(InvalidInput, match="levels with item and location"):
        await reader_of("shopify", handle).page(Resource.PRODUCTS, "", None, 250)


async def test_a_list_of_levels_that_does_not_end_is_given_up() -> None:
    api = served("shopify", stocked(orders=0, products=1))

    async def handle(request: Request) -> Answer:
        if request.path.endswith("inventory_levels.json"):
            return Answer.json({"inventory_levels": []}, headers={"Link": '<https://x?page_info=again>; rel="next"'})
        given: Answer = await api.handle(request)
        return given

    with pytest.raises(Unavailable, match="does not end"):
        await reader_of("shopify", handle).page(Resource.PRODUCTS, "", None, 250)


def test_keys_travel_in_clear_over_https_alone() -> None:
    secure = authorised("https://shop.example/wp-json/wc/v3/orders", {"page": "1"}, KEYS, NOW, "n")
    assert secure.headers["authorization"] == "Basic " + base64.b64encode(b"ck_1:cs_1").decode()
    assert "ck_1" not in secure.url
    plain = authorised("http://shop.example/wp-json/wc/v3/orders", {"page": "1"}, KEYS, NOW, "n")
    assert "authorization" not in plain.headers
    assert "cs_1" not in plain.url
    query = parse_qs(urlsplit(plain.url).query)
    assert query["oauth_timestamp"] == [str(int(NOW.timestamp()))]
    assert query["page"] == ["1"]
    assert "shop.example" not in repr(plain)


def test_the_signature_is_that_of_the_standard() -> None:
    """The parameters of RFC 5849 §3.4.1.1 that a query can carry, encoded by hand; the digest by another way."""
    parameters = {"b5": "=%3D", "a3": "2 q", "c@": "", "oauth_nonce": "7d8f3e4a"}
    base = (
        "GET&http%3A%2F%2Fexample.com%2Frequest&a3%3D2%2520q%26b5%3D%253D%25253D%26c%2540%3D%26oauth_nonce%3D7d8f3e4a"
    )
    wanted = base64.b64encode(hmac.new(b"cs%26x&", base.encode(), hashlib.sha256).digest()).decode()
    assert oauth_signature("get", "http://example.com/request", parameters, "cs&x") == wanted


async def test_basic_keys_over_plain_http_and_a_used_nonce_are_refused_by_the_shop() -> None:
    api = served("woocommerce", stocked(orders=1))
    now = dt.datetime.now(dt.UTC)
    request = authorised("http://shop.example/wp-json/wc/v3/orders", {}, RIGHT, now, "once")
    query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
    asked = Request("GET", "/wp-json/wc/v3/orders", query, {"host": "shop.example"}, b"")
    assert (await api.handle(asked)).status == 200
    assert (await api.handle(asked)).status == 401
    basic = "Basic " + base64.b64encode(b"ck_right:cs_right").decode()
    in_clear = Request("GET", "/wp-json/wc/v3/orders", {}, {"host": "shop.example", "authorization": basic}, b"")
    assert (await api.handle(in_clear)).status == 401
