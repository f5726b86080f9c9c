"""What every platform makes of real payloads in which fields are missing, null or of another kind."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money
from kiki.platforms.protocol import Platform, StoreContext
from kiki.platforms.registry import platforms
from kiki.sandbox.shopify import ShopifyShop
from kiki.sandbox.world import World, WorldSettings
from recorded.deliveries import recorded_requests

STORES = [StoreContext(1, "USD", "Europe/Berlin"), StoreContext(1, "JPY", "Asia/Tokyo"), StoreContext(1, "KWD", "UTC")]
GONE = object()
TEXTS = ["", "0", "abc", "-5.00", "9" * 30, "0.0000001", "1e400", "NaN", "\x00", "\ud83d", "x" * 300, "JPY", "XXXX"]
TIMES = ["2026-13-01", "0000-00-00 00:00:00", "2026-01-01", "9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00"]
NUMBERS = [0, 1, -1, 1.5, -1e-9, 2**31, 2**53 + 1, 2**63, 2**64, 10**30]
AMOUNTS = ["92233720368547758.07", "9223372036854775807", "999999999999999999", "0.00000000001", 2**63 - 1]
REST: list[Any] = [GONE, None, True, False, [], {}, [None], [[]], [{}], {"a": 1}]
VALUES = [*TEXTS, *TIMES, *NUMBERS, *AMOUNTS, *REST]
EACH = 7
"""Every place gets one value in so many, in turn: all of them everywhere take minutes."""

Place = tuple[str | int, ...]
Telling = tuple[str, Any]
"""Topic and payload."""


def _money_back(refund_id: int, amount: str, currency: str, **changes: Any) -> dict[str, Any]:
    transaction = {"kind": "refund", "status": "success", "amount": amount, "currency": currency}
    told = {"id": refund_id, "order_id": 7, "created_at": "2026-01-03T00:00:00Z", "transactions": [transaction]}
    return {**told, "refund_line_items": [], "order_adjustments": [], **changes}


def _shopify_order(**changes: Any) -> dict[str, Any]:
    """Bought in euros of a shop in dollars, edited, given back in parts."""
    line = {"id": 1, "product_id": 2, "variant_id": 3, "sku": "a", "title": "Lamp", "price": "25.00"}
    units = [{"line_item_id": 1, "quantity": 1, "subtotal": 25.0, "total_tax": 2.5}]
    shipping = [{"kind": "shipping_refund", "amount": "-5.00"}]
    return {
        "id": 820982911946154508,
        "name": "#1",
        "created_at": "2026-01-02T00:00:00+01:00",
        "updated_at": "2026-01-03T00:00:00+01:00",
        "financial_status": "partially_refunded",
        "currency": "USD",
        "total_price": "120.00",
        "current_total_price": "90.00",
        "total_outstanding": "3.00",
        "subtotal_price": "100.00",
        "total_tax": "10.00",
        "total_price_set": {"presentment_money": {"amount": "100.00", "currency_code": "EUR"}},
        "taxes_included": False,
        "landing_site": "/?utm_source=x",
        "note_attributes": [{"name": "utm_campaign", "value": "y"}],
        "customer": {"id": 5, "email": None, "email_marketing_consent": {"state": "subscribed"}},
        "line_items": [
            {**line, "quantity": 4, "current_quantity": 2, "discount_allocations": [{"amount": "5.00"}]},
            {**line, "id": 9, "quantity": 1, "current_quantity": 1, "tax_lines": [{"price": "2.333"}]},
        ],
        "refunds": [
            _money_back(7, "30.00", "EUR", refund_line_items=units, order_adjustments=shipping),
            _money_back(8, "5.00", "USD"),
            {**_money_back(9, "0", "USD", refund_line_items=units), "transactions": []},
        ],
    } | changes


def _woocommerce_order(payload: dict[str, Any]) -> dict[str, Any]:
    """With what plugins put into it."""
    wallet = [{"key": "_legacy_fee_key", "value": "_via_wallet_partial_payment"}]
    meta = {"_wcpay_mode": "live", "_wc_order_attribution_session_start_time": "2026-01-01 00:00:00"}
    return payload | {
        "fee_lines": [{"id": 1, "total": "-5.00", "meta_data": wallet}],
        "gift_cards": [{"code": "x", "amount": 5}],
        "pw_gift_cards_redeemed": [{"amount": "3"}],
        "refunds": [{"id": 5, "total": "-3.00"}],
        "meta_data": [{"id": 1, "key": key, "value": value} for key, value in meta.items()],
    }


@cache
def tellings(platform: str) -> list[Telling]:
    """Payloads of every kind."""
    if platform == "woocommerce":
        found = [(each.topic, json.loads(each.body)) for each in recorded_requests() if not each.is_ping]
        orders = [_woocommerce_order(payload) for topic, payload in found if topic == "order.created"]
        return found + [("order.updated", payload) for payload in orders]
    shop = ShopifyShop(domain="sandbox.myshopify.com", secret="secret", currency="USD")
    start = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
    told = World(shop, WorldSettings(seed=7, purchases=30, start=start, first_id=2**53 + 9)).run()
    by_topic = {each.topic: json.loads(each.body) for each in told}
    orders = [_shopify_order(), _shopify_order(financial_status="partially_paid", taxes_included=True)]
    return [*by_topic.items(), *(("orders/updated", payload) for payload in orders)]


def places(payload: Any, at: Place = ()) -> Iterator[Place]:
    """Every place in a payload but its root."""
    inside = payload.items() if isinstance(payload, dict) else enumerate(payload) if isinstance(payload, list) else ()
    for key, value in inside:
        yield (*at, key)
        yield from places(value, (*at, key))


def put(payload: Any, place: Place, value: Any) -> None:
    """Another value at a place, or none; nothing where an earlier change took the place away."""
    try:
        for key in place[:-1]:
            payload = payload[key]
        if value is GONE:
            del payload[place[-1]]
        elif isinstance(payload, (dict, list)):
            payload[place[-1]] = copy.deepcopy(value)
    except (KeyError, IndexError, TypeError):
        return


def values_in(event: Any) -> Iterator[Any]:
    """Everything that an event says, however deep."""
    if isinstance(event, tuple):
        for each in event:
            yield from values_in(each)
    elif isinstance(event, msgspec.Struct):
        for name in event.__struct_fields__:
            yield from values_in(getattr(event, name))
    else:
        yield event


def look(platform: Platform, topic: str, payload: Any, store: StoreContext) -> None:
    """Read it: refused by `InvalidInput`, or events that any table takes."""
    try:
        events = platform.events(topic, json.dumps(payload).encode(), store)
    except InvalidInput:
        return
    for value in values_in(tuple(events)):
        if isinstance(value, Money):
            assert -(2**63) < value.minor < 2**63
        elif isinstance(value, dt.datetime):
            assert value.utcoffset() == dt.timedelta(0)
        elif isinstance(value, str):
            assert "\x00" not in value
            value.encode()


each_platform = pytest.mark.parametrize("platform", [*platforms().values()], ids=lambda platform: platform.name)


@each_platform
def test_a_payload_in_which_one_thing_is_missing_or_wrong_is_read_or_refused(platform: Platform) -> None:
    kinds = {platform.alike.get(topic, topic): (topic, original) for topic, original in tellings(platform.name)}
    for topic, original in kinds.values():
        for number, place in enumerate(places(original)):
            for value in VALUES[number % EACH :: EACH]:
                payload = copy.deepcopy(original)
                put(payload, place, value)
                look(platform, topic, payload, STORES[0])


@each_platform
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.data())
def test_a_payload_in_which_much_is_missing_or_wrong_is_read_or_refused(
    platform: Platform, drawn: st.DataObject
) -> None:
    topic, original = drawn.draw(st.sampled_from(tellings(platform.name)))
    payload, where = copy.deepcopy(original), st.sampled_from(list(places(original)))
    for place, value in drawn.draw(st.lists(st.tuples(where, st.sampled_from(VALUES)), min_size=2, max_size=5)):
        put(payload, place, value)
    look(platform, topic, payload, drawn.draw(st.sampled_from(STORES)))
