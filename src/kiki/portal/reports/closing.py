"""How far the closing of a month is, as JSON values: for statements and for who asks about months."""

from __future__ import annotations

import datetime as dt
from typing import Any

from kiki.orchestrator.closing.repository import MonthRow, State
from kiki.orchestrator.closing.requests import RequestRow


def closing_json(
    closed_at: str | None, row: MonthRow | None = None, request: RequestRow | None = None
) -> dict[str, Any]:
    """The books know whether the month is closed (`closed_at`); the rest is what the worker is about."""
    by_hand = None if request is None else request_json(request)
    if closed_at is not None:
        without = row.reason if row is not None and row.state is State.CLOSED else ""
        return _closing(State.CLOSED, closed_at, without, by_hand=by_hand)
    if row is None:
        return _closing(State.OPEN, None, by_hand=by_hand)
    state = State.ASKED if row.state is State.CLOSED else row.state
    return _closing(state, instant(row.closes_at), row.reason, instant(row.asked_at), by_hand)


def request_json(request: RequestRow) -> dict[str, Any]:
    """Who asked last to close a month before its time, and what became of it."""
    return {
        "actor": request.actor,
        "why": request.why,
        "asked_at": instant(request.asked_at),
        "reason": request.reason,
        "settled_at": instant(request.settled_at),
    }


def instant(at: dt.datetime | None) -> str | None:
    """ISO 8601, UTC."""
    return None if at is None else at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _closing(
    state: State,
    closes_at: str | None,
    reason: str = "",
    asked_at: str | None = None,
    by_hand: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {"state": state, "closes_at": closes_at, "reason": reason, "asked_at": asked_at, "by_hand": by_hand}
