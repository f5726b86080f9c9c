"""The simulated world is deterministic, and its truth agrees with what the platforms' readers see in its deliveries."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest

from kiki.commerce.events import OrderObserved, ProductObserved, RefundObserved, VariantObserved
from kiki.platforms.protocol import StoreContext
from kiki.platforms.registry import platforms
from kiki.sandbox.disturbance import Disturbance, disorder
from kiki.sandbox.shop import Shop
from kiki.sandbox.shopify import ShopifyShop
from kiki.sandbox.woocommerce import WooCommerceShop
from kiki.sandbox.world import World, WorldSettings

START = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
SECRET = "sandbox secret"


def shop(platform: str) -> Shop:
    if platform == "shopify":
        return ShopifyShop(domain="sandbox.myshopify.com", secret=SECRET, currency="USD")
    return WooCommerceShop(url="https://sandbox.example/", secret=SECRET, currency="EUR")


def world(platform: str, *, purchases: int | None = 150, seed: int = 7) -> World:
    first_id = 9_007_199_254_741_000 if platform == "shopify" else 1000
    return World(shop(platform), WorldSettings(seed=seed, purchases=purchases, start=START, first_id=first_id))


each_platform = pytest.mark.parametrize("platform", ["shopify", "woocommerce"])


@each_platform
def test_the_same_seed_tells_the_same_story(platform: str) -> None:
    assert list(world(platform).run()) == list(world(platform).run())
    assert list(world(platform).run()) != list(world(platform, seed=8).run())


@each_platform
def test_every_delivery_is_signed_as_its_platform_signs(platform: str) -> None:
    reader = platforms()[platform]
    for delivery in world(platform).run():
        envelope = reader.envelope({name.lower(): value for name, value in delivery.headers.items()})
        assert envelope.topic == delivery.topic
        assert envelope.store_key == reader.normalise_store_key(shop(platform).store_key)
        assert reader.verify(delivery.body, envelope.signature, [SECRET])


@each_platform
def test_the_last_word_on_every_order_is_the_truth(platform: str) -> None:
    told = world(platform)
    store = StoreContext(store_id=1, currency=told.shop.currency, timezone="Europe/Berlin")
    reader = platforms()[platform]
    orders: dict[int, OrderObserved] = {}
    refunds: dict[tuple[int, int], int] = {}
    for delivery in told.run():
        for event in reader.events(delivery.topic, delivery.body, store):
            if isinstance(event, OrderObserved):
                orders[int(event.order_id)] = event
                refunds.update({(int(event.order_id), int(r.refund_id)): r.amount.minor for r in event.refunds})
            if isinstance(event, RefundObserved):
                key = int(event.order_id), int(event.refund.refund_id)
                assert refunds.setdefault(key, event.refund.amount.minor) == event.refund.amount.minor
    assert orders.keys() == told.truth.orders.keys()
    for order_id, truth in told.truth.orders.items():
        seen = orders[order_id]
        assert (seen.net_sales.minor, seen.total.minor) == (truth.net_minor, truth.total_minor)
        assert (seen.paid_at is not None, seen.cancelled_at is not None) == (truth.is_paid, truth.is_cancelled)
        assert seen.is_test == truth.is_test
        assert {r: amount for (o, r), amount in refunds.items() if o == order_id} == truth.refunds


@each_platform
def test_everything_happens_that_should(platform: str) -> None:
    told = world(platform, purchases=300)
    deliveries = list(told.run())
    truth = told.truth
    assert truth.deliveries == len(deliveries)
    assert len(truth.orders) == 300
    orders = truth.orders.values()
    assert {order.confidence_percent for order in orders} == {0, 30, 80, 100}
    assert any(order.refunds for order in orders)
    assert any(order.is_cancelled for order in orders)
    assert any(order.needs_review for order in orders)
    assert any(order.is_test for order in orders) == (platform == "shopify")
    assert truth.stockouts == truth.restocks > 5
    assert 0 < truth.reversed_minor < truth.incremental_minor
    assert not truth.sold_out


@each_platform
def test_what_runs_out_is_told_and_never_bought(platform: str) -> None:
    told = world(platform)
    store = StoreContext(store_id=1, currency=told.shop.currency, timezone="Europe/Berlin")
    bought: set[str] = set()
    empty: set[str] = set()
    for delivery in told.run():
        for event in platforms()[platform].events(delivery.topic, delivery.body, store):
            if isinstance(event, OrderObserved):
                bought.update(line.product_id for line in event.lines if line.product_id)
            if isinstance(event, ProductObserved) and any(variant.quantity == 0 for variant in event.variants):
                empty.add(event.product_id)
            if isinstance(event, VariantObserved) and event.variant.quantity == 0:
                empty.add(event.product_id)
    assert empty
    assert not empty & bought


def test_an_endless_world_goes_on() -> None:
    deliveries = world("woocommerce", purchases=None).run()
    assert len(list(itertools.islice(deliveries, 5000))) == 5000


def test_trouble_loses_nothing_and_repeats_some() -> None:
    orderly = list(world("woocommerce").run())
    troubled = list(disorder(orderly, Disturbance(seed=3)))
    assert troubled == list(disorder(orderly, Disturbance(seed=3)))
    assert troubled != orderly
    bodies = [delivery.headers["X-WC-Webhook-Signature"] + delivery.topic for delivery in troubled]
    assert set(bodies) == {delivery.headers["X-WC-Webhook-Signature"] + delivery.topic for delivery in orderly}
    assert len(troubled) > len(orderly)


def test_a_woocommerce_purchase_is_several_deliveries_and_shares_delivery_ids() -> None:
    deliveries = list(world("woocommerce").run())
    topics = {delivery.topic for delivery in deliveries}
    assert topics == {
        "product.created",
        "product.updated",
        "customer.created",
        "customer.updated",
        "order.created",
        "order.updated",
    }
    ids = [delivery.headers["X-WC-Webhook-Delivery-ID"] for delivery in deliveries]
    assert len(set(ids)) < len(ids)
