"""What every platform keeps, whatever a sender writes."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.platforms.protocol import Platform, StoreContext
from kiki.platforms.registry import platforms
from properties import examples

STORE = StoreContext(store_id=1, currency="EUR", timezone="Europe/Berlin")
ALL = tuple(platforms().values())

each_platform = pytest.mark.parametrize("platform", ALL, ids=lambda platform: platform.name)

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20)
)
NAMES = """
id customer customer_id email currency total total_price created_at date_created_gmt line_items quantity price
status variants variations refunds transactions meta_data key value billing stock_quantity stock_status type parent_id
manage_stock inventory_item_id location_id available updated_at date_modified_gmt images product_id kind amount
taxes_included tax_lines discount_allocations financial_status presentment_money shop_money
"""
names = st.sampled_from(NAMES.split())
payloads = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=8),
    max_leaves=12,
)
objects = st.dictionaries(names, payloads, max_size=12)


def _events_or_refusal(platform: Platform, topic: str, body: bytes) -> None:
    events: Sequence[object] = ()
    with contextlib.suppress(InvalidInput):
        events = platform.events(topic, body, STORE)
    assert all(type(event).__module__ == "kiki.commerce.events" for event in events)


@each_platform
@given(body=st.binary(max_size=200), topic=st.data())
def test_any_bytes_are_events_or_invalid_input(platform: Platform, body: bytes, topic: st.DataObject) -> None:
    _events_or_refusal(platform, topic.draw(st.sampled_from(sorted(platform.topics))), body)


@each_platform
@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(payload=objects, topic=st.data())
def test_any_object_is_events_or_invalid_input(platform: Platform, payload: object, topic: st.DataObject) -> None:
    body = json.dumps(payload).encode()
    _events_or_refusal(platform, topic.draw(st.sampled_from(sorted(platform.topics))), body)


@each_platform
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"x":' * 50_000,
        b'{"id":NaN}',
    ],
    ids=["empty", "null", "list", "text", "cut", "binary", "deep-list", "deep-object", "nan"],
)
def test_an_unusable_body_is_refused_on_every_topic(platform: Platform, body: bytes) -> None:
    for topic in platform.topics:
        with pytest.raises(InvalidInput) as refused:
            platform.events(topic, body, STORE)
        assert refused.value.reason in {"UNREADABLE_PAYLOAD", "MISSING_FIELD", "BAD_FIELD"}, topic


@each_platform
def test_an_empty_object_names_the_missing_field_or_means_nothing(platform: Platform) -> None:
    silent = {"app/uninstalled", "orders/edited", "order_transactions/create", "shop/update", "app/scopes_update"}
    silent |= {"bulk_operations/finish", "inventory_items/delete"}
    for topic in platform.topics - silent:
        with pytest.raises(InvalidInput) as refused:
            platform.events(topic, b"{}", STORE)
        assert refused.value.reason == "MISSING_FIELD", topic
        assert refused.value.data["field"] in refused.value.message


@each_platform
def test_an_unknown_topic_is_told_as_such(platform: Platform) -> None:
    with pytest.raises(InvalidInput) as refused:
        platform.events("weather.changed", b'{"id":1}', STORE)
    assert refused.value.reason == "UNKNOWN_TOPIC"


@each_platform
def test_alike_topics_are_topics_of_one_lane(platform: Platform) -> None:
    assert set(platform.alike) <= platform.topics
    for word in set(platform.alike.values()):
        group = {topic for topic, other in platform.alike.items() if other == word}
        assert len({topic in platform.stock_topics for topic in group}) == 1


@each_platform
def test_stock_topics_are_topics(platform: Platform) -> None:
    assert platform.stock_topics
    assert platform.stock_topics < platform.topics


@each_platform
@given(body=st.binary(min_size=1, max_size=300), secret=st.text(min_size=1, max_size=40), other=st.text(max_size=40))
def test_a_signature_round_trips_and_breaks_with_the_body(
    platform: Platform, body: bytes, secret: str, other: str
) -> None:
    signature = base64.b64encode(hmac.digest(secret.encode("utf-8", "surrogatepass"), body, hashlib.sha256)).decode()
    assert platform.verify(body, signature, [secret])
    assert platform.verify(body, signature, [other, secret])
    assert not platform.verify(body + b" ", signature, [secret])
    assert not platform.verify(body, signature, [])


@each_platform
@given(signature=st.none() | st.text(max_size=100), headers=st.dictionaries(st.text(max_size=30), st.text(max_size=80)))
def test_headers_of_any_kind_are_read_and_never_verify(
    platform: Platform, signature: str | None, headers: dict[str, str]
) -> None:
    assert not platform.verify(b"{}", signature, ["a secret that nobody has"])
    envelope = platform.envelope(headers)
    assert envelope.topic == ""
    assert not platform.is_ping(headers, b"{}")


@each_platform
@given(text=st.text(max_size=80))
def test_a_store_key_is_stable_under_normalising(platform: Platform, text: str) -> None:
    key = platform.normalise_store_key(text)
    assert key is None or platform.normalise_store_key(key) == key


@each_platform
@given(text=st.from_regex(r"(https?://)?[A-Za-z0-9.-]{1,30}(:\d{1,5})?(/[a-z]{0,5}){0,3}", fullmatch=True))
def test_a_store_key_of_a_plausible_address_is_stable(platform: Platform, text: str) -> None:
    key = platform.normalise_store_key(text)
    assert key is None or platform.normalise_store_key(key) == key
