"""What the internal API takes; everything else is refused, so that a typing error is not taken for silence."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator

Name = Annotated[str, Field(min_length=1, max_length=200)]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Host = Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$")]
RowId = Annotated[int, Field(ge=1, lt=2**63)]
Fraction = Annotated[Decimal, Field(ge=0, le=1, max_digits=7, decimal_places=6)]


def _holds_nul(value: Any) -> bool:
    """Text, or a list or a map that holds it anywhere."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, dict) and any(map(_holds_nul, (*value.keys(), *value.values())))


def _finite(value: Any) -> Any:
    """JSON knows no infinities, whatever a reader of it lets through."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("numbers are finite") from None
    return value


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, given: Any) -> Any:
        """PostgreSQL keeps no U+0000; nothing that a shop calls by name holds one."""
        if isinstance(given, dict) and any(map(_holds_nul, (*given.keys(), *given.values()))):
            raise ValueError("text may not hold the character U+0000")
        return given


StrictBody = _Body
"""For the bodies of other modules."""

Rule = Literal["attributed", "uplift", "lesser_of", "experiment_estimate", "experiment_lower_bound"]
ExperimentId = Annotated[
    str, Field(min_length=1, max_length=64, description="What a rule by experiment bills on; wanted with such a rule.")
]


class StoreRules(_Body):
    """The rules of a store; what is left out keeps its value."""

    attribution_window_days: int | None = Field(default=None, ge=1, le=365)
    attribution_threshold: Fraction | None = None
    review_below: Fraction | None = None
    low_stock_threshold: int | None = Field(default=None, ge=0, le=1_000_000)
    low_stock_factor: Annotated[Decimal, Field(gt=0, le=1, max_digits=7, decimal_places=6)] | None = None
    resume_damping_seconds: int | None = Field(default=None, ge=0, le=86_400)
    churn_threshold: Fraction | None = None
    churn_flow_interval_days: int | None = Field(default=None, ge=1, le=3650)
    margin_floor: Fraction | None = None
    fee_rate: Fraction | None = None
    basis: Literal["net_sales", "total"] | None = None
    rule: Rule | None = None
    experiment_id: ExperimentId | None = None
    settlement_currency: Currency | None = None
    ad_networks: list[Literal["google", "meta", "tiktok"]] | None = Field(default=None, max_length=3)
    touchpoint_margin_days: int | None = Field(default=None, ge=1, le=3650)
    attribution_model: Annotated[str, Field(max_length=40)] | None = None
    attribution_shadow: Annotated[str, Field(max_length=40, description="Empty: none.")] | None = None
    attribution_ab_share: int | None = Field(
        default=None, ge=0, lt=1_000_000, description="Parts per million of customers."
    )
    pixel_consent: Literal["required", "opt_out"] | None = None
    pixel_honours_dnt: bool | None = None
    shop_domains: list[Host] | None = Field(default=None, max_length=50)

    def changes(self) -> dict[str, object]:
        """The given fields in the form in which a store keeps them."""
        given = self.model_dump(exclude_none=True)
        return {
            name: format(value.normalize(), "f") if isinstance(value, Decimal) else value
            for name, value in given.items()
        }


class NewStoreBody(_Body):
    """A store to connect."""

    platform: Name
    store_key: Annotated[str, Field(min_length=1, max_length=2048, description="The shop's domain or URL.")]
    display_name: Annotated[str, Field(max_length=200)] = ""
    currency: Currency
    timezone: Annotated[str, Field(max_length=64, description="IANA name, for example Europe/Berlin.")] = "UTC"
    webhook_secret: Annotated[
        SecretStr | None, Field(max_length=500, description="Empty: one is made and shown once.")
    ] = None
    connected_at: AwareDatetime | None = None
    settings: StoreRules = StoreRules()


class NewSecretBody(_Body):
    """A new signing secret; the one before stays valid until the next rotation."""

    webhook_secret: SecretStr | None = Field(
        default=None, max_length=500, description="Empty: one is made and shown once."
    )


class CredentialsBody(_Body):
    """How a shop's own API is reached."""

    base_url: HttpUrl
    access_token: SecretStr = Field(default=SecretStr(""), max_length=500)
    consumer_key: SecretStr = Field(default=SecretStr(""), max_length=500)
    consumer_secret: SecretStr = Field(default=SecretStr(""), max_length=500)


class ReplayBody(_Body):
    """Which deliveries are worked on again: some by their ids, or all that ended with a status."""

    delivery_ids: list[RowId] | None = Field(default=None, min_length=1, max_length=1000)
    status: Literal["queued", "waiting", "parked", "settled", "ignored", "dead"] | None = None
    store_id: RowId | None = None
    topic: Identifier | None = None
    received_from: AwareDatetime | None = None
    received_to: AwareDatetime | None = None
    limit: int = Field(default=1000, ge=1, le=10_000)


class ReplayCallsBody(_Body):
    """Which dead calls are queued again."""

    call_ids: list[RowId] | None = Field(default=None, min_length=1, max_length=1000, description="Left out: all.")


class MoneyBody(_Body):
    """An amount as exact decimal text."""

    amount: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)]
    currency: Currency


class PromotionBody(_Body):
    """A product in a campaign."""

    product_id: Identifier
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    budget_weight: int = Field(default=1, ge=0, le=1_000_000)


class CampaignBody(_Body):
    """A campaign that we manage."""

    campaign_id: Identifier
    network: Identifier
    external_id: Identifier
    name: Name
    utm_campaign: Annotated[str, Field(max_length=200)] = ""
    utm_id: Annotated[str, Field(max_length=200)] = ""
    promotions: list[PromotionBody] = Field(default=[], max_length=5000)
    daily_budget: MoneyBody
    bid: MoneyBody | None = None
    ended: bool = False


class CampaignsBody(_Body):
    """Campaigns to register; those that are known are replaced, others left as they are."""

    campaigns: list[CampaignBody] = Field(min_length=1, max_length=1000)


class AdNetworkBody(_Body):
    """How an ad network is reached for a store."""

    base_url: HttpUrl
    token: SecretStr = Field(max_length=2000)


class HandBody(_Body):
    """A person's hand: why, and until when."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]
    expires_at: AwareDatetime | None = None


class ContractBody(_Body):
    """Terms of a store; a new version is written."""

    fee_rate: Fraction
    basis: Literal["net_sales", "total"] = "net_sales"
    rule: Rule | Literal["ended"] = "attributed"
    experiment_id: ExperimentId | None = None
    effective_from: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="YYYY-MM")] | None = None


class TouchpointBody(_Body):
    """A customer's contact with a campaign; personal fields are stored as blind indexes only."""

    touchpoint_id: Identifier
    at: AwareDatetime
    kind: Literal["click", "view", "visit"] = "click"
    customer_id: Annotated[str, Field(max_length=200)] | None = None
    email: Annotated[str, Field(max_length=320)] | None = None
    email_sha256: (
        Annotated[
            str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the trimmed, lower-case address, in hex.")
        ]
        | None
    ) = None
    phone: Annotated[str, Field(max_length=40)] | None = None
    first_party_id: Annotated[str, Field(max_length=200)] | None = None
    campaign_id: Annotated[str, Field(max_length=200)] | None = None
    utm_source: Annotated[str, Field(max_length=200)] | None = None
    utm_medium: Annotated[str, Field(max_length=200)] | None = None
    utm_campaign: Annotated[str, Field(max_length=200)] | None = None
    utm_id: Annotated[str, Field(max_length=200)] | None = None
    click_ids: dict[Annotated[str, Field(max_length=20)], Annotated[str, Field(max_length=500)]] = Field(
        default={}, max_length=10
    )


class TouchpointsBody(_Body):
    """Touchpoints from a server."""

    touchpoints: list[TouchpointBody] = Field(min_length=1, max_length=500)


class DecisionBody(_Body):
    """A person's decision on a review."""

    decision: Literal["approve", "reject"]
    reason: Annotated[str, Field(max_length=500)] = ""


class SubscriptionBody(_Body):
    """An integrator's endpoint for a store's events."""

    url: HttpUrl
    types: list[Identifier] = Field(default=[], max_length=100, description="Empty: every type.")


class RecalculationBody(_Body):
    """Which orders are decided anew, and whether only what would change is shown."""

    placed_from: AwareDatetime | None = None
    placed_to: AwareDatetime | None = None
    model: Annotated[str, Field(max_length=40, description="Left out: the store's own.")] | None = None
    dry_run: Annotated[
        bool | None, Field(description="Only compute the diff. Left out: yes when a model is named, otherwise no.")
    ] = None
    diff_job: Annotated[RowId | None, Field(description="Apply the diff that this job has kept.")] = None


class SpanBody(_Body):
    """Which orders, by when they were placed."""

    placed_from: AwareDatetime | None = None
    placed_to: AwareDatetime | None = None


class FittedBody(_Body):
    """Parameters of a model that were fitted elsewhere, as `kiki attribution learn --json` prints them."""

    parameters: dict[str, Any]
    report: Annotated[dict[str, Any], AfterValidator(_finite)] = {}
    size: int = Field(default=0, ge=0, le=10**12, description="Users or orders that they were fitted on.")


class LearnBody(_Body):
    """The experiment that teaches."""

    experiment_id: Annotated[str, Field(min_length=1, max_length=64)]
    as_of: Annotated[AwareDatetime | None, Field(description="Up to when outcomes count; left out: now.")] = None


def month_of(text: str) -> tuple[int, int]:
    """`2026-03` as numbers."""
    first = dt.date.fromisoformat(f"{text}-01")
    return first.year, first.month
