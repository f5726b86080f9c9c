"""Rows of actions: what is done at the ad networks, and how far it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from kiki.council.syncflow.domain import Action, ActionKind, ActionState, NewAction, PauseReason
from kiki.kit.database import Connection, Record

_COLUMNS = (
    "action_id, campaign_id, product_id, kind, reasons, actor, note, state, currency, old_bid_minor, new_bid_minor,"
    " requested_at, applied_at, attempts, last_error, decision_seq"
)
_SUPERSEDE = (
    "UPDATE syncflow.actions a SET state = 'superseded' FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bool[])"
    " AS u(s, c, p, b) WHERE a.store_id = u.s AND a.campaign_id = u.c AND a.product_id = u.p"
    " AND (a.kind = 'bid') = u.b AND a.state IN ('pending', 'held')"
)
_ADD = (
    "INSERT INTO syncflow.actions (store_id, campaign_id, product_id, kind, reasons, actor, note, state, currency,"
    " old_bid_minor, new_bid_minor, requested_at, decision_seq)"
    " SELECT s, c, p, k, string_to_array(r, ','), a, n, 'pending', m, o, w, $11, q FROM unnest($1::bigint[],"
    " $2::text[],"
    " $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[],"
    " $12::bigint[])"
    " WITH ORDINALITY AS u(s, c, p, k, r, a, n, m, o, w, q, i) ORDER BY i"
)


class ActionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which actions to list; empty: all."""

    store_id: int
    campaign_id: str
    product_id: str
    state: ActionState | None
    before_id: int | None
    limit: int


class Resolution(msgspec.Struct, frozen=True):
    """What became of an open action."""

    action_id: int
    state: ActionState


async def add_actions(connection: Connection, actions: Sequence[NewAction], now: dt.datetime) -> None:
    """Store actions as pending, in order; open ones about the same thing are superseded. Their work rows are locked."""
    await connection.execute(
        _SUPERSEDE,
        [action.store_id for action in actions],
        [action.campaign_id for action in actions],
        [action.product_id for action in actions],
        [action.kind is ActionKind.BID for action in actions],
    )
    await connection.execute(
        _ADD,
        [action.store_id for action in actions],
        [action.campaign_id for action in actions],
        [action.product_id for action in actions],
        [action.kind.value for action in actions],
        [",".join(action.reasons) for action in actions],
        [action.actor for action in actions],
        [action.note for action in actions],
        [action.currency for action in actions],
        [action.old_bid_minor for action in actions],
        [action.new_bid_minor for action in actions],
        now,
        [action.decision_seq for action in actions],
    )


async def list_open(connection: Connection, store_id: int, campaign_id: str) -> list[Action]:
    """Actions of a campaign that are not settled yet, oldest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM syncflow.actions WHERE store_id = $1 AND campaign_id = $2"
        " AND state IN ('pending', 'held') ORDER BY action_id",
        store_id,
        campaign_id,
    )
    return [_action(row) for row in rows]


async def resolve(connection: Connection, store_id: int, resolutions: Sequence[Resolution], now: dt.datetime) -> None:
    """Record what became of open actions."""
    await connection.execute(
        "UPDATE syncflow.actions a SET state = u.s,"
        " applied_at = CASE WHEN u.s IN ('applied', 'unchanged') THEN $4 ELSE a.applied_at END"
        " FROM unnest($2::bigint[], $3::text[]) AS u(i, s) WHERE a.store_id = $1 AND a.action_id = u.i",
        store_id,
        [item.action_id for item in resolutions],
        [item.state.value for item in resolutions],
        now,
    )


async def note_attempt(connection: Connection, store_id: int, campaign_id: str) -> None:
    """Count one more try of a campaign's open actions."""
    await connection.execute(
        "UPDATE syncflow.actions SET attempts = attempts + 1"
        " WHERE store_id = $1 AND campaign_id = $2 AND state IN ('pending', 'held')",
        store_id,
        campaign_id,
    )


async def note_error(connection: Connection, store_id: int, campaign_id: str, error: str) -> None:
    """Keep what went wrong last with a campaign's open actions."""
    await connection.execute(
        "UPDATE syncflow.actions SET last_error = $3"
        " WHERE store_id = $1 AND campaign_id = $2 AND state IN ('pending', 'held')",
        store_id,
        campaign_id,
        error,
    )


async def list_actions(connection: Connection, query: ActionQuery) -> list[Action]:
    """A page, newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM syncflow.actions WHERE store_id = $1 AND ($2 = '' OR campaign_id = $2)"
        " AND ($3 = '' OR product_id = $3) AND ($4::text IS NULL OR state = $4)"
        " AND ($5::bigint IS NULL OR action_id < $5) ORDER BY action_id DESC LIMIT $6",
        query.store_id,
        query.campaign_id,
        query.product_id,
        query.state.value if query.state else None,
        query.before_id,
        query.limit,
    )
    return [_action(row) for row in rows]


def _action(row: Record) -> Action:
    values = dict(row)
    values["kind"] = ActionKind(values["kind"])
    values["state"] = ActionState(values["state"])
    values["reasons"] = tuple(map(PauseReason, values["reasons"]))
    return Action(**values)
