"""The recorded requests of running shops mean what happened in those shops."""

from __future__ import annotations

import datetime as dt

import pytest

from kiki.commerce.events import (
    CustomerDeleted,
    CustomerObserved,
    OrderDeleted,
    OrderObserved,
    ProductDeleted,
    ProductObserved,
    StockStatus,
    VariantObserved,
)
from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money
from kiki.platforms.protocol import StoreContext
from kiki.platforms.woocommerce.platform import WooCommerce
from recorded.deliveries import WOOCOMMERCE_SECRET, RecordedRequest, recorded, recorded_requests

STORE = StoreContext(store_id=1, currency="EUR", timezone="Europe/Berlin")
PLATFORM = WooCommerce()


def events_of(name: str) -> object:
    request = recorded(name)
    (event,) = PLATFORM.events(request.topic, request.body, STORE)
    return event


def test_all_but_one_of_the_27_deliveries_verify() -> None:
    deliveries = [request for request in recorded_requests() if not request.is_ping]
    refused = [request.name for request in deliveries if not _verifies(request)]
    assert len(deliveries) == 27
    assert refused == ["deliveries/047-product.updated.json"]


def _verifies(request: RecordedRequest) -> bool:
    return PLATFORM.verify(request.body, PLATFORM.envelope(request.headers).signature, [WOOCOMMERCE_SECRET])


def test_pings_are_pings_and_deliveries_are_not() -> None:
    for request in recorded_requests():
        assert PLATFORM.is_ping(request.headers, request.body) == request.is_ping, request.name


def test_every_delivery_names_its_store_and_its_webhook() -> None:
    for request in recorded_requests():
        if not request.is_ping:
            envelope = PLATFORM.envelope(request.headers)
            assert envelope.store_key == "127.0.0.1:8089"
            assert envelope.webhook_id
            assert len(envelope.delivery_id) == 32


@pytest.mark.parametrize(
    "request_", [r for r in recorded_requests() if not r.is_ping], ids=lambda request: request.name
)
def test_every_delivery_means_one_thing(request_: RecordedRequest) -> None:
    if request_.name.endswith("039-product.created.json"):
        with pytest.raises(InvalidInput, match="woocommerce_rest_product_invalid_id") as refused:
            PLATFORM.events(request_.topic, request_.body, STORE)
        assert refused.value.reason == "REST_ERROR_PAYLOAD"
    else:
        assert len(PLATFORM.events(request_.topic, request_.body, STORE)) == 1


def test_a_paid_order_is_told_alike_by_created_and_updated() -> None:
    created = events_of("deliveries/021-order.created.json")
    assert created == events_of("deliveries/022-order.updated.json")
    assert isinstance(created, OrderObserved)
    at = dt.datetime(2026, 11, 22, 21, 53, 36, tzinfo=dt.UTC)
    assert (created.placed_at, created.paid_at, created.updated_at) == (at, at, at)
    assert (created.total, created.net_sales) == (Money(5000, "EUR"), Money(5000, "EUR"))
    assert [(line.product_id, line.variant_id, line.quantity) for line in created.lines] == [
        ("12", "12", 2),
        ("13", "14", 1),
    ]
    assert created.customer is not None
    assert created.customer.customer_id == "2"


def test_a_guest_that_pays_on_delivery_is_not_paid() -> None:
    order = events_of("deliveries/028-order.created.json")
    assert isinstance(order, OrderObserved)
    assert order.paid_at is None
    assert order.customer is not None
    assert order.customer.customer_id is None
    assert order.touch is None


def test_refunds_inside_an_order_keep_their_ids() -> None:
    order = events_of("deliveries/033-order.updated.json")
    assert isinstance(order, OrderObserved)
    assert {refund.refund_id: refund.amount.minor for refund in order.refunds} == {"19": 500, "20": 4500}
    assert order.total == Money(5000, "EUR")


def test_an_order_trashed_before_the_queue_ran_is_deleted() -> None:
    at = dt.datetime(2026, 11, 22, 22, 5, 44, tzinfo=dt.UTC)
    assert events_of("deliveries/118-order.created.json") == OrderDeleted(order_id="34", updated_at=at)


def test_a_stockout_is_the_shops_own_word() -> None:
    product = events_of("deliveries/029-product.updated.json")
    assert isinstance(product, ProductObserved)
    (variant,) = product.variants
    assert (variant.status, variant.quantity, variant.tracked) == (StockStatus.OUT_OF_STOCK, 0, True)
    assert (variant.price, variant.compare_at_price) == (Money(1500, "EUR"), Money(1999, "EUR"))


def test_a_variation_is_a_variant_of_its_parent() -> None:
    variant = events_of("deliveries/034-product.updated.json")
    assert isinstance(variant, VariantObserved)
    assert (variant.product_id, variant.variant.variant_id, variant.active) == ("13", "15", True)
    assert variant.variant.status is StockStatus.OUT_OF_STOCK


def test_entities_and_emoji_become_plain_text() -> None:
    product = events_of("deliveries/013-product.created.json")
    assert isinstance(product, ProductObserved)
    assert product.created
    assert not product.partial
    assert product.title == "Café Müller – Tasse ☕ groß"
    assert product.description == 'Keramik/ceramic & "fein" / 10 € 🎉'


def test_deletes_carry_an_id_alone() -> None:
    assert events_of("deliveries/106-product.deleted.json") == ProductDeleted(product_id="28", trusted=False)
    assert events_of("deliveries/042-order.deleted.json") == OrderDeleted(order_id="18")
    assert events_of("deliveries/128-customer.deleted.json") == CustomerDeleted(customer_id="3")


def test_a_customer_says_nothing_about_consent() -> None:
    customer = events_of("deliveries/020-customer.updated.json")
    assert isinstance(customer, CustomerObserved)
    assert (customer.first_name, customer.last_name) == ("Annä", "Łuczak")
    assert customer.accepts_email_marketing is None
