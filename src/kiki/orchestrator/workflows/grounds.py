"""What a recalculation was computed under: the store's rules and contract, its models, its campaigns, and how far its
history went.

Where one of them is another now, the figures that were computed are not what would come of deciding anew.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from kiki.commerce.stores import StoreConnection
from kiki.kit.database import Connection
from kiki.kit.digest import semantic_digest
from kiki.orchestrator.attribution.campaigns import KnownCampaign
from kiki.orchestrator.attribution.speaking import Speakers
from kiki.orchestrator.workflows.reading import Shelf, Standing, read_standing, shelf_of
from kiki.orchestrator.workflows.recalculating import speakers_of

_RULES = (
    "attribution_window_days",
    "attribution_threshold",
    "review_below",
    "touchpoint_margin_days",
    "basis",
    "rule",
    "experiment_id",
    "fee_rate",
    "settlement_currency",
)
_DIGEST = 12
_PROMOTIONS = """
SELECT count(*)::text || ':' || coalesce(sum(hashtextextended(concat_ws(
    E'\\x1f', p.product_id, p.campaign_id, extract(epoch FROM p.from_at),
    extract(epoch FROM least(p.to_at, c.ended_at)), extract(epoch FROM p.since_at)
), 0)::numeric), 0)::text
FROM commerce.campaign_products p
JOIN commerce.campaigns c ON c.store_id = p.store_id AND c.campaign_id = p.campaign_id
WHERE p.store_id = $1
"""
"""A figure that is another one when any promotion is."""
_POSITION = "SELECT coalesce((SELECT last_seq FROM events.heads WHERE store_id = $1), 0)"
_DECIDED_SINCE = """
SELECT count(DISTINCT l.subject) FROM commerce.attribution_diffs d
JOIN events.log l ON l.store_id = d.store_id AND l.seq > $3 AND l.subject = 'order:' || d.order_id
WHERE d.store_id = $1 AND d.job_id = $2 AND l.type = 'OrderAttributedEvent'
"""


class Grounds(msgspec.Struct, frozen=True):
    """What was in force, and when."""

    rules: dict[str, str]
    models: str
    """Who decides, with version; in an A/B test both, with the second one's share."""
    campaigns: str
    """A digest over registered campaigns and what they promote."""
    position: int
    """The newest event of the store's log."""

    def plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def changed(self, now: Grounds) -> list[str]:
        """What is another now, in words; the position apart, for a history always goes on."""
        found = [
            f"{name} was {self.rules.get(name, 'not there')} and is {now.rules.get(name, 'not there')}"
            for name in sorted(self.rules.keys() | now.rules.keys())
            if self.rules.get(name) != now.rules.get(name)
        ]
        if self.models != now.models:
            found.append(f"{self.models} decided and {now.models} does")
        if self.campaigns != now.campaigns:
            found.append("other campaigns or promotions are registered")
        return found


def read_plain(plain: object) -> Grounds | None:
    """Stored grounds again; None where none were stored."""
    try:
        return msgspec.convert(plain, Grounds)
    except msgspec.ValidationError:
        return None


async def read_grounds(connection: Connection, store: StoreConnection, model: str) -> tuple[Standing, Grounds]:
    """The store as it stands, and what its orders would be decided on by a model. Raises what naming it raises."""
    position: int = await connection.fetchval(_POSITION, store.store_id)
    standing = await read_standing(connection, store)
    promotions: str = await connection.fetchval(_PROMOTIONS, store.store_id)
    shelf = shelf_of(standing)
    campaigns = semantic_digest(sorted(standing.campaigns, key=_place), promotions)
    return standing, Grounds(
        rules=_rules(shelf),
        models=_models(speakers_of(shelf, model), store),
        campaigns=campaigns.hex()[:_DIGEST],
        position=position,
    )


async def decided_since(connection: Connection, store_id: int, job_id: int, position: int) -> int:
    """How many orders of a diff were decided anew since a place in the history."""
    found: int = await connection.fetchval(_DECIDED_SINCE, store_id, job_id, position)
    return found


def _place(known: KnownCampaign) -> tuple[str, bool, dt.datetime]:
    return known.campaign_id, known.until is None, known.until or known.since


def _rules(shelf: Shelf) -> dict[str, str]:
    store = shelf.view.store
    return {**{name: str(getattr(store.settings, name)) for name in _RULES}, "timezone": store.timezone}


def _models(spoken: Speakers, store: StoreConnection) -> str:
    told = f"{spoken.model.name} {spoken.model.version}"
    if spoken.split is None or spoken.shadow is None:
        return told
    share = store.settings.attribution_ab_share
    return f"{told} and {spoken.shadow.name} {spoken.shadow.version} for {share} in a million"
