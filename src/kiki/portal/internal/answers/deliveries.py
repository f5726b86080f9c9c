"""Deliveries, dead letters, dead calls, and the event log."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from kiki.portal.event_schemas import of_event
from kiki.portal.internal.answers.shared import Count, Page, RowId, StoreNumber, Time, said

_Status = Literal["waiting", "parked", "settled", "ignored", "dead"]
_Run = Annotated[Count, said("0 for the first; a replay is the next.")]


class Delivery(TypedDict):
    """A delivery as a list shows it: never its body."""

    store_id: StoreNumber
    delivery_id: Annotated[RowId, said("Counts the deliveries of the installation.")]
    received_at: Time
    platform: Annotated[str, said("`internal` for what the portal handed over itself.")]
    topic: Annotated[str, said("As the platform names it.")]
    origin: Annotated[str, said("Where it came from: `webhook`, `sync`, `internal`.")]
    lane: Annotated[Literal["live_stock", "live", "bulk"], said("Which queue it takes.")]
    triggered_at: Annotated[str, said("What the sender says about when it happened, as it wrote it; may be empty.")]
    sealed_bytes: Annotated[int | None, said("Size of the kept body, encrypted; null once it is gone.")]
    status: Annotated[_Status, said("How it stands.")]
    reason: Annotated[str, said("Why it waits, was ignored or is dead; otherwise empty.")]
    attempts: Annotated[Count, said("How often it was tried.")]
    retry_at: Annotated[Time | None, said("When a parked one is tried again. UTC.")]
    finished_at: Time | None
    run: _Run


class DeliveryPage(Page):
    """Deliveries, newest first."""

    deliveries: Annotated[list[Delivery], said("Newest first.")]


class Run(TypedDict):
    """How one run of a delivery stands or ended."""

    run: _Run
    status: Annotated[_Status, said("How it stands.")]
    reason: Annotated[str, said("Empty: none was given.")]
    attempts: Annotated[Count, said("How often it was tried.")]
    finished_at: Time | None
    detail: Annotated[str, said("What went wrong, without personal data; otherwise empty.")]


class DeliveryBody(TypedDict, total=False):
    """The raw body of a delivery, where it was asked for; it may hold personal data."""

    body: Annotated[str, said("The raw body, where it was asked for and is UTF-8.")]
    body_base64: Annotated[str, said("The raw body, where it was asked for and is not UTF-8.")]


class DeliveryDetails(Delivery, DeliveryBody):
    """A delivery with every run."""

    headers: Annotated[dict[str, str], said("Those that were kept, in lower case.")]
    sha256: Annotated[str, said("Of the raw body, in hexadecimal.")]
    runs: Annotated[list[Run], said("The first one first.")]


class DeadCall(TypedDict):
    """A call that an agent refused for good; never what it carried."""

    store_id: StoreNumber
    call_id: Annotated[RowId, said("Counts the calls of the installation.")]
    agent: Annotated[str, said("For example `syncledger`.")]
    method: Annotated[str, said("The RPC.")]
    event_id: Annotated[str, said("The idempotency key; stays when it is replayed.")]
    subject: Annotated[str, said("What it is about, for example `order:42`.")]
    reason: Annotated[str, said("Empty: none was given.")]
    detail: Annotated[str, said("What the agent said, without personal data.")]
    attempts: Annotated[Count, said("How often it was tried.")]
    died_at: Time


class DeadCallPage(Page):
    """Dead calls, newest first."""

    calls: Annotated[list[DeadCall], said("Newest first.")]


class LoggedEvent(TypedDict):
    """One event of a store's log."""

    store_id: StoreNumber
    seq: Annotated[RowId, said("Gapless per store.")]
    type: Annotated[str, said("Which event, for example `OrderAttributedEvent`.")]
    subject: Annotated[str, said("What it is about.")]
    data: Annotated[dict[str, Any], of_event]
    occurred_at: Time


class EventLog(TypedDict):
    """Events, oldest first."""

    events: Annotated[list[LoggedEvent], said("Oldest first.")]
    last_seq: Annotated[Count, said("Goes into `after` for what follows.")]


class Subscription(TypedDict):
    """Who is told about a store's events, and how they fare."""

    store_id: StoreNumber
    subscription_id: Annotated[RowId, said("Counts the subscriptions.")]
    url: Annotated[str, said("Where events are posted.")]
    types: Annotated[list[str], said("Empty: every type.")]
    cursor: Annotated[Count, said("Number of the last event that was delivered.")]
    state: Annotated[Literal["active", "disabled"], said("`disabled` after days of failure, until it is enabled.")]
    attempts: Annotated[Count, said("Failures since the last delivery that went through.")]
    failing_since: Time | None
    retry_at: Time | None
    last_error: Annotated[str, said("Empty: none.")]
    created_at: Time
    previous_until: Annotated[Time | None, said("Until when the secret before the last rotation signs as well.")]


class NewSubscription(Subscription):
    """A subscription, with what is shown once."""

    secret: Annotated[str, said("What deliveries are signed with (Standard Webhooks); shown once.")]


class SubscriptionList(TypedDict):
    """All subscriptions of a store."""

    subscriptions: Annotated[list[Subscription], said("By their number.")]
