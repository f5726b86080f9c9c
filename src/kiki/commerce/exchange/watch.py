"""What an operator has to see of exchange rates: orders that wait for one which nobody knows, and their age."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from kiki.commerce.exchange.repository import rates_for
from kiki.kit.database import Connection

_MOST_PAIRS = 500
_WAITING = """
SELECT currency, settlement_currency, day, count(*), sum(count(*)) OVER ()
FROM commerce.waiting_orders WHERE live
GROUP BY currency, settlement_currency, day ORDER BY day DESC, currency, settlement_currency LIMIT $1
"""
_NEWEST = "SELECT max(day), (clock_timestamp() AT TIME ZONE 'UTC')::date - max(day) FROM commerce.exchange_rates"


@dataclass(frozen=True, slots=True)
class Watch:
    """Orders under a contract that wait for their rate, and the newest rate."""

    waiting: int = 0
    lacking: int = 0
    """Of them those that no known rate serves, not even once their day is over; of the newest 500 pairs and days."""
    rates: int = 0
    """Pairs and days that those lack."""
    newest_day: dt.date | None = None
    age_days: int | None = None
    """How many days ago that was, UTC; negative for a rate of a day to come."""


async def watch(connection: Connection) -> Watch:
    """Look once. Three statements, of which the first reads the orders that wait."""
    rows = await connection.fetch(_WAITING, _MOST_PAIRS)
    newest_day, age_days = await connection.fetchrow(_NEWEST) or (None, None)
    currencies = {code for row in rows for code in (row[0], row[1])}
    table = await rates_for(connection, currencies, {row[2] for row in rows})
    lacking = [row[3] for row in rows if table.newest(row[0], row[1], row[2]) is None]
    return Watch(int(rows[0][4]) if rows else 0, sum(lacking), len(lacking), newest_day, age_days)
