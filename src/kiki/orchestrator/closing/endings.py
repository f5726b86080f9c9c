"""Orders placed after the app was removed that were decided before the removal was known: the worker tells them apart.

Webhooks come in any order. What a removal finds undecided it bills no more (`settlement.is_live`); what was booked
already is found here and told to the inbox, where it is reversed like everything that turns out not to be ours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from kiki.kit.clock import Clock
from kiki.kit.database import Connection
from kiki.kit.sealing import Sealer
from kiki.orchestrator.inbox.protocol import InternalFact
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.schedules import Guard
from kiki.orchestrator.workflows.jobs import store_facts

_AT_ONCE = 1_000
_PER_FACT = 200
_OUTSIDE = """
SELECT s.store_id, s.uninstalled_at, o.order_id FROM commerce.store_connections s
JOIN commerce.orders o ON o.store_id = s.store_id AND o.placed_at >= s.uninstalled_at
WHERE s.uninstalled_at IS NOT NULL AND o.live AND ($1::bigint IS NULL OR s.store_id = $1)
  AND ($1 IS NOT NULL OR EXISTS (SELECT FROM closing.months m WHERE m.store_id = s.store_id AND m.state <> 'closed'))
ORDER BY s.store_id, o.placed_at, o.order_id LIMIT $2
"""


class Outside(NamedTuple):
    """An order that lies outside the contract and is not marked so."""

    store_id: int
    ended_at: dt.datetime
    order_id: str


async def list_outside(connection: Connection, *, store_id: int | None = None, limit: int = _AT_ONCE) -> list[Outside]:
    """Such orders of one removed store, or of all whose months are not all closed."""
    return [Outside(*row) for row in await connection.fetch(_OUTSIDE, store_id, limit)]


def ending_facts(found: Iterable[Outside]) -> list[InternalFact]:
    """What is told of one store's orders, some at a time."""
    rows = list(found)
    return [
        InternalFact(
            "contract_ended",
            {
                "ended_at": rows[0].ended_at.isoformat(),
                "orders": [{"order_id": row.order_id} for row in rows[at : at + _PER_FACT]],
            },
        )
        for at in range(0, len(rows), _PER_FACT)
    ]


class Endings:
    """The worker's job. Found again before they are decided, orders are told once."""

    def __init__(self, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock

    async def run(self, guard: Guard) -> None:
        """A thousand orders a turn; there is hardly ever one."""
        async with guard.database.transaction() as connection:
            await guard.lock(connection)
            found = await list_outside(connection)
            facts = [
                (store_id, fact)
                for store_id, rows in groupby(found, key=lambda row: row.store_id)
                for fact in ending_facts(rows)
            ]
            await store_facts(connection, self._sealer, facts, lane=Lane.LIVE, now=self._clock.now())
