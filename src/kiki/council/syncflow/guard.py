"""What a decision does to a product: reasons are a set, a person's order stands above them, late ones are ignored."""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from kiki.council.syncflow.domain import (
    FULL,
    AdjustBids,
    Hand,
    Pause,
    PauseReason,
    ProductState,
    Resume,
    SetMargin,
)


def pause(state: ProductState, command: Pause) -> ProductState | None:
    """The state after a pause; None when a newer decision about stock is known."""
    if command.reason is PauseReason.MANUAL:
        return _by_hand(state, command, Hand.PAUSE)
    if command.decision_seq and command.decision_seq < state.stock_seq:
        return None
    return replace(
        state,
        sku=command.sku or state.sku,
        reasons=state.reasons | {command.reason},
        stock_seq=max(state.stock_seq, command.decision_seq),
    )


def resume(state: ProductState, command: Resume) -> ProductState | None:
    """The state after a resume; None when a newer decision about stock is known.

    By hand: ends a person's pause where there is one, otherwise orders the ads to run whatever the reasons say.
    """
    if PauseReason.MANUAL in command.reasons:
        return _by_hand(state, command, Hand.NONE if state.hand is Hand.PAUSE else Hand.RUN)
    if command.decision_seq and command.decision_seq < state.stock_seq:
        return None
    return replace(
        state,
        sku=command.sku or state.sku,
        reasons=state.reasons - command.reasons,
        stock_seq=max(state.stock_seq, command.decision_seq),
        quantity=command.new_quantity,
    )


def adjust_bids(state: ProductState, command: AdjustBids) -> ProductState | None:
    """The state with the factor that the stock asks for; None when a newer decision about bids is known."""
    if command.decision_seq and command.decision_seq < state.bid_seq:
        return None
    low = command.quantity <= command.low_stock_threshold
    return replace(
        state,
        factor=command.factor if low else FULL,
        quantity=command.quantity,
        bid_seq=max(state.bid_seq, command.decision_seq),
    )


def set_margin(state: ProductState, command: SetMargin) -> ProductState | None:
    """The state with the margin, paused under the floor; None when a newer decision about the margin is known."""
    if command.decision_seq and command.decision_seq < state.margin_seq:
        return None
    low = command.floor > 0 and command.margin < command.floor
    reasons = state.reasons | {PauseReason.LOW_MARGIN} if low else state.reasons - {PauseReason.LOW_MARGIN}
    return replace(
        state, margin=command.margin, reasons=reasons, margin_seq=max(state.margin_seq, command.decision_seq)
    )


def expire_hand(state: ProductState, now: dt.datetime) -> ProductState:
    """The state without a person's order whose time is over."""
    if state.hand is Hand.NONE or state.hand_until is None or state.hand_until > now:
        return state
    return replace(state, hand=Hand.NONE, hand_actor="", hand_note="", hand_until=None)


def _by_hand(state: ProductState, command: Pause | Resume, hand: Hand) -> ProductState:
    if hand is Hand.NONE:
        return replace(state, hand=hand, hand_actor="", hand_note="", hand_until=None)
    return replace(
        state,
        sku=command.sku or state.sku,
        hand=hand,
        hand_actor=command.actor,
        hand_note=command.note,
        hand_until=command.expires_at,
    )
