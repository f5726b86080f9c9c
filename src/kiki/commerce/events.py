"""Commerce events: what a delivery says about the shop, in one language for all platforms.

A platform's `events.py` turns a payload into these; the orchestrator folds them over the stored state. They are
statements about the shop ("this order looks like this now"), not commands, and say nothing about what follows.
Identifiers are text as the platform writes them. Times are aware, UTC. Personal fields are in clear here and live only
in memory: tables hold them sealed.
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import TypeAlias

import msgspec

from kiki.kit.money import Money

UNDATED = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""`updated_at` of a payload that carries no time: the delivery's trigger time, or its arrival, counts instead.

Rows of which nothing was told yet have it too. The first moment that `datetime` knows comes back from a table as minus
infinity, without a zone.
"""


class _Value(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all values here: immutable, keyword-only."""


class CustomerStub(_Value, frozen=True, kw_only=True, gc=False):
    """What an order tells about its buyer; inserted when the customer is not known yet, never overwriting a profile."""

    customer_id: str | None = None
    """The shop's identifier; None for a guest."""
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    accepts_email_marketing: bool | None = None
    accepts_sms_marketing: bool | None = None
    locale: str | None = None


class OrderLine(_Value, frozen=True, kw_only=True, gc=False):
    """One line; `net_total` is after every discount, without tax, for the ordered quantity."""

    line_id: str
    product_id: str | None
    variant_id: str | None
    sku: str
    title: str
    quantity: int
    net_total: Money
    gift_card: bool = False


class Refund(_Value, frozen=True, kw_only=True, gc=False):
    """Money given back. `refund_id` makes it a fact of its own: it counts once however many deliveries tell of it."""

    refund_id: str
    amount: Money
    """What was returned, positive, on the order's *total* basis (tax and shipping included)."""
    refunded_at: dt.datetime


class OrderTouch(_Value, frozen=True, kw_only=True, gc=False):
    """Where the order says its visit came from (landing page, platform attribution fields, cart attributes)."""

    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_content: str | None = None
    utm_term: str | None = None
    utm_id: str | None = None
    click_ids: tuple[tuple[str, str], ...] = ()
    """Pairs such as ("gclid", "…"); `platforms/visits.py` has the names."""
    landing_page: str | None = None
    referrer: str | None = None
    first_party_id: str | None = None
    """The collector's visitor id, when the shop passed it on."""
    at: dt.datetime | None = None
    """When the visit began; None when the platform does not say (then the order's time counts)."""


class OrderObserved(_Value, frozen=True, kw_only=True, gc=False):
    """This order looks like this now. Placed, paid, cancelled and each refund are read off it.

    They are facts, which only come to be, unless the statement is `whole`.
    """

    order_id: str
    number: str
    updated_at: dt.datetime
    placed_at: dt.datetime
    paid_at: dt.datetime | None
    cancelled_at: dt.datetime | None
    currency: str
    total: Money
    """What the customer was charged: tax, shipping and tips included, discounts taken off."""
    net_sales: Money
    """Sum of the lines after discounts, without tax, shipping, tips and gift cards."""
    is_test: bool
    customer: CustomerStub | None
    lines: tuple[OrderLine, ...]
    refunds: tuple[Refund, ...] = ()
    touch: OrderTouch | None = None
    status: str = ""
    """The platform's own word, for display."""
    settlement_currency: str | None = None
    exchange_rate: str | None = None
    """Decimal text: settlement amount per unit of `currency`, when the platform states both."""
    whole: bool = False
    """The newest statement alone says whether the order is paid, cancelled and refunded: on this platform people take
    each of them back, and a refund that is not told any more was deleted."""


class RefundObserved(_Value, frozen=True, kw_only=True, gc=False):
    """One refund, told apart from its order; may arrive before it."""

    order_id: str
    refund: Refund


class OrderDeleted(_Value, frozen=True, kw_only=True, gc=False):
    """The shop says that the order is gone (trashed or erased)."""

    order_id: str
    updated_at: dt.datetime | None = None
    """The order's last change, where what is left of it says so; else the deletion's trigger time or arrival counts."""


class ProductStatus(enum.Enum):
    """Whether the shop offers a product at all."""

    ACTIVE = "active"
    DRAFT = "draft"
    ARCHIVED = "archived"


class StockStatus(enum.Enum):
    """A platform's own word on stock, where it gives one instead of a quantity."""

    IN_STOCK = "in_stock"
    OUT_OF_STOCK = "out_of_stock"
    ON_BACKORDER = "on_backorder"


class Variant(_Value, frozen=True, kw_only=True, gc=False):
    """What is actually sold. A product without variants has one, whose id equals the product's."""

    variant_id: str
    sku: str
    price: Money | None
    cost: Money | None = None
    compare_at_price: Money | None = None
    inventory_item_id: str | None = None
    """The key that inventory events use, where it differs from the variant's id."""
    tracked: bool | None = None
    """Whether stock is counted; None when this payload does not say."""
    may_oversell: bool | None = None
    quantity: int | None = None
    """Stock over all locations, as told by this payload; None when it does not say."""
    status: StockStatus | None = None
    """When set, it decides over the quantity."""


class ProductObserved(_Value, frozen=True, kw_only=True, gc=False):
    """This product looks like this now. `variants` is complete unless `variants_complete` is False.

    A payload may be partial, down to an id and a stock status. `unsaid` then names the fields that it did not carry:
    they stand at a neutral value (ACTIVE, empty text, no pictures) and the stored ones are to be kept. When `variants`
    is not complete and holds one whose id equals the product's, that one speaks for every variant of the product.
    """

    product_id: str
    updated_at: dt.datetime
    status: ProductStatus
    title: str
    description: str
    vendor: str
    category: str
    page_url: str | None
    image_urls: tuple[str, ...]
    variants: tuple[Variant, ...]
    variants_complete: bool = True
    created: bool = False
    """The topic said "created"; the orchestrator also treats a first sight as creation."""
    unsaid: frozenset[str] = frozenset()
    """Names out of status, title, description, vendor, category, page_url, image_urls, variants."""

    @property
    def partial(self) -> bool:
        """Whether the payload left something out."""
        return bool(self.unsaid)


class VariantObserved(_Value, frozen=True, kw_only=True, gc=False):
    """One variation of a product, told on its own (WooCommerce); may arrive before its product."""

    product_id: str
    updated_at: dt.datetime
    active: bool
    variant: Variant


class VariantDeleted(_Value, frozen=True, kw_only=True, gc=False):
    """One variation is gone."""

    product_id: str
    variant_id: str


class ProductDeleted(_Value, frozen=True, kw_only=True, gc=False):
    """The shop says that the product is gone. `trusted` is False on platforms known to send it falsely."""

    product_id: str
    trusted: bool = True


class InventoryLevelObserved(_Value, frozen=True, kw_only=True, gc=False):
    """Stock of one inventory item at one location: a level, never a delta. None: not stocked there (any more)."""

    inventory_item_id: str
    location_id: str
    available: int | None
    updated_at: dt.datetime


class LocationLevel(_Value, frozen=True, kw_only=True, gc=False):
    """One line of a list of levels; None: not stocked there."""

    location_id: str
    available: int | None
    updated_at: dt.datetime


class InventoryLevelsListed(_Value, frozen=True, kw_only=True, gc=False):
    """The stock of one inventory item at every location that has it, as the shop's own list shows it."""

    inventory_item_id: str
    levels: tuple[LocationLevel, ...]


class InventoryItemObserved(_Value, frozen=True, kw_only=True, gc=False):
    """Properties of an inventory item that its product does not carry."""

    inventory_item_id: str
    tracked: bool
    cost: Money | None
    sku: str
    updated_at: dt.datetime


class CustomerObserved(_Value, frozen=True, kw_only=True, gc=False):
    """This customer looks like this now; consent None means that this payload does not say."""

    customer_id: str
    updated_at: dt.datetime
    created_at: dt.datetime | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    accepts_email_marketing: bool | None
    accepts_sms_marketing: bool | None
    locale: str | None = None


class CustomerDeleted(_Value, frozen=True, kw_only=True, gc=False):
    """The shop says that the customer is gone."""

    customer_id: str


class CustomersMerged(_Value, frozen=True, kw_only=True, gc=False):
    """Two customers are one person from now on."""

    kept_customer_id: str
    merged_customer_id: str


class AppUninstalled(_Value, frozen=True, kw_only=True, gc=False):
    """The shop removed the app: its tokens are dead."""


class DataSubjectRequestKind(enum.Enum):
    """What the data subject (or the platform for them) asks."""

    ACCESS = "access"
    ERASE_CUSTOMER = "erase_customer"
    ERASE_STORE = "erase_store"


class DataSubjectRequested(_Value, frozen=True, kw_only=True, gc=False):
    """A data-subject right is exercised."""

    kind: DataSubjectRequestKind
    request_id: str
    customer_id: str | None = None
    email: str | None = None
    order_ids: tuple[str, ...] = ()


CommerceEvent: TypeAlias = (
    OrderObserved
    | RefundObserved
    | OrderDeleted
    | ProductObserved
    | VariantObserved
    | VariantDeleted
    | ProductDeleted
    | InventoryLevelObserved
    | InventoryLevelsListed
    | InventoryItemObserved
    | CustomerObserved
    | CustomerDeleted
    | CustomersMerged
    | AppUninstalled
    | DataSubjectRequested
)
