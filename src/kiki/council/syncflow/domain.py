"""Values of SyncFlow."""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal

import msgspec

from kiki.kit.money import Money

FULL = Decimal(1)


class PauseReason(enum.StrEnum):
    """Why a product's ads stand still. `MANUAL` is a person's pause and never part of the stored set."""

    OUT_OF_STOCK = "out_of_stock"
    PRODUCT_DELETED = "product_deleted"
    LOW_MARGIN = "low_margin"
    MANUAL = "manual"


STOCK_REASONS = frozenset({PauseReason.OUT_OF_STOCK, PauseReason.PRODUCT_DELETED})


class Hand(enum.StrEnum):
    """What a person ordered for a product, whatever the reasons say."""

    NONE = ""
    PAUSE = "pause"
    RUN = "run"


class ActionKind(enum.StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    BID = "bid"


class ActionState(enum.StrEnum):
    PENDING = "pending"
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    DOUBTFUL = "doubtful"
    REFUSED = "refused"
    HELD = "held"


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all values here: immutable, keyword-only."""


class Command(_Value, frozen=True, kw_only=True):
    """What every decision about a product carries."""

    store_id: int
    product_id: str
    lane: int
    decision_seq: int
    """0: the caller has no order to keep."""
    sku: str = ""
    actor: str = ""
    note: str = ""
    expires_at: dt.datetime | None = None


class Pause(Command, frozen=True, kw_only=True):
    reason: PauseReason


class Resume(Command, frozen=True, kw_only=True):
    new_quantity: int
    reasons: frozenset[PauseReason] = STOCK_REASONS


class AdjustBids(Command, frozen=True, kw_only=True):
    quantity: int
    low_stock_threshold: int
    factor: Decimal


class SetMargin(Command, frozen=True, kw_only=True):
    margin: Decimal
    floor: Decimal


class ProductState(_Value, frozen=True, kw_only=True):
    """What is known and wanted of a product."""

    store_id: int
    product_id: str
    sku: str = ""
    reasons: frozenset[PauseReason] = frozenset()
    stock_seq: int = 0
    bid_seq: int = 0
    margin_seq: int = 0
    hand: Hand = Hand.NONE
    hand_actor: str = ""
    hand_note: str = ""
    hand_until: dt.datetime | None = None
    factor: Decimal = FULL
    margin: Decimal | None = None
    quantity: int | None = None

    @property
    def paused(self) -> bool:
        """Whether its ads are wanted still."""
        return self.hand is Hand.PAUSE or (self.hand is not Hand.RUN and bool(self.reasons))

    @property
    def shown_reasons(self) -> list[PauseReason]:
        """The reasons in a fixed order, a person's pause among them."""
        found = self.reasons | ({PauseReason.MANUAL} if self.hand is Hand.PAUSE else frozenset())
        return [reason for reason in PauseReason if reason in found]


class Promotion(_Value, frozen=True, kw_only=True):
    """A product in a campaign, for a half-open span of time; None: no bound."""

    product_id: str
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    weight: int = 1


class Hold(_Value, frozen=True, kw_only=True):
    """A person's hand on a campaign."""

    reason: str
    actor: str
    held_at: dt.datetime
    expires_at: dt.datetime | None


class CampaignDefinition(_Value, frozen=True, kw_only=True):
    """A campaign as it was registered."""

    campaign_id: str
    network: str
    external_id: str
    name: str
    utm_campaign: str
    utm_id: str
    daily_budget: Money
    bid: Money | None
    ended: bool
    promotions: tuple[Promotion, ...] = ()


class Ownership(enum.StrEnum):
    """Whose a paused state or a bid is."""

    OURS = "ours"
    """We set it, and nobody touched it since."""
    LOST = "lost"
    """Somebody else touched it: a hand that is not overridden."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was, or is about to be, sent. Written down before it is sent."""

    request_id: str
    base_revision: int
    product_id: str = ""
    """Empty: the campaign itself."""
    status: str = ""
    bid_minor: int | None = None
    denied: bool = False
    """The network said that it did not carry it out."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a campaign stood when the network was last heard, and what of it is ours. Stored as one JSON document."""

    revision: int | None = None
    """None: never heard."""
    status: str = ""
    bid_minor: int | None = None
    budget_minor: int | None = None
    name: str = ""
    products: dict[str, str] = {}
    owner: Ownership | None = None
    """Of the campaign's own status."""
    product_owners: dict[str, Ownership] = {}
    bid_owner: Ownership | None = None
    original_bid_minor: int | None = None
    """The bid before our first change of it; kept while the bid is ours."""
    attempt: Attempt | None = None
    late: tuple[Attempt, ...] = ()
    """Attempts whose outcome was unknown and that had no effect when they were read back: while the revision stays,
    they still may."""


class SeenCampaign(_Value, frozen=True, kw_only=True):
    """A campaign as an ad network shows it."""

    status: str
    revision: int
    bid_minor: int | None
    budget_minor: int | None
    name: str
    by_person: bool
    """Whether the last change came from the network's own console."""
    products: dict[str, str]


class Campaign(_Value, frozen=True, kw_only=True):
    """A registered campaign and how it stands."""

    store_id: int
    definition: CampaignDefinition
    hold: Hold | None
    standing: Standing
    doubtful: bool
    observed_at: dt.datetime | None
    updated_at: dt.datetime
    paused_product_ids: tuple[str, ...] = ()
    wanted_paused: bool = False


class PromotedIn(_Value, frozen=True, kw_only=True):
    """A product's place in a campaign, with what a call's answer needs to know of the campaign."""

    store_id: int
    product_id: str
    campaign_id: str
    network: str
    weight: int
    total_weight: int
    daily_budget: Money
    registered_bid_minor: int | None
    held: bool
    standing: Standing

    @property
    def daily_spend(self) -> Money:
        """The product's part of the daily budget."""
        return self.daily_budget.ratio(self.weight, self.total_weight)


class KeptIn(_Value, frozen=True, kw_only=True):
    """A campaign that does not promote a product any more, and in which its ads stand still by our doing."""

    store_id: int
    product_id: str
    campaign_id: str
    network: str
    currency: str


class NewAction(_Value, frozen=True, kw_only=True):
    """An action as it is accepted."""

    store_id: int
    campaign_id: str
    network: str
    product_id: str
    lane: int
    kind: ActionKind
    reasons: tuple[PauseReason, ...]
    actor: str
    note: str
    decision_seq: int
    currency: str
    old_bid_minor: int | None = None
    new_bid_minor: int | None = None


class Action(_Value, frozen=True, kw_only=True):
    """An action as it stands."""

    action_id: int
    campaign_id: str
    product_id: str
    kind: ActionKind
    reasons: tuple[PauseReason, ...]
    actor: str
    note: str
    state: ActionState
    currency: str
    old_bid_minor: int | None
    new_bid_minor: int | None
    requested_at: dt.datetime
    applied_at: dt.datetime | None
    attempts: int
    last_error: str
    decision_seq: int


class AdNetworkConnection(_Value, frozen=True, kw_only=True):
    """How an ad network is reached for a store."""

    store_id: int
    network: str
    base_url: str
    token: str = ""
    updated_at: dt.datetime
