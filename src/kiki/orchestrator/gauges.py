"""What waits and what is dead, as metrics; read from the database when they are asked for."""

from __future__ import annotations

import math

from kiki.commerce.exchange.watch import watch
from kiki.kit.database import Database
from kiki.kit.telemetry import Metrics
from kiki.orchestrator.lanes import Lane

_INBOX = """
SELECT lane, count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float8
FROM inbox.queue GROUP BY lane
"""
_CALLS = """
SELECT agent, count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float8
FROM calls.queue GROUP BY agent
"""
_SINGLES = """
SELECT (SELECT count(*) FROM inbox.parked), (SELECT count(*) FROM inbox.dead_letters WHERE resolved_at IS NULL),
       (SELECT count(*) FROM calls.parked), (SELECT count(*) FROM calls.dead)
"""


class Gauges:
    """The backlog of all workers, whoever asks."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._waiting = metrics.gauge("inbox_waiting", "Deliveries that wait, by lane.", ["lane"])
        self._age = metrics.gauge("inbox_oldest_seconds", "Age of the oldest waiting delivery, by lane.", ["lane"])
        self._calls = metrics.gauge("calls_waiting", "Agent calls that wait, by agent.", ["agent"])
        self._calls_age = metrics.gauge("calls_oldest_seconds", "Age of the oldest waiting call, by agent.", ["agent"])
        self._parked = metrics.gauge("inbox_parked", "Deliveries of entities that are held back.")
        self._dead = metrics.gauge("inbox_dead_letters", "Deliveries that ended in failure and were not replayed.")
        self._calls_parked = metrics.gauge("calls_parked", "Agent calls of entities that are held back.")
        self._calls_dead = metrics.gauge("calls_dead", "Agent calls that were refused for good.")
        self._rates_waiting = metrics.gauge("exchange_rate_orders_waiting", "Live orders that wait for a rate.")
        self._rates_lacking = metrics.gauge(
            "exchange_rate_orders_lacking", "Live orders that wait for a rate which nobody knows."
        )
        self._rates_age = metrics.gauge(
            "exchange_rates_newest_age_days", "Days since the day of the newest exchange rate; NaN: none is known."
        )

    async def refresh(self) -> None:
        """Read once."""
        async with self._database.connection() as connection:
            inbox = {row[0]: (row[1], row[2]) for row in await connection.fetch(_INBOX)}
            calls = {row[0]: (row[1], row[2]) for row in await connection.fetch(_CALLS)}
            singles = await connection.fetchrow(_SINGLES)
            rates = await watch(connection)
        for lane in Lane:
            count, age = inbox.get(int(lane), (0, 0.0))
            self._waiting.labels(lane.name.lower()).set(count)
            self._age.labels(lane.name.lower()).set(age)
        self._calls.clear()
        self._calls_age.clear()
        for agent, (count, age) in calls.items():
            self._calls.labels(agent).set(count)
            self._calls_age.labels(agent).set(age)
        self._rates_waiting.set(rates.waiting)
        self._rates_lacking.set(rates.lacking)
        self._rates_age.set(math.nan if rates.age_days is None else rates.age_days)
        if singles is not None:
            gauges = (self._parked, self._dead, self._calls_parked, self._calls_dead)
            for gauge, value in zip(gauges, singles, strict=True):
                gauge.set(value)
