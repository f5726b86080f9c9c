"""Orders, products, reviews."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from kiki.portal.internal.answers.exchange_rates import OrderExchange
from kiki.portal.internal.answers.shared import (
    Call,
    Confidence,
    Count,
    CurrencyCode,
    Fraction,
    MoneyText,
    Page,
    RowId,
    StoreNumber,
    Time,
    Verdict,
    said,
)

_CampaignId = Annotated[str | None, said("The campaign that is credited; null: none.")]
_Revision = Annotated[Count, said("Which decision about the order; 0: none has been made.")]
_Total = Annotated[MoneyText | None, said("What was charged.")]
_NetSales = Annotated[MoneyText | None, said("After discounts, without tax, shipping and gift cards.")]


class Order(TypedDict):
    """An order as a list shows it."""

    order_id: Annotated[str, said("As the shop names the order.")]
    number: Annotated[str, said("What the merchant calls it.")]
    status: Annotated[str, said("As the platform has it.")]
    customer_key: Annotated[str, said("Our opaque name of the person.")]
    placed_at: Time
    paid_at: Annotated[Time | None, said("Null while unpaid; only paid orders bill. UTC.")]
    cancelled_at: Time | None
    deleted_at: Time | None
    updated_at: Time
    is_test: Annotated[bool, said("Whether the platform calls it a test; such orders never bill.")]
    live: Annotated[bool, said("Whether it came after the connection; history never bills.")]
    verdict: Verdict
    confidence: Confidence
    campaign_id: _CampaignId
    attribution_revision: _Revision
    total: _Total
    net_sales: _NetSales
    refunded: Annotated[MoneyText | None, said("Of the total, so far.")]


class OrderPage(Page):
    """Orders, newest first."""

    orders: Annotated[list[Order], said("Newest first.")]


class OrderLine(TypedDict):
    """A line of an order."""

    line_id: Annotated[str, said("As the shop names the line.")]
    product_id: Annotated[str | None, said("As the shop names the product.")]
    variant_id: Annotated[str | None, said("As the shop names the variant.")]
    sku: Annotated[str, said("The merchant's own number; may be empty.")]
    title: Annotated[str, said("For people.")]
    quantity: Annotated[int, said("Pieces; null where it is not known.")]
    gift_card: Annotated[bool, said("Whether it is one; then it is no revenue.")]
    net_total: Annotated[MoneyText | None, said("Of the whole line, after discounts and without tax.")]


class OrderRefund(TypedDict):
    """A refund of an order."""

    refund_id: Annotated[str, said("As the shop names the refund.")]
    refunded_at: Time
    booked: Annotated[bool, said("Whether SyncLedger has been told.")]
    amount: MoneyText | None


class _SignalDetails(TypedDict, total=False):
    campaign_ids: Annotated[list[str], said("Campaigns that the signal rests on.")]
    touchpoint_ids: Annotated[list[str], said("Touchpoints that the signal rests on.")]
    product_ids: Annotated[list[str], said("Products that the signal rests on.")]
    order_id: Annotated[str, said("The order by which the customer was acquired.")]
    without: Annotated[str, said("Decimal text: the confidence if this signal were not there.")]


class EvidenceSignal(_SignalDetails):
    """A signal as it was stored with the decision; weights are decimal text."""

    name: Annotated[str, said("`click`, `acquired`, `promoted`, or what the model calls it.")]
    weight: Annotated[str, said("Decimal text.")]


class Evidence(TypedDict, total=False):
    """What a decision rests on."""

    signals: Annotated[list[EvidenceSignal], said("What it rests on.")]
    shares: Annotated[dict[str, str], said("Credit by campaign as decimal text; `other:<name>`: not ours.")]
    billed_share: Annotated[str, said("Decimal text: what part of the order is billed; left out: all of it.")]
    arm: Annotated[str, said("Which model decided for this customer, in an A/B test.")]
    actor: Annotated[str, said("Who approved it, where a person decided.")]
    reason: Annotated[str, said("Why, where a person decided.")]
    reviewed_revision: Annotated[int, said("The decision that the person looked at.")]


class Attribution(TypedDict):
    """A decision about an order."""

    revision: _Revision
    model: Annotated[str, said("Who decided; `review`: a person.")]
    model_version: Annotated[str, said("The model and its parameters.")]
    decided_at: Time
    cause: Annotated[str, said("Why it was decided (anew), for example `placed`, `touchpoint`, `recalculated`.")]
    verdict: Verdict
    confidence: Confidence
    campaign_id: _CampaignId
    evidence: Evidence


class _ReviewState(TypedDict):
    status: Annotated[Literal["open", "approved", "rejected", "superseded"], said("How it stands.")]
    revision: _Revision
    confidence: Confidence
    opened_at: Time
    decided_at: Time | None
    actor: Annotated[str, said("Who decided; empty: nobody yet.")]
    reason: Annotated[str, said("Empty: none was given.")]


class OrderReview(_ReviewState):
    """An order's review."""


class OrderDetails(Order):
    """An order with every decision, its review, and the calls about it."""

    lines: Annotated[list[OrderLine], said("What was ordered.")]
    refunds: Annotated[list[OrderRefund], said("What was given back.")]
    attributions: Annotated[list[Attribution], said("Newest first.")]
    review: OrderReview | None
    calls: Annotated[list[Call], said("Oldest first.")]
    exchange: Annotated[OrderExchange | None, said("Null where the order is in the settlement currency.")]


class QueuedReview(_ReviewState):
    """A review with its order."""

    order_id: Annotated[str, said("As the shop names the order.")]
    number: Annotated[str, said("What the merchant calls it.")]
    placed_at: Time
    campaign_id: _CampaignId
    evidence: Annotated[Evidence | None, said("Of the decision that is reviewed.")]
    total: _Total
    net_sales: _NetSales


class ReviewPage(Page):
    """Reviews, the longest waiting first."""

    reviews: Annotated[list[QueuedReview], said("The longest waiting first.")]


class ReviewDecided(TypedDict):
    """A person's decision, taken in; the worker carries it out."""

    store_id: StoreNumber
    order_id: Annotated[str, said("As the shop names the order.")]
    decision: Annotated[Literal["approve", "reject"], said("As it was taken in.")]
    status: Annotated[Literal["accepted"], said("How it stands.")]


class Product(TypedDict):
    """A product with its stock, and how its ads stand."""

    product_id: Annotated[str, said("As the shop names the product.")]
    title: Annotated[str, said("For people.")]
    vendor: Annotated[str, said("May be empty.")]
    category: Annotated[str, said("May be empty.")]
    page_url: Annotated[str | None, said("Where it is sold.")]
    status: Annotated[str, said("`active`, `draft` or `archived`.")]
    deleted: Annotated[bool, said("Whether the shop took it away.")]
    quantity: Annotated[int | None, said("Pieces over all variants; null: not tracked.")]
    sellable: Annotated[bool, said("Whether any variant can be sold now.")]
    ads: Annotated[str, said("What the stock guard wants of its ads, for example `running`, `paused`.")]
    ads_reason: Annotated[str, said("Why, for example `out_of_stock`; empty while they run.")]
    ads_changed_at: Time | None
    resume_at: Annotated[Time | None, said("When paused ads resume, if the product stays sellable. UTC.")]
    bids_lowered: Annotated[bool, said("Whether bids are lowered because stock is low.")]
    margin: Annotated[float | None, said("Part of the price, from price and cost; null: unknown.")]
    price: Annotated[MoneyText | None, said("The lowest of its variants.")]


class ProductPage(Page):
    """Products by their id."""

    products: Annotated[list[Product], said("By their id.")]


class Variant(TypedDict):
    """A variant and its stock."""

    variant_id: Annotated[str, said("As the shop names the variant.")]
    sku: Annotated[str, said("The merchant's own number; may be empty.")]
    inventory_item_id: Annotated[str | None, said("The shop's name of its stock.")]
    tracked: Annotated[bool | None, said("Whether its stock is counted.")]
    may_oversell: Annotated[bool | None, said("Whether it is sold beyond its stock.")]
    quantity: Annotated[int | None, said("Pieces; null where it is not known.")]
    stock_status: Annotated[str | None, said("`in_stock`, `out_of_stock` or `on_backorder`, where the platform says.")]
    active: Annotated[bool, said("Whether the shop offers it.")]
    deleted: Annotated[bool, said("Whether the shop took it away.")]
    price: MoneyText | None


class InventoryEvent(TypedDict):
    """A transition of the stock guard."""

    inventory_event_id: Annotated[RowId, said("Counts the transitions.")]
    at: Time
    transition: Annotated[str, said("For example `paused`, `resumed`.")]
    cause: Annotated[str, said("Why.")]
    actor: Annotated[str, said("Who, where it was a person; otherwise empty.")]
    quantity: Annotated[int | None, said("Pieces; null where it is not known.")]


class ProductDetails(Product):
    """A product with its variants, the last 50 inventory events, and the calls about it."""

    image_urls: Annotated[list[str], said("Its pictures, as the shop serves them.")]
    variants: Annotated[list[Variant], said("What can be bought of it.")]
    inventory_events: Annotated[list[InventoryEvent], said("Newest first.")]
    calls: Annotated[list[Call], said("Oldest first.")]


class Explained(TypedDict):
    """Why an order was decided as it was."""

    store_id: StoreNumber
    order_id: Annotated[str, said("As the shop names the order.")]
    number: Annotated[str, said("What the merchant calls it.")]
    placed_at: Time
    paid_at: Time | None
    verdict: Verdict
    confidence: Confidence
    campaign_id: _CampaignId
    arm: Annotated[str, said("Which model decides for this customer in an A/B test; empty: there is none.")]
    decisions: Annotated[list[Attribution], said("Newest first.")]
    review: OrderReview | None
    touchpoints: Annotated[list[ShownTouchpoint], said("The last 200 of this person.")]
    facts: Annotated[dict[str, float], said("What learned models look at, by name.")]
    models: Annotated[list[ModelSays], said("What each model says of the evidence as it is known now.")]
    second_model: Annotated[list[ShadowDecision], said("What the second model decided, newest first; never billed.")]


class ShownTouchpoint(TypedDict):
    """A contact as raw evidence; nothing of a person stands in it."""

    touchpoint_id: Annotated[str, said("Counts once.")]
    at: Time
    kind: Annotated[str, said("`click`, `view` or `visit`.")]
    source: Annotated[str, said("`server`, `pixel`, or the order itself.")]
    campaign_id: Annotated[str | None, said("Ours, where it leads to one.")]
    channel: Annotated[str | None, said("Whose it is otherwise, where that is known.")]
    in_window: Annotated[bool, said("Whether it lies in the attribution window of the order.")]
    utm_source: Annotated[str | None, said("As it stood in the address.")]
    utm_medium: Annotated[str | None, said("As it stood in the address.")]
    utm_campaign: Annotated[str | None, said("As it stood in the address.")]
    utm_id: Annotated[str | None, said("As it stood in the address.")]
    landing: Annotated[str | None, said("The path on which the visit began.")]
    referrer: Annotated[str | None, said("The host that led there.")]
    consent: Annotated[str | None, said("What allowed the pixel; null for others.")]
    recorded_at: Time


class Signal(TypedDict):
    """One reason of a model."""

    name: Annotated[str, said("For example `click`.")]
    weight: Annotated[float, said("What it adds to the confidence.")]
    without: Annotated[float | None, said("The confidence if it were not there.")]
    campaign_ids: Annotated[list[str], said("Campaigns that the signal rests on.")]
    touchpoint_ids: Annotated[list[str], said("Touchpoints that the signal rests on.")]
    product_ids: Annotated[list[str], said("Products that the signal rests on.")]
    order_id: Annotated[str | None, said("The order by which the customer was acquired.")]


class ModelSays(TypedDict):
    """What a model says of an order now."""

    model: Annotated[str, said("The model by its name.")]
    version: Annotated[str, said("The model and its parameters, as decisions name them.")]
    verdict: Verdict
    confidence: Confidence
    billed_share: Annotated[Fraction, said("What part of the order it would bill; 0: it would not.")]
    campaign_id: _CampaignId
    signals: Annotated[list[Signal], said("What it rests on.")]


class ShadowDecision(TypedDict):
    """A decision of the second model."""

    store_id: StoreNumber
    order_id: Annotated[str, said("As the shop names the order.")]
    model: Annotated[str, said("The model by its name.")]
    decided_at: Time
    model_version: Annotated[str, said("The model and its parameters.")]
    arm: Annotated[str, said("Which model decided for this customer; empty without an A/B test.")]
    verdict: Verdict
    confidence: Confidence
    campaign_id: _CampaignId
    would_bill_minor: Annotated[int, said("Minor units of `currency`, before refunds.")]
    currency: CurrencyCode
