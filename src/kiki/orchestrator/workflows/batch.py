"""The state that a batch of deliveries is folded over, and what comes out of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from google.protobuf.message import Message

from kiki.commerce.attribution_models import ShadowRow
from kiki.commerce.campaigns import CampaignRow, DecisionRow, FormerKeys, PromotionRow, ReviewRow, TouchpointRow
from kiki.commerce.catalogue import (
    HoldRow,
    InventoryItemRow,
    LevelRow,
    ProductState,
    ProductText,
    VariantRow,
)
from kiki.commerce.events import OrderObserved
from kiki.commerce.exchange.rates import RateTable
from kiki.commerce.exchange.waiting import WaitingRow
from kiki.commerce.orders import ItemRow, OrderRow, RefundRow
from kiki.commerce.people import CustomerRow, Identity
from kiki.commerce.stores import StoreConnection
from kiki.kit.sealing import Sealer
from kiki.orchestrator.attribution.campaigns import CampaignIndex
from kiki.orchestrator.attribution.model import Rules
from kiki.orchestrator.attribution.speaking import DEFAULT, Speakers
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.events.log import LogEvent
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.stock_guard.guard import GuardRules
from kiki.orchestrator.workflows.scanning import Scan
from kiki.orchestrator.workflows.trails import Trail

Key = tuple[int, str]
_CLOCK_SLACK = dt.timedelta(minutes=2)


@dataclass(slots=True)
class StoreView:
    """A store with its rules in the form that decisions need."""

    store: StoreConnection
    attribution: Rules
    guard: GuardRules
    churn_threshold: Decimal
    campaigns: CampaignIndex
    uninstalled: bool
    speakers: Speakers = DEFAULT


@dataclass(frozen=True, slots=True)
class Reopened:
    """Which orders of a person are to be decided anew: those placed in a time, both ends included."""

    cause: str
    since: dt.datetime
    after: str = ""
    """Of orders placed at `since`, only those with greater ids."""
    until: dt.datetime | None = None
    but: str | None = None
    """The order that they rest on, which stays as it is."""

    def joined(self, other: Reopened) -> Reopened:
        """Orders of either one, and those between them."""
        ends = (self.until, other.until)
        since, after = min((self.since, self.after), (other.since, other.after))
        until = None if None in ends else max(end for end in ends if end is not None)
        return Reopened(self.cause, since, after, until, self.but if self.but == other.but else None)


@dataclass(slots=True)
class Written:
    """What will be written when the fold is through, besides the rows that are in the state."""

    orders: set[Key] = field(default_factory=set)
    lines: dict[Key, list[ItemRow]] = field(default_factory=dict)
    replaced_lines: set[Key] = field(default_factory=set)
    refunds: dict[tuple[int, str, str], RefundRow] = field(default_factory=dict)
    identities: dict[Identity, str] = field(default_factory=dict)
    customers: set[Key] = field(default_factory=set)
    merges: list[tuple[int, str, str, str]] = field(default_factory=list)
    forgotten: set[Key] = field(default_factory=set)
    forgotten_visitors: set[Identity] = field(default_factory=set)
    forgotten_stores: set[int] = field(default_factory=set)
    uninstalled_stores: dict[int, dt.datetime] = field(default_factory=dict)
    """With when the app was removed."""
    touchpoints: dict[Key, TouchpointRow] = field(default_factory=dict)
    attributions: list[tuple[Any, ...]] = field(default_factory=list)
    shadows: dict[tuple[int, str, str], ShadowRow] = field(default_factory=dict)
    waiting: dict[Key, WaitingRow | None] = field(default_factory=dict)
    """Orders that wait for an exchange rate; None: not, or no longer."""
    reviews: set[Key] = field(default_factory=set)
    campaigns: dict[Key, CampaignRow] = field(default_factory=dict)
    former_keys: list[FormerKeys] = field(default_factory=list)
    promotions: dict[Key, list[PromotionRow]] = field(default_factory=dict)
    scans: list[Scan] = field(default_factory=list)
    """For orders that are to be decided anew."""
    products: set[Key] = field(default_factory=set)
    texts: dict[Key, ProductText] = field(default_factory=dict)
    variants: set[tuple[int, str, str]] = field(default_factory=set)
    levels: dict[tuple[int, str, str], LevelRow] = field(default_factory=dict)
    inventory_items: set[Key] = field(default_factory=set)
    inventory_events: list[tuple[Any, ...]] = field(default_factory=list)
    availability: dict[Key, tuple[bool, int]] = field(default_factory=dict)
    """Products that can be bought now, or no more, each with the number of the decision."""
    holds: set[Key] = field(default_factory=set)
    lifted_holds: set[Key] = field(default_factory=set)
    data_requests: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    reopened: dict[Key, Reopened] = field(default_factory=dict)
    """By customer."""
    calls: list[CallIntent] = field(default_factory=list)
    events: list[LogEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows as they were before the batch, by key: what changed of them is updated, all others are inserted."""

    orders: Mapping[Key, Sequence[Any]] = field(default_factory=dict)
    customers: Mapping[Key, Sequence[Any]] = field(default_factory=dict)
    products: Mapping[Key, Sequence[Any]] = field(default_factory=dict)
    variants: Mapping[tuple[int, str, str], Sequence[Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """Everything that a batch touches, as it stands now in memory."""

    now: dt.datetime
    sealer: Sealer
    new_key: Callable[[], str]
    stores: dict[int, StoreView] = field(default_factory=dict)
    identities_of: dict[int, list[Identity]] = field(default_factory=dict)
    """By `id()` of the event (or of the fact's entry) that names a person."""
    orders: dict[Key, OrderRow] = field(default_factory=dict)
    told: dict[Key, OrderObserved] = field(default_factory=dict)
    """The last thing folded over an order, when it was a statement of how the order looks."""
    observed: Mapping[Key, Sequence[OrderObserved]] = field(default_factory=dict)
    """What the batch tells of each order, the first first."""
    rates: RateTable = field(default_factory=RateTable)
    """Exchange rates that its orders may ask for."""
    refunds: dict[Key, dict[str, RefundRow]] = field(default_factory=dict)
    items: dict[Key, list[ItemRow]] = field(default_factory=dict)
    reviews: dict[Key, ReviewRow] = field(default_factory=dict)
    people: dict[Identity, str] = field(default_factory=dict)
    customers: dict[Key, CustomerRow] = field(default_factory=dict)
    touches: dict[Key, Trail] = field(default_factory=dict)
    """Contacts around the orders that are decided, by customer."""
    promotions: dict[Key, list[PromotionRow]] = field(default_factory=dict)
    """By product."""
    campaigns: dict[Key, CampaignRow] = field(default_factory=dict)
    promoted: dict[Key, list[PromotionRow]] = field(default_factory=dict)
    """By campaign, as registered: of campaigns of which the batch tells something."""
    evidence: dict[Key, DecisionRow] = field(default_factory=dict)
    """What stands behind the newest decision, by order, where it is known: for incremental ones always, and for
    those that may be decided anew."""
    orders_of: dict[Key, set[str]] = field(default_factory=dict)
    """Loaded live orders by customer, for touchpoints that arrive late."""
    known_touchpoints: set[Key] = field(default_factory=set)
    """Of those that the batch tells, the ones that are stored already: they count as they were told first."""
    crowded: set[Key] = field(default_factory=set)
    """Customers with more orders within reach of late touchpoints than a batch decides."""
    products: dict[Key, ProductState] = field(default_factory=dict)
    texts: dict[Key, ProductText] = field(default_factory=dict)
    variants: dict[Key, dict[str, VariantRow]] = field(default_factory=dict)
    products_of: dict[Key, list[Key]] = field(default_factory=dict)
    levels: dict[Key, dict[str, LevelRow]] = field(default_factory=dict)
    inventory_items: dict[Key, InventoryItemRow] = field(default_factory=dict)
    holds: dict[Key, HoldRow] = field(default_factory=dict)
    lane: Lane = Lane.LIVE
    """What comes of the batch travels in it."""
    out: Written = field(default_factory=Written)
    stored: Stored = field(default_factory=Stored)

    def trail(self, store_id: int, customer_key: str) -> Trail:
        """A person's contacts, as far as they are known here."""
        return self.touches.setdefault((store_id, customer_key), Trail())

    def call(self, agent: str, method: str, lane: Lane, *, entity: str, subject: str, request: Any) -> None:
        """Ask for an agent call; the request carries its own store and event id."""
        self.out.calls.append(
            CallIntent(
                store_id=request.store_id,
                agent=agent,
                method=method,
                lane=lane,
                entity=entity,
                subject=subject,
                event_id=request.event_id,
                request=request.SerializeToString(),
            )
        )

    def log(self, type_name: str, subject: str, message: Message, at: dt.datetime | None = None) -> None:
        """Append to the event log."""
        self.out.events.append(
            LogEvent(
                store_id=message.store_id,  # type: ignore[attr-defined]  # every event message has it
                type=type_name,
                subject=subject,
                payload=message.SerializeToString(),
                occurred_at=at or self.now,
            )
        )


def observed_at(item: WorkItem) -> dt.datetime:
    """When the platform noticed, as far as it says; otherwise when the delivery arrived."""
    return parse_time(item.triggered_at) or item.received_at


def deleted_at(item: WorkItem, known: dt.datetime | None) -> dt.datetime | None:
    """When something was deleted; None when what is known of it is newer.

    A delete carries no time of its own. Where the platform does not say when it was triggered its arrival counts, and a
    shop's clock may run ahead of ours by a little.
    """
    at = observed_at(item)
    if known is None:
        return at
    slack = dt.timedelta(0) if parse_time(item.triggered_at) else _CLOCK_SLACK
    return None if known > at + slack else max(at, known)


def parse_time(text: str) -> dt.datetime | None:
    """An ISO 8601 time with an offset; nanoseconds are cut. None when it is not one."""
    if len(text) < 20:
        return None
    head, separator, rest = text.partition(".")
    if separator:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        text = f"{head}.{rest[: min(digits, 6)]:0<6}{rest[digits:]}"
    try:
        parsed = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if parsed.tzinfo is None else parsed.astimezone(dt.UTC)
