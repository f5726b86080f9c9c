"""What the internal API takes; everything else is refused, so that a typing error is not taken for silence."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator

Name = Annotated[str, Field(min_length=1, max_length=200)]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.", examples=["EUR"])]
Host = Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$")]
RowId = Annotated[int, Field(ge=1, lt=2**63)]
Fraction = Annotated[Decimal, Field(ge=0, le=1, max_digits=7, decimal_places=6)]


_YEARS = range(1900, 3000)


def _in_utc(at: dt.datetime) -> dt.datetime:
    try:
        moment = at.astimezone(dt.UTC)
    except OverflowError:
        moment = None
    if moment is None or moment.year not in _YEARS:
        raise ValueError(f"a time lies in the years {_YEARS.start} to {_YEARS.stop - 1}")
    return moment


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with an offset, in UTC; far enough from the ends of the calendar for windows and zones."""

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def _unstorable(value: Any) -> bool:
    """Text, or a list or a map that holds some anywhere."""
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is not None
    if isinstance(value, list):
        return any(map(_unstorable, value))
    return isinstance(value, dict) and any(map(_unstorable, (*value.keys(), *value.values())))


def with_example(example: dict[str, Any]) -> ConfigDict:
    """A body's configuration with an example for the API's document."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, given: Any) -> Any:
        """PostgreSQL keeps no U+0000, and UTF-8 no half of a surrogate pair; no name of a shop holds either."""
        if isinstance(given, dict) and _unstorable(given):
            raise ValueError("text may hold neither the character U+0000 nor half of a surrogate pair")
        return given


StrictBody = _Body
"""For the bodies of other modules."""

Rule = Literal["attributed", "uplift", "lesser_of", "experiment_estimate", "experiment_lower_bound"]
ExperimentId = Annotated[
    str, Field(min_length=1, max_length=64, description="What a rule by experiment bills on; wanted with such a rule.")
]


class StoreRules(_Body):
    """The rules of a store; what is left out keeps its value."""

    model_config = with_example({"attribution_window_days": 30, "attribution_threshold": "0.7", "fee_rate": "0.2"})

    attribution_window_days: int | None = Field(
        default=None, ge=1, le=365, description="Days before an order in which a touchpoint counts."
    )
    attribution_threshold: Fraction | None = Field(
        default=None, description="From this confidence on an order is incremental.", examples=["0.7"]
    )
    review_below: Fraction | None = Field(
        default=None, description="A touched order under this confidence goes to the review queue."
    )
    low_stock_threshold: int | None = Field(
        default=None, ge=0, le=1_000_000, description="Pieces at or under which bids are lowered."
    )
    low_stock_factor: Annotated[Decimal, Field(gt=0, le=1, max_digits=7, decimal_places=6)] | None = Field(
        default=None, description="What the original bid is multiplied by when stock is low."
    )
    resume_damping_seconds: int | None = Field(
        default=None, ge=0, le=86_400, description="How long a product stays sellable before its ads resume."
    )
    churn_threshold: Fraction | None = Field(
        default=None, description="Churn risk from which a customer gets the prevention flow."
    )
    churn_flow_interval_days: int | None = Field(
        default=None, ge=1, le=3650, description="Fewest days between two such flows for one customer."
    )
    margin_floor: Fraction | None = Field(
        default=None, description="Margin under which a product's ads are paused; zero: never."
    )
    fee_rate: Fraction | None = Field(
        default=None, description="The success fee as a part of incremental revenue.", examples=["0.2"]
    )
    basis: Literal["net_sales", "total"] | None = Field(
        default=None, description="Which amount of an order the fee is taken on."
    )
    rule: Rule | None = Field(default=None, description="How a month's fee revenue is found.")
    experiment_id: ExperimentId | None = Field(default=None, description="What a rule by experiment bills on.")
    settlement_currency: Currency | None = Field(default=None, description="ISO 4217; at first the store's currency.")
    ad_networks: list[Literal["google", "meta", "tiktok"]] | None = Field(
        default=None, max_length=3, description="Networks for which creatives are made."
    )
    touchpoint_margin_days: int | None = Field(
        default=None, ge=1, le=3650, description="Days that touchpoints are kept beyond the window."
    )
    attribution_model: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="The model that decides which orders are billed."
    )
    attribution_shadow: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="A second model, recorded and never billed; empty: none."
    )
    attribution_ab_share: int | None = Field(
        default=None, ge=0, lt=1_000_000, description="Parts per million of customers."
    )
    pixel_consent: Literal["required", "opt_out"] | None = Field(
        default=None, description="Whether the pixel waits for consent, or runs until it is refused."
    )
    pixel_honours_dnt: bool | None = Field(default=None, description="Whether Do Not Track is a refusal.")
    pixel_identify: Literal["signed", "told"] | None = Field(
        default=None, description="Whether who a visitor is counts with the shop's proof alone, or as a page tells it."
    )
    shop_domains: list[Host] | None = Field(
        default=None, max_length=50, description="More hosts on which the pixel may run."
    )

    def changes(self) -> dict[str, object]:
        """The given fields in the form in which a store keeps them."""
        given = self.model_dump(exclude_none=True)
        return {
            name: format(value.normalize(), "f") if isinstance(value, Decimal) else value
            for name, value in given.items()
        }


class NewStoreBody(_Body):
    """A store to connect."""

    model_config = with_example(
        {"platform": "shopify", "store_key": "example.myshopify.com", "currency": "EUR", "timezone": "Europe/Berlin"}
    )

    platform: Annotated[Name, Field(description="For example `shopify`.", examples=["shopify"])]
    store_key: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2048,
            description="The shop's domain or URL.",
            examples=["example.myshopify.com"],
        ),
    ]
    display_name: Annotated[str, Field(max_length=200, description="Left out: the store key.")] = ""
    currency: Currency
    timezone: Annotated[str, Field(max_length=64, description="IANA name, for example Europe/Berlin.")] = "UTC"
    webhook_secret: Annotated[
        SecretStr | None, Field(max_length=500, description="Empty: one is made and shown once.")
    ] = None
    connected_at: Instant | None = Field(
        default=None, description="Orders placed before are never billed; left out: now."
    )
    settings: StoreRules = StoreRules()


class NewSecretBody(_Body):
    """A new signing secret; the one before stays valid until the next rotation."""

    model_config = with_example({})

    webhook_secret: SecretStr | None = Field(
        default=None, max_length=500, description="Empty: one is made and shown once."
    )


class CredentialsBody(_Body):
    """How a shop's own API is reached."""

    model_config = with_example({"base_url": "https://example.myshopify.com", "access_token": "shpat_0123"})

    base_url: HttpUrl = Field(description="Address of the shop's API.", examples=["https://shop.example"])
    access_token: SecretStr = Field(default=SecretStr(""), max_length=500, description="Of Shopify.")
    consumer_key: SecretStr = Field(default=SecretStr(""), max_length=500, description="Of WooCommerce.")
    consumer_secret: SecretStr = Field(default=SecretStr(""), max_length=500, description="Of WooCommerce.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """A key opens nothing without its secret."""
        if bool(self.consumer_key.get_secret_value()) != bool(self.consumer_secret.get_secret_value()):
            given = "consumer_key" if self.consumer_key.get_secret_value() else "consumer_secret"
            raise ValueError(f"consumer_key and consumer_secret go together, got {given} alone")
        if not (self.access_token.get_secret_value() or self.consumer_key.get_secret_value()):
            raise ValueError("an access_token, or a consumer_key and its consumer_secret, are wanted; got none of them")
        return self


class ReplayBody(_Body):
    """Which deliveries are worked on again: some by their ids, or all that ended with a status."""

    model_config = with_example({"status": "dead", "topic": "orders/create", "limit": 100})

    delivery_ids: list[RowId] | None = Field(
        default=None, min_length=1, max_length=1000, description="These; then nothing else is looked at."
    )
    status: Literal["queued", "waiting", "parked", "settled", "ignored", "dead"] | None = Field(
        default=None, description="How they stand; `queued` is another word for `waiting`.", examples=["dead"]
    )
    store_id: RowId | None = Field(default=None, description="Only of this store.")
    topic: Identifier | None = Field(default=None, description="Only of this topic.", examples=["orders/create"])
    received_from: Instant | None = Field(default=None, description="Received then or later.")
    received_to: Instant | None = Field(default=None, description="Received before.")
    limit: int = Field(default=1000, ge=1, le=10_000, description="At most so many, the newest first.")


class ReplayCallsBody(_Body):
    """Which dead calls are queued again."""

    model_config = with_example({"call_ids": [7, 8]})

    call_ids: list[RowId] | None = Field(default=None, min_length=1, max_length=1000, description="Left out: all.")


class ContractBody(_Body):
    """Terms of a store; a new version is written."""

    model_config = with_example({"fee_rate": "0.2", "rule": "attributed", "effective_from": "2026-03"})

    fee_rate: Fraction = Field(description="The success fee as a part of incremental revenue.", examples=["0.2"])
    basis: Literal["net_sales", "total"] | None = Field(
        default=None, description="Left out: the store's own; another is refused."
    )
    rule: Rule | Literal["ended"] = Field(
        default="attributed", description="How a month's fee revenue is found; `ended`: orders bill nothing any more."
    )
    experiment_id: ExperimentId | None = Field(default=None, description="Wanted with a rule by experiment.")
    effective_from: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")] | None = Field(
        default=None, description="YYYY-MM; left out: the running month.", examples=["2026-03"]
    )


class DecisionBody(_Body):
    """A person's decision on a review."""

    model_config = with_example({"decision": "approve", "reason": "the customer wrote that the mail led them here"})

    decision: Literal["approve", "reject"] = Field(description="An approval bills in the next open month.")
    reason: Annotated[str, Field(max_length=500, description="Goes to the audit log.")] = ""


class SubscriptionBody(_Body):
    """An integrator's endpoint for a store's events."""

    model_config = with_example({"url": "https://example.com/kiki-events", "types": ["OrderAttributedEvent"]})

    url: HttpUrl = Field(description="Where events are posted.", examples=["https://example.com/kiki-events"])
    types: list[Identifier] = Field(
        default=[], max_length=100, description="As the event log has them, with or without `Event`. Empty: every type."
    )


class PlaceBody(_Body):
    """From where a subscription goes on: one of the two."""

    model_config = with_example({"since": "2026-03-08T12:00:00Z"})

    after: int | None = Field(default=None, ge=0, lt=2**63, description="Behind the event with this number.")
    since: Instant | None = Field(default=None, description="With the first event of this time or later.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.after is None) == (self.since is None):
            raise ValueError("either after or since is given")
        return self


def month_of(text: str) -> tuple[int, int]:
    """`2026-03` as numbers."""
    first = dt.date.fromisoformat(f"{text}-01")
    return first.year, first.month
