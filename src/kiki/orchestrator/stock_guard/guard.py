"""What to do about a product's ads when its stock changes: pause at once, resume damped, bid less when stock is low."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, replace

from kiki.orchestrator.stock_guard.stock import StockView

RUNNING = "running"
PAUSED = "paused"
_HYSTERESIS = 2
"""Bids are restored when stock reaches this multiple of the low-stock threshold."""


class Action(enum.Enum):
    """What SyncFlow is asked to do."""

    PAUSE = "pause"
    RESUME = "resume"
    LOWER_BIDS = "lower_bids"
    RESTORE_BIDS = "restore_bids"


@dataclass(frozen=True, slots=True)
class GuardRules:
    """A store's figures."""

    low_stock_threshold: int = 5
    resume_damping: dt.timedelta = dt.timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class GuardState:
    """What the guard wants for a product's ads."""

    ads: str = RUNNING
    reason: str = ""
    resume_at: dt.datetime | None = None
    """When a resume is due; None while none is."""
    bids_lowered: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The new state, the calls that lead there, and what happened in words of the inventory log."""

    state: GuardState
    actions: tuple[Action, ...] = ()
    transitions: tuple[str, ...] = ()


def judge(state: GuardState, view: StockView, *, held: bool, now: dt.datetime, rules: GuardRules) -> Judgement:
    """Decide. While a person's hand is on the product nothing changes; the end of the hand is judged anew.

    Asked again with nothing new, it answers with the same state and no action.
    """
    if held:
        return Judgement(state)
    if not view.sellable:
        return _unsellable(state, view)
    resumed = _sellable(state, now, rules)
    bids = _bids(resumed.state, view, rules)
    return Judgement(bids.state, (*resumed.actions, *bids.actions), (*resumed.transitions, *bids.transitions))


def _unsellable(state: GuardState, view: StockView) -> Judgement:
    if state.ads == RUNNING:
        paused = replace(state, ads=PAUSED, reason=view.reason, resume_at=None)
        return Judgement(paused, (Action.PAUSE,), ("paused",))
    if state.resume_at is not None:
        return Judgement(replace(state, reason=view.reason, resume_at=None), (), ("resume_cancelled",))
    return Judgement(state if state.reason == view.reason else replace(state, reason=view.reason))


def _sellable(state: GuardState, now: dt.datetime, rules: GuardRules) -> Judgement:
    if state.ads == RUNNING:
        return Judgement(state)
    due = state.resume_at if state.resume_at is not None else now + rules.resume_damping
    if due <= now:
        return Judgement(replace(state, ads=RUNNING, reason="", resume_at=None), (Action.RESUME,), ("resumed",))
    if state.resume_at is not None:
        return Judgement(state)
    return Judgement(replace(state, resume_at=due), (), ("resume_scheduled",))


def _bids(state: GuardState, view: StockView, rules: GuardRules) -> Judgement:
    if state.ads != RUNNING:
        return Judgement(state)
    wanted = rules.low_stock_threshold > 0
    low = wanted and view.quantity is not None and view.quantity <= rules.low_stock_threshold
    plenty = not wanted or view.quantity is None or view.quantity >= rules.low_stock_threshold * _HYSTERESIS
    if low and not state.bids_lowered:
        return Judgement(replace(state, bids_lowered=True), (Action.LOWER_BIDS,), ("bids_lowered",))
    if plenty and state.bids_lowered:
        return Judgement(replace(state, bids_lowered=False), (Action.RESTORE_BIDS,), ("bids_restored",))
    return Judgement(state)
