"""A simulated Shopify shop: payloads of API version 2026-04 and the headers of its webhooks."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import msgspec

from kiki.sandbox.goods import Buyer, GivenBack, Item, Line, Order, Product, Visit, decimal_text
from kiki.sandbox.shop import Delivery, sign

API_VERSION = "2026-04"


class ShopifyShop:
    """Renders and signs; the state is the caller's. One merchant event has one event id over all its topics."""

    platform = "shopify"

    def __init__(self, *, domain: str, secret: str, currency: str, seed: int = 0) -> None:
        self.store_key, self.secret, self.currency = domain, secret, currency
        self._namespace = uuid.uuid5(uuid.NAMESPACE_DNS, f"{domain}/{seed}")
        self._sent = 0
        self._events = 0

    def product_created(self, product: Product, at: dt.datetime) -> list[Delivery]:
        event = self._event()
        made = [self._send("products/create", render_product(product), f"product:{product.product_id}", at, event)]
        for item in product.items:
            subject = f"item:{item.inventory_item_id}"
            made.append(self._send("inventory_items/create", render_item(item, at), subject, at, event))
            made.extend(self._levels(item, at, event))
        return made

    def product_changed(self, product: Product, at: dt.datetime) -> list[Delivery]:
        return [
            self._send("products/update", render_product(product), f"product:{product.product_id}", at, self._event())
        ]

    def product_deleted(self, product: Product, at: dt.datetime) -> list[Delivery]:
        body = {"id": product.product_id}
        return [self._send("products/delete", body, f"product:{product.product_id}", at, self._event())]

    def stock_changed(self, product: Product, item: Item, at: dt.datetime) -> list[Delivery]:
        """Each location tells its level; the product tells the sum, and the variant when it turned."""
        event = self._event()
        subject = f"product:{product.product_id}"
        made = self._levels(item, at, event)
        turn = "variants/in_stock" if item.is_sellable else "variants/out_of_stock"
        made.append(self._send(turn, _variant(item, product), subject, at, event))
        made.append(self._send("products/update", render_product(product), subject, at, event))
        return made

    def customer_created(self, buyer: Buyer, at: dt.datetime) -> list[Delivery]:
        return [self._send("customers/create", _customer(buyer), f"customer:{buyer.customer_id}", at, self._event())]

    def purchased(self, order: Order, at: dt.datetime) -> list[Delivery]:
        event = self._event()
        topics = ["orders/create", *(["orders/paid"] if order.paid_at else []), "orders/updated"]
        made = [self._order(topic, order, at, event) for topic in topics]
        for line in order.lines:
            made.extend(self._levels(line.item, at, event))
        return made

    def paid(self, order: Order, at: dt.datetime) -> list[Delivery]:
        event = self._event()
        return [self._order(topic, order, at, event) for topic in ("orders/paid", "orders/updated")]

    def edited(self, order: Order, at: dt.datetime) -> list[Delivery]:
        event = self._event()
        added = order.lines[-1]
        edit = {
            "order_edit": {
                "id": order.order_id + 1,
                "order_id": order.order_id,
                "committed_at": _time(at),
                "line_items": {"additions": [{"id": added.line_id, "delta": added.quantity}], "removals": []},
            }
        }
        told = self._send("orders/edited", edit, f"order:{order.order_id}", at, event)
        return [told, self._order("orders/updated", order, at, event)]

    def cancelled(self, order: Order, at: dt.datetime) -> list[Delivery]:
        event = self._event()
        return [self._order(topic, order, at, event) for topic in ("orders/cancelled", "orders/updated")]

    def refunded(self, order: Order, refund: GivenBack, at: dt.datetime) -> list[Delivery]:
        event = self._event()
        told = self._send("refunds/create", _refund(order, refund), f"order:{order.order_id}", at, event)
        return [told, self._order("orders/updated", order, at, event)]

    def uninstalled(self, at: dt.datetime) -> list[Delivery]:
        """The merchant removed the app."""
        body = {
            "id": 548380009,
            "myshopify_domain": self.store_key,
            "currency": self.currency,
        }
        return [self._send("app/uninstalled", body, "app", at, self._event())]

    def _levels(self, item: Item, at: dt.datetime, event: str) -> list[Delivery]:
        return [
            self._send(
                "inventory_levels/update",
                render_level(item, location, at),
                f"item:{item.inventory_item_id}",
                at,
                event,
            )
            for location in item.stock
        ]

    def _order(self, topic: str, order: Order, at: dt.datetime, event: str) -> Delivery:
        return self._send(topic, render_order(order), f"order:{order.order_id}", at, event)

    def _event(self) -> str:
        self._events += 1
        return str(uuid.uuid5(self._namespace, f"event {self._events}"))

    def _send(self, topic: str, payload: dict[str, Any], subject: str, at: dt.datetime, event: str) -> Delivery:
        self._sent += 1
        body = msgspec.json.encode(payload)
        headers = {
            "User-Agent": "Shopify-Captain-Hook",
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-SHA256": sign(self.secret, body),
            "X-Shopify-Shop-Domain": self.store_key,
            "X-Shopify-API-Version": API_VERSION,
            "X-Shopify-Webhook-Id": str(uuid.uuid5(self._namespace, f"webhook {self._sent}")),
            # One merchant event fans out; where one topic tells of several things, each is an event of its own.
            "X-Shopify-Event-Id": event
            if not topic.startswith("inventory_")
            else str(uuid.uuid5(self._namespace, f"level {self._sent}")),
            "X-Shopify-Triggered-At": at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
        }
        return Delivery(self.platform, topic, headers, body, at, subject)


def render_product(product: Product) -> dict[str, Any]:
    """A product, as webhooks and the API show it."""
    gid = f"gid://shopify/Product/{product.product_id}"
    return {
        "admin_graphql_api_id": gid,
        "id": product.product_id,
        "title": product.title,
        "body_html": f"<p>{product.description}</p>",
        "vendor": product.vendor,
        "product_type": product.category,
        "handle": f"product-{product.product_id}",
        "status": "active",
        "created_at": _time(product.created_at),
        "updated_at": _time(product.updated_at),
        "published_at": _time(product.created_at),
        "published_scope": "web",
        "tags": "",
        "template_suffix": None,
        "variants": [_variant(item, product) for item in product.items],
        "options": [{"id": product.product_id + 5, "product_id": product.product_id, "name": "Title", "position": 1}],
        "images": [{"id": product.product_id + 7, "position": 1, "alt": None, "src": product.image_url}],
        "variant_gids": [
            {
                "admin_graphql_api_id": _variant_gid(item),
                "updated_at": _time(product.updated_at),
            }
            for item in product.items
        ],
        "has_variants_that_requires_components": False,
    }


def _variant(item: Item, product: Product) -> dict[str, Any]:
    return {
        "admin_graphql_api_id": _variant_gid(item),
        "id": item.item_id,
        "product_id": product.product_id,
        "title": item.title,
        "price": decimal_text(item.price_minor),
        "compare_at_price": None,
        "sku": item.sku,
        "barcode": None,
        "position": 1,
        "inventory_policy": "continue" if item.may_oversell else "deny",
        "inventory_quantity": sum(item.stock.values()),
        "old_inventory_quantity": sum(item.stock.values()),
        "inventory_item_id": item.inventory_item_id,
        "option1": item.title,
        "taxable": True,
        "created_at": _time(product.created_at),
        "updated_at": _time(product.updated_at),
    }


def _variant_gid(item: Item) -> str:
    return f"gid://shopify/ProductVariant/{item.item_id}"


def render_item(item: Item, at: dt.datetime) -> dict[str, Any]:
    """An inventory item, as webhooks and the API show it."""
    return {
        "id": item.inventory_item_id,
        "sku": item.sku,
        "created_at": _time(at),
        "updated_at": _time(at),
        "requires_shipping": True,
        "cost": decimal_text(item.cost_minor),
        "tracked": item.tracked,
        "admin_graphql_api_id": f"gid://shopify/InventoryItem/{item.inventory_item_id}",
    }


def render_level(item: Item, location: int, at: dt.datetime) -> dict[str, Any]:
    """An item's stock at one location, as webhooks and the API show it."""
    return {
        "inventory_item_id": item.inventory_item_id,
        "location_id": location,
        "available": item.stock[location],
        "updated_at": _time(at),
        "admin_graphql_api_id": f"gid://shopify/InventoryLevel/{location}?inventory_item_id={item.inventory_item_id}",
    }


def _customer(buyer: Buyer) -> dict[str, Any]:
    state = "subscribed" if buyer.accepts_marketing else "not_subscribed"
    return {
        "id": buyer.customer_id,
        "admin_graphql_api_id": f"gid://shopify/Customer/{buyer.customer_id}",
        "email": buyer.email,
        "first_name": buyer.first_name,
        "last_name": buyer.last_name,
        "phone": buyer.phone or None,
        "created_at": _time(buyer.since),
        "updated_at": _time(buyer.updated_at),
        "state": "disabled",
        "verified_email": True,
        "tags": "",
        "currency": "USD",
        "tax_exempt": False,
        "addresses": [],
        "email_marketing_consent": {"state": state, "opt_in_level": "single_opt_in", "consent_updated_at": None},
        "sms_marketing_consent": None,
    }


def render_order(order: Order) -> dict[str, Any]:
    """An order, as webhooks and the API show it."""
    buyer, currency = order.buyer, order.currency
    now = order.total_minor - order.refunded_minor if order.cancelled_at is None else 0
    # An edit, which adds one line at the end, leaves the first totals as they were.
    total = order.total_minor if order.first_total_minor is None else order.first_total_minor
    first = order.lines if order.first_total_minor is None else order.lines[:-1]
    return {
        "id": order.order_id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order.order_id}",
        "name": f"#{order.number}",
        "number": order.number - 1000,
        "order_number": order.number,
        "created_at": _time(order.placed_at),
        "processed_at": _time(order.placed_at),
        "updated_at": _time(order.updated_at),
        "cancelled_at": _time(order.cancelled_at) if order.cancelled_at else None,
        "cancel_reason": "customer" if order.cancelled_at else None,
        "closed_at": None,
        "confirmed": True,
        "test": order.is_test,
        "currency": currency,
        "presentment_currency": currency,
        "financial_status": _financial_status(order),
        "fulfillment_status": None,
        "total_price": decimal_text(total),
        "total_price_set": _both(total, currency),
        "current_total_price": decimal_text(now),
        "subtotal_price": decimal_text(sum(line.net_minor for line in first)),
        "total_line_items_price": decimal_text(sum(line.gross_minor for line in first)),
        "total_discounts": decimal_text(sum(line.discount_minor for line in first)),
        "total_tax": decimal_text(sum(order.line_tax_minor(line) for line in first)),
        "total_outstanding": decimal_text(0 if order.paid_at else order.total_minor),
        "total_shipping_price_set": _both(order.shipping_minor, currency),
        "taxes_included": False,
        "tax_lines": _taxes(order.tax_minor, order),
        "source_name": "web",
        "landing_site": _landing(order.visit) if order.visit else None,
        "referring_site": order.visit.referrer if order.visit else None,
        "note_attributes": [],
        "email": buyer.email,
        "contact_email": buyer.email,
        "phone": None,
        "buyer_accepts_marketing": buyer.accepts_marketing,
        "customer_locale": "en-US",
        "customer": None if buyer.customer_id is None else _customer(buyer),
        "billing_address": None,
        "shipping_address": None,
        "payment_gateway_names": ["shopify_payments"],
        "discount_codes": [],
        "discount_applications": [],
        "line_items": [_line(line, order) for line in order.lines],
        "shipping_lines": [],
        "fulfillments": [],
        "refunds": [_refund(order, refund) for refund in order.refunds],
    }


def _taxes(tax_minor: int, order: Order) -> list[dict[str, Any]]:
    rate = order.tax_rate_percent / 100
    return [{"price": decimal_text(tax_minor), "rate": rate, "title": "Tax"}] if tax_minor else []


def _line(line: Line, order: Order) -> dict[str, Any]:
    allocations = []
    if line.discount_minor:
        allocations.append(
            {
                "amount": decimal_text(line.discount_minor),
                "amount_set": _both(line.discount_minor, order.currency),
                "discount_application_index": 0,
            }
        )
    return {
        "id": line.line_id,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{line.line_id}",
        "product_id": line.product.product_id,
        "variant_id": line.item.item_id,
        "title": line.product.title,
        "name": line.product.title,
        "sku": line.item.sku,
        "quantity": line.quantity,
        "current_quantity": line.quantity,
        "fulfillable_quantity": line.quantity,
        "price": decimal_text(line.item.price_minor),
        "price_set": _both(line.item.price_minor, order.currency),
        "total_discount": "0.00",
        "discount_allocations": allocations,
        "gift_card": False,
        "taxable": True,
        "product_exists": True,
        "properties": [],
        "tax_lines": _taxes(order.line_tax_minor(line), order),
        "vendor": line.product.vendor,
    }


def _refund(order: Order, refund: GivenBack) -> dict[str, Any]:
    return {
        "id": refund.refund_id,
        "admin_graphql_api_id": f"gid://shopify/Refund/{refund.refund_id}",
        "order_id": order.order_id,
        "created_at": _time(refund.at),
        "processed_at": _time(refund.at),
        "note": None,
        "restock": False,
        "refund_line_items": [],
        "order_adjustments": [],
        "transactions": [
            {
                "id": refund.refund_id + 1,
                "order_id": order.order_id,
                "kind": "refund",
                "status": "success",
                "amount": decimal_text(refund.amount_minor),
                "currency": order.currency,
                "gateway": "shopify_payments",
                "created_at": _time(refund.at),
                "test": order.is_test,
            }
        ],
    }


def _financial_status(order: Order) -> str:
    if order.paid_at is None:
        return "voided" if order.cancelled_at else "pending"
    if order.refunded_minor >= order.total_minor:
        return "refunded"
    return "partially_refunded" if order.refunds else "paid"


def _landing(visit: Visit) -> str:
    pairs = [(name, getattr(visit, name)) for name in ("utm_source", "utm_medium", "utm_campaign")]
    if visit.click_id:
        pairs.append(visit.click_id)
    query = "&".join(f"{name}={value}" for name, value in pairs if value)
    return f"{visit.landing_path}?{query}" if query else visit.landing_path


def _both(minor: int, currency: str) -> dict[str, Any]:
    money = {"amount": decimal_text(minor), "currency_code": currency}
    return {"shop_money": money, "presentment_money": money}


def _time(at: dt.datetime) -> str:
    """ISO 8601 to the second with the shop's offset, as Shopify writes it."""
    return at.astimezone(dt.timezone(dt.timedelta(hours=-5))).isoformat(timespec="seconds")
