"""Stores, their pixels, and what is shown once."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from kiki.portal.internal.answers.shared import (
    CurrencyCode,
    DecimalFraction,
    InstantText,
    Page,
    RowId,
    StoreNumber,
    Time,
    said,
)
from kiki.portal.message_schemas import message
from kiki.rpc.v1 import syncvalue_pb2 as value


class StoreSettingsAnswer(TypedDict):
    """The rules of a store, with what it has not set itself."""

    attribution_window_days: Annotated[int, said("Days before an order in which a touchpoint counts.")]
    attribution_threshold: Annotated[DecimalFraction, said("From this confidence on an order is incremental.")]
    review_below: Annotated[DecimalFraction, said("A touched order under this confidence goes to the review queue.")]
    low_stock_threshold: Annotated[int, said("Pieces at or under which bids are lowered.")]
    low_stock_factor: Annotated[DecimalFraction, said("What the original bid is multiplied by when stock is low.")]
    resume_damping_seconds: Annotated[int, said("How long a product stays sellable before its ads resume.")]
    churn_threshold: Annotated[DecimalFraction, said("Churn risk from which a customer gets the prevention flow.")]
    churn_flow_interval_days: Annotated[int, said("Fewest days between two such flows for one customer.")]
    margin_floor: Annotated[DecimalFraction, said("Margin under which a product's ads are paused; zero: never.")]
    fee_rate: Annotated[DecimalFraction, said("The success fee as a part of incremental revenue.")]
    basis: Annotated[Literal["net_sales", "total"], said("Which amount of an order the fee is taken on.")]
    rule: Annotated[
        Literal["attributed", "uplift", "lesser_of", "experiment_estimate", "experiment_lower_bound"],
        said("How a month's fee revenue is found."),
    ]
    experiment_id: Annotated[str, said("What a rule by experiment bills on; without meaning under others.")]
    settlement_currency: Annotated[str, said("ISO 4217; empty: the store's currency.")]
    ad_networks: Annotated[list[str], said("Networks for which creatives are made.")]
    touchpoint_margin_days: Annotated[int, said("Days that touchpoints are kept beyond the window.")]
    attribution_model: Annotated[str, said("The model that decides which orders are billed.")]
    attribution_shadow: Annotated[str, said("A second model, recorded and never billed; empty: none.")]
    attribution_ab_share: Annotated[int, said("Customers, in parts per million, for whom the second model decides.")]
    pixel_consent: Annotated[
        Literal["required", "opt_out"], said("Whether the pixel waits for consent, or runs until it is refused.")
    ]
    pixel_honours_dnt: Annotated[bool, said("Whether Do Not Track is a refusal.")]
    pixel_identify: Annotated[
        Literal["signed", "told"],
        said("Whether who a visitor is counts with the shop's proof alone, or as a page tells it."),
    ]
    shop_domains: Annotated[list[str], said("More hosts on which the pixel may run.")]


class Store(TypedDict):
    """A connected shop, without anything secret."""

    store_id: StoreNumber
    platform: Annotated[str, said("For example `shopify`.")]
    store_key: Annotated[str, said("The shop's domain or URL, as its platform writes it.")]
    display_name: Annotated[str, said("For people.")]
    currency: CurrencyCode
    timezone: Annotated[str, said("IANA name; months are calendar months in it.")]
    status: Annotated[Literal["active", "uninstalled"], said("How it stands.")]
    connected_at: Annotated[InstantText, said("Orders placed before are never billed.")]
    settings: StoreSettingsAnswer


class ConnectedStore(Store):
    """A new store, with what is shown once."""

    delivery_token: Annotated[str, said("Names the store in its delivery URLs; shown once.")]
    delivery_url: Annotated[str, said("Where the platform delivers; `{topic}` stands for the topic.")]
    delivery_urls: Annotated[dict[str, str], said("The same, by topic.")]
    webhook_secret: Annotated[str | None, said("What the platform signs with, where we made it; shown once.")]


class History(TypedDict):
    """What the last sync of a store's orders that went through came to."""

    job_id: Annotated[RowId, said("The job that read them.")]
    finished_at: Time
    history_from: Annotated[str | None, said("From when on revenue is known, ISO 8601.")]
    baseline: Annotated[dict[str, Any], message(value.Baseline)]
    contract: Annotated[str, said("`told`: the baseline stands in the contract; otherwise why it does not.")]


class StoreDetails(Store):
    """A store, with the last sync of its orders."""

    history: Annotated[History | None, said("Null before the first sync that went through.")]


class StorePage(Page):
    """Stores by their number."""

    stores: Annotated[list[Store], said("By their number.")]


class RotatedSecret(TypedDict):
    """A new signing secret; the one before stays valid until the next rotation."""

    store_id: StoreNumber
    webhook_secret: Annotated[str | None, said("Where we made it; shown once. Null where it was given.")]


class RotatedToken(TypedDict):
    """A new delivery URL; the old one is dead."""

    store_id: StoreNumber
    delivery_token: Annotated[str, said("Shown once.")]
    delivery_url: Annotated[str, said("`{topic}` stands for the topic.")]


class Pixel(TypedDict):
    """What to paste into a shop. The customer snippet holds a secret of the shop's server; no page shows it."""

    store_id: StoreNumber
    collector_key: Annotated[str, said("Names the store in the pixel's address.")]
    collect_url: Annotated[str, said("Where the pixel is fetched.")]
    pixel_bytes: Annotated[int, said("Size of the script.")]
    hosts: Annotated[list[str], said("Where it may run.")]
    pixel_consent: Annotated[
        Literal["required", "opt_out"], said("Whether the pixel waits for consent, or runs until it is refused.")
    ]
    snippet: Annotated[str, said("For every page, as HTML.")]
    customer_snippet: Annotated[str, said("For pages of a customer who is signed in.")]
    order_snippet: Annotated[str, said("For the page that thanks for an order.")]


class KeptPromotion(TypedDict):
    """Days on which the shop sold, or will sell, at a special offer; both are included."""

    promotion_id: Annotated[RowId, said("Counts the promotions of the store.")]
    first_day: Annotated[str, said("YYYY-MM-DD in the shop's time zone.", "2026-11-27")]
    last_day: Annotated[str, said("YYYY-MM-DD in the shop's time zone.", "2026-11-30")]
    name: Annotated[str, said("What the merchant calls it; may be empty.")]
    registered_at: InstantText


class PromotionForecast(TypedDict):
    """What the last seasonal forecast made of the promotions."""

    revision: Annotated[int, said("Counts the forecasts of the store.")]
    computed_at: InstantText | None
    problem: Annotated[str, said("Why there is no forecast; empty: there is one.")]
    promotions: Annotated[int, said("How many it took into account.")]
    promotion_effect: Annotated[
        float | None, said("By what part a promotion raised a day's revenue; null when none lay in the history.")
    ]


class ShopPromotions(TypedDict):
    """Promotions that were registered."""

    promotions: Annotated[list[KeptPromotion], said("By their days.")]


class ShopPromotionList(ShopPromotions):
    """All of them, the earliest first, and what the forecast made of them."""

    forecast: Annotated[PromotionForecast | None, said("Null before the first seasonal forecast.")]


class RemovedPromotion(TypedDict):
    """The promotion that was taken back."""

    removed: KeptPromotion


class ValueModelPage(Page):
    """Fitted models of lifetime value, the last one first."""

    models: Annotated[list[Annotated[dict[str, Any], message(value.ValueModel)]], said("By model.")]


ValueAccuracy = Annotated[
    dict[str, Any],
    message(value.GetAccuracyResponse, store_id={"type": "integer", "format": "int64", "description": "The store."}),
]
"""The model that serves a store, and how right it was."""
