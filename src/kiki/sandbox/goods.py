"""What a simulated shop keeps: products with stock, buyers, orders with lines and refunds. Amounts are minor units."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field


@dataclass(slots=True)
class Item:
    """What is sold: one variant, with its stock at each location."""

    item_id: int
    """The variant; equals the product for a product without variants."""
    inventory_item_id: int
    sku: str
    title: str
    price_minor: int
    cost_minor: int
    stock: dict[int, int]
    """Location → units. One location is enough for a platform without locations."""
    tracked: bool = True
    may_oversell: bool = False

    @property
    def quantity(self) -> int:
        """Units over all locations, each clamped at zero."""
        return sum(max(0, units) for units in self.stock.values())

    @property
    def is_sellable(self) -> bool:
        return not self.tracked or self.may_oversell or self.quantity > 0


@dataclass(slots=True)
class Product:
    """A product as the shop shows it."""

    product_id: int
    title: str
    description: str
    vendor: str
    category: str
    image_url: str
    items: list[Item]
    created_at: dt.datetime
    updated_at: dt.datetime

    @property
    def is_sellable(self) -> bool:
        return any(item.is_sellable for item in self.items)


@dataclass(slots=True)
class Buyer:
    """Somebody who buys; a guest has no account."""

    customer_id: int | None
    email: str
    first_name: str
    last_name: str
    phone: str
    accepts_marketing: bool
    since: dt.datetime
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a buyer came from, as the shop's own tracking says it."""

    landing_path: str
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    click_id: tuple[str, str] | None = None
    referrer: str = ""


@dataclass(slots=True)
class Line:
    """One line; the discount is for the whole line."""

    line_id: int
    product: Product
    item: Item
    quantity: int
    discount_minor: int = 0

    @property
    def gross_minor(self) -> int:
        return self.item.price_minor * self.quantity

    @property
    def net_minor(self) -> int:
        return self.gross_minor - self.discount_minor


@dataclass(frozen=True, slots=True)
class GivenBack:
    """One refund."""

    refund_id: int
    amount_minor: int
    at: dt.datetime


@dataclass(slots=True)
class Order:
    """An order; prices are without tax, tax and shipping come on top."""

    order_id: int
    number: int
    currency: str
    buyer: Buyer
    lines: list[Line]
    placed_at: dt.datetime
    updated_at: dt.datetime
    shipping_minor: int = 0
    tax_rate_percent: int = 0
    visit: Visit | None = None
    paid_at: dt.datetime | None = None
    cancelled_at: dt.datetime | None = None
    refunds: list[GivenBack] = field(default_factory=list)
    is_test: bool = False
    first_total_minor: int | None = None
    """The total before an edit; None: it was never edited."""

    @property
    def net_minor(self) -> int:
        return sum(line.net_minor for line in self.lines)

    @property
    def tax_minor(self) -> int:
        return sum(self.line_tax_minor(line) for line in self.lines)

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor + self.shipping_minor

    @property
    def refunded_minor(self) -> int:
        return sum(refund.amount_minor for refund in self.refunds)

    def line_tax_minor(self, line: Line) -> int:
        """Tax on a line, rounded half up."""
        return (line.net_minor * self.tax_rate_percent + 50) // 100


def decimal_text(minor: int) -> str:
    """Minor units of a two-decimal currency as platforms write them."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"
