"""Since when campaigns count, and why where that is before their registration."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kiki.commerce import tables
from kiki.commerce.rows import shape_of
from kiki.kit.database import Connection

CAMPAIGN_BACKDATES = shape_of(tables.campaign_backdates)

_SINCE = """
SELECT c.campaign_id, c.since_at, b.reason
FROM commerce.campaigns c
LEFT JOIN commerce.campaign_backdates b
    ON b.store_id = c.store_id AND b.campaign_id = c.campaign_id AND b.since_at = c.since_at
WHERE c.store_id = $1 AND c.campaign_id = ANY($2::text[])"""


@dataclass(frozen=True, slots=True)
class Counting:
    """Orders that came in since then may be a campaign's."""

    since_at: dt.datetime
    """`EVER` for what was registered before this was kept: every order."""
    reason: str
    """Why since an earlier time than the registration; empty where it is not."""


async def note_backdates(
    connection: Connection,
    store_id: int,
    campaign_ids: Collection[str],
    *,
    since_at: dt.datetime,
    told_at: dt.datetime,
    actor: str,
    reason: str,
) -> None:
    """Keep why campaigns count since an earlier time. Of several reasons for one time the first stays."""
    rows = [(store_id, name, since_at, told_at, actor, reason) for name in set(campaign_ids)]
    await CAMPAIGN_BACKDATES.insert_missing(connection, rows)


async def counting_since(connection: Connection, store_id: int, campaign_ids: Sequence[str]) -> dict[str, Counting]:
    """By campaign; one that the worker has not taken in yet is absent."""
    rows = await connection.fetch(_SINCE, store_id, list(campaign_ids))
    return {row[0]: Counting(row[1], row[2] or "") for row in rows}
