"""Webhook bodies as templates for the load generator: rendered once by a simulated shop, then filled in."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from kiki.sandbox.goods import Buyer, Item, Line, Order, Product, Visit
from kiki.sandbox.shop import Delivery, Shop

_SLOT = re.compile(rb'"<<#(\w+)>>"|<<(\w+)>>')
_AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class Template:
    """A body with named slots. `"<<#name>>"` in the JSON becomes a bare value, `<<name>>` a part of a text."""

    def __init__(self, payload: object, *, php: bool) -> None:
        text = json.dumps(payload, separators=(",", ":"))
        body = (text.replace("/", "\\/") if php else text).encode("ascii")
        self._names: list[str] = []
        self._pieces: list[bytes] = []
        end = 0
        for match in _SLOT.finditer(body):
            self._pieces += [body[end : match.start()], b""]
            self._names.append((match[1] or match[2]).decode())
            end = match.end()
        self._pieces.append(body[end:])

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        """The body with every slot filled."""
        pieces = self._pieces.copy()
        pieces[1::2] = [values[name] for name in self._names]
        return b"".join(pieces)


def order_template(shop: Shop, *, lines: int, guest: bool, visited: bool) -> Template:
    """An order of so many lines.

    Slots: order_id, customer_id, email, total, tax, at, at_local, campaign, click, and per line number N: line_N,
    product_N, variant_N, quantity_N, price_N, total_N.
    """
    visit = Visit("/", "google", "cpc", "<<campaign>>", ("gclid", "<<click>>")) if visited else None
    order = _sample_order(lines, guest=guest, visit=visit)
    payload = json.loads(shop.purchased(order, _AT)[0].body)
    patch = _patch_woocommerce_order if shop.platform == "woocommerce" else _patch_shopify_order
    patch(payload)
    return Template(payload, php=shop.platform == "woocommerce")


def product_template(shop: Shop) -> Template:
    """A stock change. Slots: product_1, variant_1, stock, price_1, at, at_local; for Shopify an inventory level."""
    product = _sample_product(1)
    payload = json.loads(shop.stock_changed(product, product.items[0], _AT)[0].body)
    if shop.platform == "shopify":
        payload |= {
            "inventory_item_id": "<<#variant_1>>",
            "location_id": 1,
            "available": "<<#stock>>",
            "updated_at": "<<at>>Z",
        }
        payload["admin_graphql_api_id"] = "gid://shopify/InventoryLevel/1?inventory_item_id=<<variant_1>>"
        return Template(payload, php=False)
    payload |= {"id": "<<#product_1>>", "name": "Product <<product_1>>", "sku": "SKU-<<product_1>>"}
    payload |= {"price": "<<price_1>>", "regular_price": "<<price_1>>", "stock_quantity": "<<#stock>>"}
    payload |= {"date_modified": "<<at_local>>", "date_modified_gmt": "<<at>>"}
    return Template(payload, php=True)


def customer_template(shop: Shop) -> Template:
    """An account after a purchase. Slots: customer_id, email, at, at_local."""
    order = _sample_order(1, guest=False, visit=None)
    told = [delivery for delivery in shop.purchased(order, _AT) if delivery.topic.startswith("customer")]
    payload = json.loads((told or shop.customer_created(order.buyer, _AT))[-1].body)
    payload |= {"id": "<<#customer_id>>", "email": "<<email>>"}
    if shop.platform == "shopify":
        payload |= {"updated_at": "<<at>>Z"}
        payload["admin_graphql_api_id"] = "gid://shopify/Customer/<<customer_id>>"
        return Template(payload, php=False)
    payload |= {"date_modified": "<<at_local>>", "date_modified_gmt": "<<at>>", "username": "u<<customer_id>>"}
    payload["billing"]["email"] = "<<email>>"
    return Template(payload, php=True)


def header_lines(delivery: Delivery, *, without: Sequence[str]) -> bytes:
    """A delivery's own header lines, but for those that change from one to the next."""
    left_out = {name.lower() for name in without}
    lines = [f"{name}: {value}\r\n" for name, value in delivery.headers.items() if name.lower() not in left_out]
    return "".join(lines).encode("latin-1")


def sample_deliveries(shop: Shop) -> dict[str, Delivery]:
    """One delivery per topic of a purchase, for its headers."""
    order = _sample_order(1, guest=False, visit=None)
    told = [*shop.purchased(order, _AT), *shop.customer_created(order.buyer, _AT)]
    return {delivery.topic: delivery for delivery in told}


def _patch_woocommerce_order(payload: dict[str, Any]) -> None:
    payload |= {"id": "<<#order_id>>", "number": "<<order_id>>", "order_key": "wc_order_<<order_id>>"}
    payload |= {"transaction_id": "ch_<<order_id>>", "cart_hash": "", "total": "<<total>>"}
    payload |= {"cart_tax": "<<tax>>", "total_tax": "<<tax>>"}
    for name in ("created", "modified", "paid"):
        payload |= {f"date_{name}": "<<at_local>>", f"date_{name}_gmt": "<<at>>"}
    if payload["customer_id"]:
        payload["customer_id"] = "<<#customer_id>>"
    payload["billing"]["email"] = "<<email>>"
    payload["meta_data"] = [each for each in payload["meta_data"] if not each["key"].endswith("session_start_time")]
    for number, line in enumerate(payload["line_items"], start=1):
        line |= {
            "id": f"<<#line_{number}>>",
            "product_id": f"<<#product_{number}>>",
            "quantity": f"<<#quantity_{number}>>",
        }
        line |= {"name": f"Product <<product_{number}>>", "sku": f"SKU-<<product_{number}>>"}
        line |= {"subtotal": f"<<total_{number}>>", "total": f"<<total_{number}>>", "price": f"<<#price_{number}>>"}


def _patch_shopify_order(payload: dict[str, Any]) -> None:
    payload |= {"id": "<<#order_id>>", "name": "#<<order_id>>", "order_number": "<<#order_id>>"}
    payload["admin_graphql_api_id"] = "gid://shopify/Order/<<order_id>>"
    payload |= {"total_price": "<<total>>", "current_total_price": "<<total>>", "total_tax": "<<tax>>"}
    payload |= dict.fromkeys(("created_at", "processed_at", "updated_at"), "<<at>>Z")
    payload |= {"email": "<<email>>", "contact_email": "<<email>>"}
    if payload["customer"] is not None:
        payload["customer"] |= {"id": "<<#customer_id>>", "email": "<<email>>"}
        payload["customer"]["admin_graphql_api_id"] = "gid://shopify/Customer/<<customer_id>>"
    for number, line in enumerate(payload["line_items"], start=1):
        line |= {
            "id": f"<<#line_{number}>>",
            "product_id": f"<<#product_{number}>>",
            "variant_id": f"<<#variant_{number}>>",
        }
        line |= {"quantity": f"<<#quantity_{number}>>", "current_quantity": f"<<#quantity_{number}>>"}
        line |= {"price": f"<<price_{number}>>", "sku": f"SKU-<<product_{number}>>"}


def _sample_order(lines: int, *, guest: bool, visit: Visit | None) -> Order:
    buyer = Buyer(None if guest else 7, "sample@load.example", "Ada", "Łuczak", "", True, _AT, _AT)
    made = [Line(number, product := _sample_product(number), product.items[0], 1) for number in range(1, lines + 1)]
    return Order(1, 1001, "EUR", buyer, made, _AT, _AT, visit=visit, paid_at=_AT)


def _sample_product(number: int) -> Product:
    item = Item(number, number, f"SKU-{number}", "Default", 1000, 400, {1: 100_000})
    title, picture = f"Product {number}", "https://shop.example/p.jpg"
    return Product(number, title, "Made for measuring.", "Kiln", "Tableware", picture, [item], _AT, _AT)
