"""What Shopify's payloads about products, stock, customers and the shop itself mean."""

from __future__ import annotations

import json

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
    VariantObserved,
)
from kiki.kit.money import Money
from kiki.platforms.shopify.events import read_events
from recorded.deliveries import sample
from unit.platforms.test_shopify_events import STORE, one


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
