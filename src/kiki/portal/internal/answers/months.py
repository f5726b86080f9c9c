"""Months and how far their closing is."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from kiki.portal.internal.answers.shared import Month, Page, StoreNumber, Time, said

ClosingState = Annotated[
    Literal["open", "held", "asked", "closed"],
    said("`held`: it is time and something is missing. `asked`: SyncLedger is asked to close it."),
]
ClosesAt = Annotated[
    Time | None, said("When the grace is over, or when it was closed; null where the month is not followed. UTC.")
]
HeldReason = Annotated[str, said("What is missing, or why SyncLedger refused so far; otherwise empty.")]


class ClosingRequest(TypedDict):
    """Who asked last to close a month before its time, and what became of it."""

    actor: Annotated[str, said("Who asked.")]
    why: Annotated[str, said("As it was given; may be empty.")]
    asked_at: Time
    reason: Annotated[str, said("Why it was refused, `WITHDRAWN`, or what it waits for; otherwise empty.")]
    settled_at: Annotated[
        Time | None, said("When the month was closed, or the request refused or taken back; null while it is open.")
    ]


class Closing(TypedDict):
    """How far the closing of a month is."""

    state: ClosingState
    closes_at: ClosesAt
    reason: HeldReason
    asked_at: Annotated[Time | None, said("When SyncLedger was asked. UTC.")]
    by_hand: Annotated[ClosingRequest | None, said("Null where nobody asked.")]


class ClosingMonth(Closing):
    """A month of a store and how far its closing is."""

    store_id: StoreNumber
    month: Month
    ends_at: Annotated[Time | None, said("Where the month is followed. UTC.")]


class FollowedMonth(TypedDict):
    """A month as a list shows it."""

    store_id: StoreNumber
    month: Month
    ends_at: Time
    state: ClosingState
    closes_at: ClosesAt
    reason: HeldReason
    asked_at: Time | None


class FollowedMonthPage(Page):
    """Months, newest first."""

    months: Annotated[list[FollowedMonth], said("Newest first.")]
