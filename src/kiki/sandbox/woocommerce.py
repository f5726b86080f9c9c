"""A simulated WooCommerce shop: payloads as a running 11.0 renders them and the headers of its webhooks."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

from kiki.sandbox.goods import Buyer, GivenBack, Item, Line, Order, Product, Visit, decimal_text
from kiki.sandbox.shop import Delivery, sign

_USER_AGENT = "WooCommerce/11.0.1 Hookshot (WordPress/7.0.4)"
_WEBHOOK_IDS = {
    "order.created": 1,
    "order.updated": 2,
    "order.deleted": 3,
    "product.created": 5,
    "product.updated": 6,
    "product.deleted": 7,
    "customer.created": 9,
    "customer.updated": 10,
}
_ADDRESS_FIELDS = (
    "first_name",
    "last_name",
    "company",
    "address_1",
    "address_2",
    "city",
    "state",
    "postcode",
    "country",
    "phone",
)
_OFFSET = dt.timedelta(hours=1)


class WooCommerceShop:
    """Renders and signs; the state is the caller's. A delivery id is shared by what one webhook sends in one second."""

    platform = "woocommerce"

    def __init__(self, *, url: str, secret: str, currency: str) -> None:
        self.store_key, self.secret, self.currency = url, secret, currency
        self._symbol = {"EUR": "€", "USD": "$", "GBP": "£"}.get(currency, currency)

    def product_created(self, product: Product, at: dt.datetime) -> list[Delivery]:
        return self._product("product.created", product, at)

    def product_changed(self, product: Product, at: dt.datetime) -> list[Delivery]:
        return self._product("product.updated", product, at)

    def product_deleted(self, product: Product, at: dt.datetime) -> list[Delivery]:
        return [self._send("product.deleted", {"id": product.product_id}, f"product:{product.product_id}", at)]

    def stock_changed(self, product: Product, item: Item, at: dt.datetime) -> list[Delivery]:
        """A variation tells its own stock; its parent sends nothing."""
        if len(product.items) == 1:
            return self._product("product.updated", product, at)
        return [self._variation("product.updated", product, item, at)]

    def customer_created(self, buyer: Buyer, at: dt.datetime) -> list[Delivery]:
        return [self._customer("customer.created", buyer, at)]

    def purchased(self, order: Order, at: dt.datetime) -> list[Delivery]:
        """One purchase: the order twice, the stock of what was bought, and the account of who bought it."""
        made = [self._order(topic, order, at) for topic in ("order.created", "order.updated")]
        for line in order.lines:
            made.extend(self.stock_changed(line.product, line.item, at))
        if order.buyer.customer_id is not None:
            made.append(self._customer("customer.updated", order.buyer, at))
        return made

    def paid(self, order: Order, at: dt.datetime) -> list[Delivery]:
        return [self._order("order.updated", order, at)]

    def edited(self, order: Order, at: dt.datetime) -> list[Delivery]:
        return [self._order("order.updated", order, at)]

    def cancelled(self, order: Order, at: dt.datetime) -> list[Delivery]:
        return [self._order("order.updated", order, at)]

    def refunded(self, order: Order, refund: GivenBack, at: dt.datetime) -> list[Delivery]:  # noqa: ARG002 - in the order
        """Refunds travel inside the order; the status that follows a second later tells of them again."""
        first = self._order("order.updated", order, at)
        order.updated_at += dt.timedelta(seconds=1)
        return [first, self._order("order.updated", order, at)]

    def ping(self, webhook_id: int = 1) -> tuple[dict[str, str], bytes]:
        """Headers and body of the unsigned request that a new webhook sends."""
        body = f"webhook_id={webhook_id}".encode()
        return {"User-Agent": _USER_AGENT, "Content-Type": "application/x-www-form-urlencoded"}, body

    def _product(self, topic: str, product: Product, at: dt.datetime) -> list[Delivery]:
        payload = self.render_product(product)
        made = [self._send(topic, payload, f"product:{product.product_id}", at)]
        if len(product.items) > 1:
            made.extend(self._variation(topic, product, item, at) for item in product.items)
        return made

    def _variation(self, topic: str, product: Product, item: Item, at: dt.datetime) -> Delivery:
        payload = self.render_variation(product, item)
        return self._send(topic, payload, f"product:{product.product_id}", at)

    def render_variation(self, product: Product, item: Item) -> dict[str, Any]:
        """A variation, as its webhooks show it."""
        return {
            **_common(product),
            "id": item.item_id,
            "name": f"{product.title} - {item.title}",
            "type": "variation",
            "parent_id": product.product_id,
            "sku": item.sku,
            "price": decimal_text(item.price_minor),
            "regular_price": decimal_text(item.price_minor),
            **_stock(item),
            "variations": [],
        }

    def render_product(self, product: Product) -> dict[str, Any]:
        """A product, as webhooks and the API show it; its variations are objects of their own."""
        first = product.items[0]
        if len(product.items) == 1:
            own: dict[str, Any] = {"type": "simple", "variations": [], "sku": first.sku, **_stock(first)}
        else:
            status = "instock" if product.is_sellable else "outofstock"
            own = {
                "type": "variable",
                "variations": [item.item_id for item in product.items],
                "sku": "",
                "manage_stock": False,
                "stock_quantity": None,
                "stock_status": status,
                "backorders": "no",
                "backorders_allowed": False,
            }
        price = decimal_text(first.price_minor)
        return {**_common(product), **own, "price": price, "regular_price": price}

    def _customer(self, topic: str, buyer: Buyer, at: dt.datetime) -> Delivery:
        payload: dict[str, Any] = {
            "id": buyer.customer_id,
            **_dates("created", buyer.since),
            **_dates("modified", buyer.updated_at),
            "email": buyer.email,
            "first_name": buyer.first_name,
            "last_name": buyer.last_name,
            "role": "customer",
            "username": buyer.email.partition("@")[0],
            "billing": _address(buyer),
            "shipping": _address(None),
            "is_paying_customer": True,
            "avatar_url": "https://secure.gravatar.com/avatar/0?s=96&d=mm&r=g",
            "meta_data": [],
        }
        return self._send(topic, payload, f"customer:{buyer.customer_id}", at)

    def _order(self, topic: str, order: Order, at: dt.datetime) -> Delivery:
        return self._send(topic, self.render_order(order), f"order:{order.order_id}", at)

    def render_order(self, order: Order) -> dict[str, Any]:
        """An order, as webhooks and the API show it."""
        return {
            "id": order.order_id,
            "parent_id": 0,
            "status": _status(order),
            "currency": order.currency,
            "version": "11.0.1",
            "prices_include_tax": False,
            **_dates("created", order.placed_at),
            **_dates("modified", order.updated_at),
            **_dates("paid", order.paid_at),
            **_dates("completed", None),
            "discount_total": decimal_text(sum(line.discount_minor for line in order.lines)),
            "discount_tax": "0.00",
            "shipping_total": decimal_text(order.shipping_minor),
            "shipping_tax": "0.00",
            "cart_tax": decimal_text(order.tax_minor),
            "total": decimal_text(order.total_minor),
            "total_tax": decimal_text(order.tax_minor),
            "customer_id": order.buyer.customer_id or 0,
            "order_key": f"wc_order_{order.order_id}",
            "billing": _address(order.buyer),
            "shipping": _address(None),
            "payment_method": "stripe",
            "payment_method_title": "Card",
            "transaction_id": f"ch_{order.order_id}" if order.paid_at else "",
            "created_via": "checkout",
            "customer_note": "",
            "cart_hash": hashlib.md5(str(order.order_id).encode(), usedforsecurity=False).hexdigest(),
            "number": str(order.order_id),
            "meta_data": _meta(order),
            "line_items": [_line(line, order) for line in order.lines],
            "tax_lines": [],
            "shipping_lines": [],
            "fee_lines": [],
            "coupon_lines": [],
            "refunds": [
                {
                    "id": refund.refund_id,
                    "reason": "",
                    "total": decimal_text(-refund.amount_minor),
                    "total_tax": "0.00",
                }
                for refund in reversed(order.refunds)
            ],
            "payment_url": f"{self.store_key}checkout/order-pay/{order.order_id}/",
            "is_editable": False,
            "needs_payment": order.paid_at is None,
            "needs_processing": True,
            "currency_symbol": self._symbol,
            "_links": {"self": [{"href": f"{self.store_key}wp-json/wc/v3/orders/{order.order_id}"}]},
        }

    def _send(self, topic: str, payload: dict[str, Any], subject: str, at: dt.datetime) -> Delivery:
        # PHP's own form: ASCII, with slashes escaped. The signature is over exactly these bytes.
        body = json.dumps(payload, separators=(",", ":")).replace("/", "\\/").encode("ascii")
        resource, _, event = topic.partition(".")
        webhook_id = _WEBHOOK_IDS[topic]
        second = f"{webhook_id}{int(at.timestamp())}"
        headers = {
            "User-Agent": _USER_AGENT,
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": self.store_key,
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": sign(self.secret, body),
            "X-WC-Webhook-ID": str(webhook_id),
            "X-WC-Webhook-Delivery-ID": hashlib.md5(second.encode(), usedforsecurity=False).hexdigest(),
        }
        return Delivery(self.platform, topic, headers, body, at, subject)


def _common(product: Product) -> dict[str, Any]:
    return {
        "id": product.product_id,
        "name": product.title,
        "slug": f"product-{product.product_id}",
        "permalink": f"https://shop.example/product/{product.product_id}/",
        **_dates("created", product.created_at),
        **_dates("modified", product.updated_at),
        "status": "publish",
        "catalog_visibility": "visible",
        "description": f"<p>{product.description}</p>\n",
        "short_description": "",
        "sale_price": "",
        "on_sale": False,
        "purchasable": True,
        "low_stock_amount": None,
        "parent_id": 0,
        "categories": [{"id": 15, "name": product.category, "slug": product.category.lower()}],
        "brands": [{"id": 16, "name": product.vendor, "slug": product.vendor.lower()}],
        "tags": [],
        "images": [{"id": product.product_id + 7, "src": product.image_url, "name": "main", "alt": ""}],
        "attributes": [],
        "meta_data": [],
        "cost_of_goods_sold": {"values": [], "total_value": product.items[0].cost_minor / 100},
    }


def _stock(item: Item) -> dict[str, Any]:
    return {
        "manage_stock": item.tracked,
        "stock_quantity": sum(item.stock.values()) if item.tracked else None,
        "stock_status": "instock" if item.quantity > 0 or not item.tracked else _empty(item),
        "backorders": "yes" if item.may_oversell else "no",
        "backorders_allowed": item.may_oversell,
    }


def _empty(item: Item) -> str:
    return "onbackorder" if item.may_oversell else "outofstock"


def _line(line: Line, order: Order) -> dict[str, Any]:
    single = len(line.product.items) == 1
    return {
        "id": line.line_id,
        "name": line.product.title,
        "product_id": line.product.product_id,
        "variation_id": 0 if single else line.item.item_id,
        "quantity": line.quantity,
        "tax_class": "",
        "subtotal": decimal_text(line.gross_minor),
        "subtotal_tax": decimal_text(order.line_tax_minor(line)),
        "total": decimal_text(line.net_minor),
        "total_tax": decimal_text(order.line_tax_minor(line)),
        "taxes": [],
        "meta_data": [],
        "sku": line.item.sku,
        "price": line.net_minor / 100 / line.quantity,
        "image": {"id": "", "src": ""},
        "parent_name": None if single else line.product.title,
    }


def _meta(order: Order) -> list[dict[str, Any]]:
    visit = order.visit
    if visit is None:
        return []
    values = {
        "source_type": "utm" if visit.utm_campaign else "typein",
        "referrer": visit.referrer,
        "utm_campaign": visit.utm_campaign,
        "utm_source": visit.utm_source or "(direct)",
        "utm_medium": visit.utm_medium,
        "session_entry": f"https://shop.example{_entry(visit)}",
        "session_start_time": (order.placed_at - dt.timedelta(minutes=4)).strftime("%Y-%m-%d %H:%M:%S"),
        "session_pages": "3",
        "session_count": "1",
        "device_type": "Mobile",
    }
    return [
        {"id": order.order_id * 20 + index, "key": f"_wc_order_attribution_{key}", "value": value}
        for index, (key, value) in enumerate(values.items())
        if value
    ]


def _entry(visit: Visit) -> str:
    return f"{visit.landing_path}?{visit.click_id[0]}={visit.click_id[1]}" if visit.click_id else visit.landing_path


def _status(order: Order) -> str:
    if order.cancelled_at:
        return "cancelled"
    if order.refunds and order.refunded_minor >= order.total_minor:
        return "refunded"
    return "processing" if order.paid_at else "pending"


def _address(buyer: Buyer | None) -> dict[str, str]:
    blank = dict.fromkeys(_ADDRESS_FIELDS, "")
    if buyer is None:
        return blank
    known = {"first_name": buyer.first_name, "last_name": buyer.last_name, "country": "DE", "phone": buyer.phone}
    return {**blank, **known, "email": buyer.email}


def _dates(name: str, at: dt.datetime | None) -> dict[str, str | None]:
    """A time twice, without an offset: in the shop's zone and in UTC."""
    if at is None:
        return {f"date_{name}": None, f"date_{name}_gmt": None}
    utc = at.astimezone(dt.UTC).replace(tzinfo=None)
    return {
        f"date_{name}": (utc + _OFFSET).isoformat(timespec="seconds"),
        f"date_{name}_gmt": utc.isoformat(timespec="seconds"),
    }
