"""Payloads as shops write them, as small as a test can read."""

from __future__ import annotations

import datetime as dt
from typing import Any


def ago(**span: float) -> dt.datetime:
    """A moment before now, to the second."""
    return (dt.datetime.now(dt.UTC) - dt.timedelta(**span)).replace(microsecond=0)


def woo_time(at: dt.datetime) -> str:
    """WooCommerce's GMT form."""
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def woo_order(
    order_id: int,
    *,
    total: str = "119.00",
    tax: str = "19.00",
    net: str = "100.00",
    product_id: int = 11,
    email: str = "ada@customer.example",
    status: str = "processing",
    placed: dt.datetime | None = None,
    modified: dt.datetime | None = None,
    refunds: list[tuple[int, str]] | None = None,
    currency: str = "EUR",
    **more: Any,
) -> dict[str, Any]:
    """An order with one line; `net` is the line after discounts, without tax."""
    placed = placed or ago(minutes=5)
    paid = woo_time(placed) if status in ("processing", "completed", "refunded") else None
    return {
        "id": order_id,
        "number": str(order_id),
        "status": status,
        "currency": currency,
        "prices_include_tax": False,
        "date_created_gmt": woo_time(placed),
        "date_modified_gmt": woo_time(modified or placed),
        "date_paid_gmt": paid,
        "total": total,
        "total_tax": tax,
        "discount_total": "0.00",
        "shipping_total": "0.00",
        "customer_id": 0,
        "billing": {"first_name": "Ada", "last_name": "Example", "email": email, "phone": ""},
        "line_items": [
            {
                "id": order_id * 10,
                "name": "Walking shoe 🥾",
                "product_id": product_id,
                "variation_id": 0,
                "quantity": 1,
                "subtotal": net,
                "total": net,
                "total_tax": tax,
                "sku": "SHOE",
                "price": float(net),
            }
        ],
        "refunds": [{"id": refund_id, "reason": "", "total": amount} for refund_id, amount in refunds or []],
        "meta_data": [],
        **more,
    }


def woo_product(product_id: int, *, modified: dt.datetime | None = None, **more: Any) -> dict[str, Any]:
    """A published simple product in stock."""
    return {
        "id": product_id,
        "name": "Walking shoe",
        "type": "simple",
        "status": "publish",
        "sku": "SHOE",
        "price": "100.00",
        "regular_price": "100.00",
        "manage_stock": False,
        "stock_quantity": None,
        "stock_status": "instock",
        "backorders": "no",
        "permalink": "https://shop.example/shoe",
        "description": "A shoe for walking.",
        "images": [],
        "date_modified_gmt": woo_time(modified or ago(minutes=1)),
        **more,
    }


def campaign(campaign_id: str, *product_ids: int, since: dt.datetime | None = None) -> dict[str, Any]:
    """A campaign of ours as it is registered."""
    starts_at = (since or ago(days=60)).isoformat()
    return {
        "campaign_id": campaign_id,
        "network": "google",
        "external_id": campaign_id,
        "name": f"Campaign {campaign_id}",
        "utm_campaign": campaign_id,
        "promotions": [{"product_id": str(product), "starts_at": starts_at} for product in product_ids],
        "daily_budget": {"amount": "50.00", "currency": "EUR"},
        "bid": {"amount": "1.20", "currency": "EUR"},
    }
