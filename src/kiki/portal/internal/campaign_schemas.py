"""What the routes of campaigns, ads by hand and touchpoints take."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, SecretStr

from kiki.portal.internal.schemas import Currency, Identifier, Instant, Name, StrictBody, with_example

_Utm = Annotated[str, Field(max_length=200, description="As it stood in the landing page's address.")] | None


class MoneyBody(StrictBody):
    """An amount as exact decimal text."""

    amount: Annotated[
        Decimal,
        Field(
            ge=0,
            max_digits=18,
            decimal_places=4,
            description="Decimal text in major units, with no more decimals than the currency has.",
            examples=["12.34"],
        ),
    ]
    currency: Currency


class PromotionBody(StrictBody):
    """A product in a campaign."""

    product_id: Annotated[Identifier, Field(description="As the shop names it.")]
    starts_at: Instant | None = Field(default=None, description="Left out: since its registration.")
    ends_at: Instant | None = Field(default=None, description="Left out: for good.")
    budget_weight: int = Field(
        default=1, ge=0, le=1_000_000, description="Its part of the budget, against the other products' weights."
    )


class CampaignBody(StrictBody):
    """A campaign that we manage."""

    campaign_id: Annotated[Identifier, Field(description="Our name of it.", examples=["spring-2026"])]
    network: Annotated[Identifier, Field(description="Where it runs, for example `meta`.", examples=["meta"])]
    external_id: Annotated[Identifier, Field(description="Its id at the ad network.")]
    name: Annotated[Name, Field(description="For people.")]
    utm_campaign: Annotated[str, Field(max_length=200, description="By which its clicks are known.")] = ""
    utm_id: Annotated[str, Field(max_length=200, description="By which its clicks are known.")] = ""
    promotions: list[PromotionBody] = Field(default=[], max_length=5000, description="Products that it promotes.")
    daily_budget: MoneyBody
    bid: MoneyBody | None = Field(default=None, description="The original bid, from which low stock is counted.")
    ended: bool = Field(default=False, description="An ended one is kept for orders that it led to.")


class CampaignsBody(StrictBody):
    """Campaigns to register; those that are known are replaced, others left as they are."""

    model_config = with_example(
        {
            "campaigns": [
                {
                    "campaign_id": "spring-2026",
                    "network": "meta",
                    "external_id": "23851234567890123",
                    "name": "Spring",
                    "utm_campaign": "spring-2026",
                    "promotions": [{"product_id": "632910392", "starts_at": "2026-03-01T00:00:00Z"}],
                    "daily_budget": {"amount": "50.00", "currency": "EUR"},
                    "bid": {"amount": "1.20", "currency": "EUR"},
                }
            ]
        }
    )

    campaigns: list[CampaignBody] = Field(min_length=1, max_length=1000, description="Known ones are replaced.")
    effective_from: Instant | None = Field(
        default=None,
        description=(
            "Since when they count, in the past. Left out: what is new or changed counts for orders that come in from"
            " now on. Named: orders of open months since then are decided anew."
        ),
    )
    reason: str = Field(
        default="", max_length=150, description="Why they count for past orders; goes to the audit log with the time."
    )


class AdNetworkBody(StrictBody):
    """How an ad network is reached for a store."""

    model_config = with_example({"base_url": "https://graph.example", "token": "EAAB0123"})

    base_url: HttpUrl = Field(description="Address of its API.")
    token: SecretStr = Field(max_length=2000, description="Sealed; never shown again.")


class HandBody(StrictBody):
    """A person's hand: why, and until when."""

    model_config = with_example({"reason": "the pictures are wrong", "expires_at": "2099-03-08T12:00:00Z"})

    reason: Annotated[str, Field(min_length=1, max_length=500, description="Why; goes to the audit log.")]
    expires_at: Instant | None = Field(default=None, description="Left out: until it is released.")


class TouchpointBody(StrictBody):
    """A customer's contact with a campaign; personal fields are stored as blind indexes only."""

    touchpoint_id: Annotated[Identifier, Field(description="Counts once.")]
    at: Instant = Field(description="When the contact was.")
    kind: Literal["click", "view", "visit"] = Field(default="click", description="Views never count by default.")
    customer_id: Annotated[str, Field(max_length=200, description="As the shop names the person.")] | None = None
    email: Annotated[str, Field(max_length=320, description="Never stored in clear.")] | None = None
    email_sha256: (
        Annotated[
            str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the trimmed, lower-case address, in hex.")
        ]
        | None
    ) = None
    phone: Annotated[str, Field(max_length=40, description="Never stored in clear.")] | None = None
    first_party_id: Annotated[str, Field(max_length=200, description="The pixel's visitor id.")] | None = None
    campaign_id: Annotated[str, Field(max_length=200, description="Ours, where it is known.")] | None = None
    utm_source: _Utm = None
    utm_medium: _Utm = None
    utm_campaign: _Utm = None
    utm_id: _Utm = None
    click_ids: dict[Annotated[str, Field(max_length=20)], Annotated[str, Field(max_length=500)]] = Field(
        default={}, max_length=10, description="By name, for example `gclid`; stored as blind indexes."
    )


class TouchpointsBody(StrictBody):
    """Touchpoints from a server."""

    model_config = with_example(
        {
            "touchpoints": [
                {
                    "touchpoint_id": "click-1",
                    "at": "2026-03-01T12:00:00Z",
                    "email": "ada@customer.example",
                    "utm_campaign": "spring-2026",
                }
            ]
        }
    )

    touchpoints: list[TouchpointBody] = Field(min_length=1, max_length=500, description="Each names its person.")
