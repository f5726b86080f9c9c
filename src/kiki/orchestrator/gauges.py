"""What waits and what is dead, as metrics; read from the database when they are asked for."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from kiki.commerce.exchange.watch import watch
from kiki.kit.database import Database
from kiki.kit.telemetry import Metrics
from kiki.orchestrator.inbox.job_runs import JobRun, list_runs
from kiki.orchestrator.lanes import Lane

_INBOX = """
SELECT lane, count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float8
FROM inbox.queue GROUP BY lane
"""
_CALLS = """
SELECT agent, count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float8
FROM calls.queue GROUP BY agent
"""
_UNFINISHED_CALLS = """
SELECT agent, greatest(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float8
FROM (SELECT agent, queued_at FROM calls.queue UNION ALL SELECT agent, queued_at FROM calls.parked) c GROUP BY agent
"""
_SINGLES = """
SELECT (SELECT count(*) FROM inbox.parked), (SELECT count(*) FROM inbox.dead_letters WHERE resolved_at IS NULL),
       (SELECT count(*) FROM calls.parked), (SELECT count(*) FROM calls.dead),
       (SELECT coalesce(greatest(extract(epoch FROM clock_timestamp() - least(
            (SELECT min(queued_at) FROM inbox.queue), (SELECT min(queued_at) FROM inbox.parked))), 0), 0)::float8),
       (SELECT count(*) FROM closing.months WHERE state = 'held'),
       (SELECT coalesce(greatest(extract(epoch FROM clock_timestamp() - min(closes_at)), 0), 0)::float8
            FROM closing.months WHERE state <> 'closed'),
       pg_database_size(current_database())
"""


class Gauges:
    """The backlog of all workers, whoever asks."""

    def __init__(self, database: Database, metrics: Metrics, disk_path: Path | None = None) -> None:
        self._database = database
        self._disk_path = disk_path
        self._readable = metrics.gauge("backlog_readable", "1 when the figures of the database are those of now.")
        self._waiting = metrics.gauge("inbox_waiting", "Deliveries that wait, by lane.", ["lane"])
        self._age = metrics.gauge("inbox_oldest_seconds", "Age of the oldest waiting delivery, by lane.", ["lane"])
        self._calls = metrics.gauge("calls_waiting", "Agent calls that wait, by agent.", ["agent"])
        self._calls_age = metrics.gauge("calls_oldest_seconds", "Age of the oldest waiting call, by agent.", ["agent"])
        self._parked = metrics.gauge("inbox_parked", "Deliveries of entities that are held back.")
        self._dead = metrics.gauge("inbox_dead_letters", "Deliveries that ended in failure and were not replayed.")
        self._calls_parked = metrics.gauge("calls_parked", "Agent calls of entities that are held back.")
        self._calls_dead = metrics.gauge("calls_dead", "Agent calls that were refused for good.")
        self._oldest = metrics.gauge(
            "inbox_unfinished_oldest_seconds", "Age of the oldest delivery that is not finished, held back or waiting."
        )
        self._calls_oldest = metrics.gauge(
            "calls_unfinished_oldest_seconds",
            "Age of the oldest unanswered call, by agent: since when it is away.",
            ["agent"],
        )
        self._held = metrics.gauge("months_held", "Months whose time to close has come and that lack something.")
        self._overdue = metrics.gauge(
            "months_overdue_seconds", "How long ago the oldest month should have been closed."
        )
        self._size = metrics.gauge("database_size_bytes", "Size of the database.")
        self._job_age = metrics.gauge(
            "job_success_age_seconds", "Since the last success of a worker's periodic job; NaN: never.", ["job"]
        )
        self._job_every = metrics.gauge("job_interval_seconds", "How often a worker's periodic job is due.", ["job"])
        self._job_failing = metrics.gauge("job_failing", "1 while the last run of a periodic job failed.", ["job"])
        self._retention_held = metrics.gauge(
            "retention_held",
            "1 while no month is closed and nothing forgotten because the clock made a jump of more than a day.",
        )
        self._disk = metrics.gauge(
            "disk_free_ratio", "Free share of the disk under the database; NaN: it is elsewhere."
        )
        self._rates_waiting = metrics.gauge("exchange_rate_orders_waiting", "Live orders that wait for a rate.")
        self._rates_lacking = metrics.gauge(
            "exchange_rate_orders_lacking", "Live orders that wait for a rate which nobody knows."
        )
        self._rates_age = metrics.gauge(
            "exchange_rates_newest_age_days", "Days since the day of the newest exchange rate; NaN: none is known."
        )

    async def refresh(self) -> None:
        """Read once. What is older than the last reading is told as such: `kiki_backlog_readable` is 0."""
        self._readable.set(0)
        async with self._database.connection() as connection:
            inbox = {row[0]: (row[1], row[2]) for row in await connection.fetch(_INBOX)}
            calls = {row[0]: (row[1], row[2]) for row in await connection.fetch(_CALLS)}
            unfinished = await connection.fetch(_UNFINISHED_CALLS)
            singles = await connection.fetchrow(_SINGLES)
            jobs = await list_runs(connection)
            rates = await watch(connection)
        for lane in Lane:
            count, age = inbox.get(int(lane), (0, 0.0))
            self._waiting.labels(lane.name.lower()).set(count)
            self._age.labels(lane.name.lower()).set(age)
        for gauge in (self._calls, self._calls_age, self._calls_oldest):
            gauge.clear()
        for agent, (count, age) in calls.items():
            self._calls.labels(agent).set(count)
            self._calls_age.labels(agent).set(age)
        for agent, age in unfinished:
            self._calls_oldest.labels(agent).set(age)
        self._rates_waiting.set(rates.waiting)
        self._rates_lacking.set(rates.lacking)
        self._rates_age.set(math.nan if rates.age_days is None else rates.age_days)
        self._set_singles(singles or ())
        self._set_jobs(jobs)
        self._disk.set(_free_share(self._disk_path))
        self._readable.set(1)

    def _set_singles(self, values: Iterable[float]) -> None:
        gauges = (self._parked, self._dead, self._calls_parked, self._calls_dead)
        for gauge, value in zip((*gauges, self._oldest, self._held, self._overdue, self._size), values, strict=True):
            gauge.set(value)

    def _set_jobs(self, jobs: Sequence[JobRun]) -> None:
        for run in jobs:
            self._job_age.labels(run.job).set(math.nan if run.age_seconds is None else run.age_seconds)
            self._job_every.labels(run.job).set(run.every_seconds)
            self._job_failing.labels(run.job).set(bool(run.problem))
        self._retention_held.set(any(run.held_until is not None for run in jobs))


def _free_share(path: Path | None) -> float:
    """NaN where it is not known."""
    try:
        state = os.statvfs(path) if path is not None else None
    except OSError:
        return math.nan
    return state.f_bavail / state.f_blocks if state and state.f_blocks else math.nan
