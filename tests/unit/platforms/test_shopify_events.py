"""What Shopify payloads mean."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from kiki.commerce.events import (
    UNDATED,
    AppUninstalled,
    CustomerDeleted,
    CustomerObserved,
    CustomersMerged,
    DataSubjectRequested,
    DataSubjectRequestKind,
    InventoryItemObserved,
    InventoryLevelObserved,
    OrderDeleted,
    OrderObserved,
    ProductDeleted,
    ProductObserved,
    ProductStatus,
    RefundObserved,
    VariantObserved,
)
from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money
from kiki.platforms.protocol import StoreContext
from kiki.platforms.shopify.events import read_events
from recorded.deliveries import sample

STORE = StoreContext(store_id=1, currency="USD", timezone="America/New_York")


def line(**changes: Any) -> dict[str, Any]:
    base = {"id": 11, "product_id": 21, "variant_id": 31, "sku": "S", "title": "Shirt", "quantity": 2, "price": "10.00"}
    return base | changes


def order(topic: str = "orders/create", **changes: Any) -> OrderObserved:
    payload: dict[str, Any] = {
        "id": 9007199254740993,
        "name": "#1001",
        "created_at": "2026-01-31T23:30:00-05:00",
        "updated_at": "2026-01-31T23:31:00-05:00",
        "currency": "USD",
        "financial_status": "paid",
        "total_price": "25.00",
        "line_items": [line()],
        "customer": None,
    }
    (event,) = read_events(topic, json.dumps(payload | changes).encode(), STORE)
    assert isinstance(event, OrderObserved)
    return event


def refund(amount: str = "5.00", status: str = "success", **changes: Any) -> dict[str, Any]:
    transaction = {"kind": "refund", "status": status, "amount": amount, "currency": "USD"}
    base = {"id": 71, "order_id": 7, "created_at": "2026-02-02T00:00:00Z", "transactions": [transaction]}
    return base | changes


def one(topic: str, payload: object) -> Any:
    (event,) = read_events(topic, json.dumps(payload).encode(), STORE)
    return event


def test_an_order_that_arrives_paid_was_paid_when_it_was_placed() -> None:
    event = order()
    assert event.order_id == "9007199254740993"
    assert event.placed_at == dt.datetime(2026, 2, 1, 4, 30, tzinfo=dt.UTC)
    assert event.paid_at == event.placed_at
    assert event.net_sales == Money(2000, "USD")


def test_an_order_paid_later_was_paid_at_that_update() -> None:
    assert order("orders/paid").paid_at == dt.datetime(2026, 2, 1, 4, 31, tzinfo=dt.UTC)


@pytest.mark.parametrize("status", ["pending", "authorized", "partially_paid", "voided", "expired", "", None])
def test_an_order_without_the_money_is_not_paid(status: str | None) -> None:
    assert order(financial_status=status).paid_at is None


def test_net_sales_leave_out_discounts_tax_and_gift_cards() -> None:
    lines = [
        line(
            discount_allocations=[{"amount": "1.50"}, {"amount": "0.50"}],
            tax_lines=[{"price": "1.00"}, {"price": 0.505}],
        ),
        line(id=12, gift_card=True, quantity=1, price="50.00"),
    ]
    included = order(line_items=lines, taxes_included=True)
    assert [each.net_total.minor for each in included.lines] == [1649, 5000]
    assert included.net_sales == Money(1649, "USD")
    assert order(line_items=lines, taxes_included=False).net_sales == Money(1800, "USD")


def test_refunded_units_stay_sold_and_edited_ones_do_not() -> None:
    returned = refund(refund_line_items=[{"line_item_id": 11, "quantity": 1}])
    removed = {"id": 72, "transactions": [], "refund_line_items": [{"line_item_id": 11, "quantity": 1}]}
    sold = order(line_items=[line(current_quantity=1)], refunds=[returned], current_total_price="20.00")
    assert (sold.lines[0].quantity, sold.net_sales.minor, sold.total.minor) == (2, 2000, 2500)
    edited = order(line_items=[line(current_quantity=1)], refunds=[removed], current_total_price="15.00")
    assert (edited.lines[0].quantity, edited.net_sales.minor, edited.total.minor) == (1, 1000, 1500)
    assert edited.refunds == ()


def test_an_order_edited_upwards_is_charged_what_it_is_worth_now() -> None:
    assert order(current_total_price="31.00").total == Money(3100, "USD")


def test_refunds_are_the_successful_transactions() -> None:
    failed = {"kind": "refund", "status": "failure", "amount": "9.00"}
    both = refund()
    both["transactions"] = [*both["transactions"], failed, {"kind": "sale", "status": "success", "amount": "25.00"}]
    (told,) = order(refunds=[both, {"id": 73, "transactions": []}]).refunds
    assert (told.refund_id, told.amount, told.refunded_at) == (
        "71",
        Money(500, "USD"),
        dt.datetime(2026, 2, 2, tzinfo=dt.UTC),
    )


def test_a_refund_waits_until_no_transaction_is_pending() -> None:
    waiting = refund()
    waiting["transactions"] = [*waiting["transactions"], {"kind": "refund", "status": "pending", "amount": "3.00"}]
    assert order(refunds=[waiting]).refunds == ()
    assert read_events("refunds/create", json.dumps(waiting).encode(), STORE) == ()


def test_a_refund_on_its_own_is_the_same_fact() -> None:
    event = one("refunds/create", refund())
    assert isinstance(event, RefundObserved)
    assert event.order_id == "7"
    assert event.refund == order(refunds=[refund()]).refunds[0]


def test_a_refund_in_the_customers_currency_is_converted_at_the_orders_ratio() -> None:
    foreign = refund()
    foreign["transactions"][0] |= {"currency": "EUR", "amount": "10.00"}
    prices = {"shop_money": {"amount": "25.00", "currency_code": "USD"}}
    prices["presentment_money"] = {"amount": "20.00", "currency_code": "EUR"}
    assert order(refunds=[foreign], total_price_set=prices).refunds[0].amount == Money(1250, "USD")
    assert read_events("refunds/create", json.dumps(foreign).encode(), STORE) == ()


def test_landing_page_and_cart_attributes_become_a_touch() -> None:
    event = order(
        landing_site="/products/x?utm_source=meta&utm_campaign=spring%20sale&fbclid=F1&foo=bar",
        referring_site="https://facebook.com/",
        note_attributes=[{"name": "kiki_visitor", "value": "v-1"}, {"name": "gift note", "value": "utm"}],
    )
    assert event.touch is not None
    assert (event.touch.utm_source, event.touch.utm_campaign) == ("meta", "spring sale")
    assert event.touch.click_ids == (("fbclid", "F1"),)
    assert event.touch.first_party_id == "v-1"
    assert order(landing_site=None).touch is None


def test_cart_attributes_of_the_pixel_and_of_other_apps_rank_before_the_landing_page() -> None:
    touch = order(
        landing_site="/?utm_campaign=landing&ScCid=S1&gbraid=B1",
        note_attributes=[
            {"name": "_kiki_visitor", "value": "0f" * 16},
            {"name": "utm_campaign", "value": "cart"},
            {"name": "_twclid", "value": "T1"},
            {"name": "gclid", "value": 7},
        ],
    ).touch
    assert touch is not None
    assert (touch.first_party_id, touch.utm_campaign) == ("0f" * 16, "cart")
    assert touch.click_ids == (("gbraid", "B1"), ("gclid", "7"), ("sccid", "S1"), ("twclid", "T1"))


def test_the_buyer_is_a_stub() -> None:
    consent = {"state": "subscribed"}
    customer = {"id": 5, "email": "a@example.test", "first_name": "A", "email_marketing_consent": consent}
    event = order(customer=customer, customer_locale="de-DE")
    assert event.customer is not None
    assert (event.customer.customer_id, event.customer.accepts_email_marketing) == ("5", True)
    guest = order(customer=None, email="g@example.test", buyer_accepts_marketing=False).customer
    assert guest is not None
    assert (guest.customer_id, guest.email, guest.accepts_email_marketing) == (None, "g@example.test", False)
    assert order(customer=None, email="").customer is None


@pytest.mark.parametrize("name", ["order_hkd_no_discount.json", "order_hkd_null_customer_unicode.json"])
def test_captured_orders_add_up(name: str) -> None:
    payload = sample(f"shopify/{name}")
    (event,) = read_events("orders/create", json.dumps(payload).encode(), STORE)
    assert isinstance(event, OrderObserved)
    assert event.currency == "HKD"
    assert event.net_sales == Money.parse(payload["current_subtotal_price"], "HKD")
    assert event.total == Money.parse(payload["total_price"], "HKD")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("webhook_app_uninstalled", AppUninstalled),
        ("webhook_customers_create", CustomerObserved),
        ("webhook_inventory_items_update", InventoryItemObserved),
        ("webhook_inventory_levels_update", InventoryLevelObserved),
        ("webhook_orders_create", OrderObserved),
        ("webhook_orders_updated", OrderObserved),
        ("webhook_products_update", ProductObserved),
        ("webhook_variants_out_of_stock", VariantObserved),
    ],
)
def test_captured_webhooks_are_read(name: str, kind: type) -> None:
    captured = sample(f"shopify/{name}.json")
    assert isinstance(one(captured["topic"], captured["body"]), kind)


@pytest.mark.parametrize("name", ["webhook_orders_edited", "webhook_refunds_create", "webhook_bulk_operations_finish"])
def test_captured_webhooks_after_which_nothing_follows(name: str) -> None:
    captured = sample(f"shopify/{name}.json")
    assert read_events(captured["topic"], json.dumps(captured["body"]).encode(), STORE) == ()


def test_a_product_tells_policy_and_stock() -> None:
    variants = [
        {"id": 1, "price": "9.99", "inventory_policy": "deny", "inventory_quantity": -2, "inventory_item_id": 101},
        {"id": 2, "price": "9.99", "inventory_policy": "continue", "inventory_management": None},
    ]
    event = one(
        "products/create",
        {
            "id": 3,
            "title": "T",
            "body_html": "<p>Soft &amp; warm</p><script>x()</script>",
            "status": "draft",
            "vendor": "",
            "product_type": "",
            "images": [{"src": "https://cdn.example/1.jpg"}],
            "updated_at": "2026-01-01T00:00:00Z",
            "variants": variants,
            "variant_gids": [{}, {}, {}],
        },
    )
    assert isinstance(event, ProductObserved)
    assert (event.status, event.created, event.partial) == (ProductStatus.DRAFT, True, False)
    assert event.description == "Soft & warm"
    assert not event.variants_complete
    first, second = event.variants
    assert (first.tracked, first.may_oversell, first.quantity, first.inventory_item_id) == (None, False, -2, "101")
    assert (second.tracked, second.may_oversell, second.quantity) == (False, True, None)


def test_inventory_is_a_level_and_a_disconnected_one_is_none() -> None:
    level = {"inventory_item_id": 1, "location_id": 2, "available": -3, "updated_at": "2026-01-01T00:00:00Z"}
    assert one("inventory_levels/update", level).available == -3
    gone = one("inventory_levels/disconnect", {"inventory_item_id": 1, "location_id": 2})
    assert (gone.available, gone.updated_at) == (None, UNDATED)


def test_items_tell_cost_and_whether_stock_is_counted() -> None:
    item = one(
        "inventory_items/update", {"id": 1, "tracked": True, "cost": "4.20", "updated_at": "2026-01-01T00:00:00Z"}
    )
    assert (item.tracked, item.cost) == (True, Money(420, "USD"))


def test_deletes_and_merges() -> None:
    assert one("orders/delete", {"id": 1}) == OrderDeleted(order_id="1")
    assert one("products/delete", {"id": 1}) == ProductDeleted(product_id="1")
    assert one("customers/delete", {"id": 1}) == CustomerDeleted(customer_id="1")
    merge = {
        "admin_graphql_api_id_customer_kept": "gid://shopify/Customer/1",
        "admin_graphql_api_id_customer_deleted": "gid://shopify/Customer/2",
        "status": "completed",
    }
    assert one("customers/merge", merge) == CustomersMerged(kept_customer_id="1", merged_customer_id="2")
    assert read_events("customers/merge", json.dumps(merge | {"status": "failed"}).encode(), STORE) == ()


def test_data_subject_requests() -> None:
    customer = {"id": 5, "email": "a@example.test", "phone": None}
    asked = one(
        "customers/data_request",
        {
            "shop_id": 1,
            "shop_domain": "s.myshopify.com",
            "orders_requested": [8],
            "customer": customer,
            "data_request": {"id": 9},
        },
    )
    assert asked == DataSubjectRequested(
        kind=DataSubjectRequestKind.ACCESS, request_id="9", customer_id="5", email="a@example.test", order_ids=("8",)
    )
    forgotten = one("customers/redact", {"shop_id": 1, "customer": customer, "orders_to_redact": []})
    assert forgotten.kind is DataSubjectRequestKind.ERASE_CUSTOMER
    assert one("shop/redact", {"shop_id": 1}).kind is DataSubjectRequestKind.ERASE_STORE


def test_a_zero_decimal_currency() -> None:
    event = order(currency="JPY", total_price="23600", line_items=[line(price="11800")])
    assert event.total == Money(23600, "JPY")
    assert event.net_sales == Money(23600, "JPY")


@pytest.mark.parametrize("name", ["id", "created_at", "total_price"])
def test_a_missing_field_is_named(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        order("orders/create", **{name: None})
    assert refused.value.reason == "MISSING_FIELD"
    assert refused.value.data == {"field": name}
