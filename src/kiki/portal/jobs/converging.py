"""Seeing a recalculation through: what was handed over is waited for, looked at again, and handed over again if needed.

A decision may rest on another one: whether a buyer was acquired is the verdict on their first order. Orders go to the
worker in parts, and new ones arrive meanwhile, so that one may have been decided before the order that it rests on.
Round by round, orders of which the store's models would say something else are handed over again, until there is none.
A first order rests on no other, so that two rounds end it, and one more for each new reason that arrives meanwhile.

Where a job stands is kept in its result: `round`, and how many orders that round found `behind`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from kiki.commerce.attribution_models import list_diff
from kiki.commerce.history import Span
from kiki.kit.database import Connection
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.views import open_work
from kiki.portal.facts import add_fact
from kiki.portal.jobs.attribution import History
from kiki.portal.jobs.chunks import find_outdated
from kiki.portal.jobs.computing import Computing
from kiki.portal.jobs.repository import Job
from kiki.portal.jobs.runner import NotYet, Progress

HANDED = 200
"""Orders of one fact."""
_LOOKED_AT = 2_000
_MOST_ROUNDS = 5
_LOOK_SECONDS = 1.0
_LOOK_LATER_SECONDS = 5.0
_SOON = 10
_REOPENED = "orders_reopened"

_ORDERS = """
SELECT order_id FROM commerce.orders
WHERE store_id = $1 AND order_id > $2 AND ($3::timestamptz IS NULL OR placed_at >= $3)
    AND ($4::timestamptz IS NULL OR placed_at < $4)
ORDER BY order_id LIMIT $5
"""
_LATER = """
SELECT DISTINCT later.order_id FROM unnest($2::text[]) AS told(order_id)
JOIN commerce.orders o ON o.store_id = $1 AND o.order_id = told.order_id
JOIN commerce.customers c ON c.store_id = o.store_id AND c.customer_key = o.customer_key
    AND c.first_order_id = o.order_id
JOIN commerce.orders later ON later.store_id = o.store_id AND later.customer_key = o.customer_key
WHERE ($3::timestamptz IS NULL OR later.placed_at >= $3) AND ($4::timestamptz IS NULL OR later.placed_at < $4)
"""
"""Orders of buyers whose first order is among those told: they rest on it."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a job has handed over."""

    job: Job
    span: Span
    orders: int
    diff: int | None = None
    """The job whose diff they are; None: all orders of the span."""
    check: Callable[[Connection], Awaitable[None]] | None = None
    """Raises where no more may be handed over."""


async def orders_after(connection: Connection, span: Span, after: str, limit: int) -> list[str]:
    """Ids of the next orders of a span."""
    rows = await connection.fetch(_ORDERS, span.store_id, after, span.placed_from, span.placed_to, limit)
    return [row["order_id"] for row in rows]


async def hand_over(
    connection: Connection, history: History, job: Job, order_ids: Sequence[str], *, round_number: int = 0
) -> None:
    """One internal fact; told twice by one job and round, it is decided once."""
    await add_fact(
        connection,
        history.sealer,
        store_id=job.store_id,
        kind=_REOPENED,
        body={"order_ids": list(order_ids), "cause": "recalculation"},
        now=history.clock.now(),
        lane=Lane.BULK,
        identity=f"job:{job.job_id}:{round_number}" if round_number else f"job:{job.job_id}",
    )


def looking(progress: Progress) -> bool:
    """Whether everything is handed over and only the looking is left."""
    return "round" in progress.result


def begin_looking(progress: Progress) -> None:
    """Everything is handed over: in the step that writes the last of it."""
    progress.result = {**progress.result, "round": 1, "behind": 0, "again": 0}
    progress.cursor = ""


async def look_until_settled(history: History, progress: Progress, applied: Applied) -> str:
    """Round by round, until nothing is behind. Raises `NotYet` while the worker decides. A sentence for people."""
    while applied.orders:
        if not progress.cursor:
            await _wait_for_decisions(history, applied.job.store_id)
        await _look(history, progress, applied)
        found, number = progress.result["behind"], progress.result["round"]
        if not found or number == _MOST_ROUNDS:
            break
        async with progress.step():
            again = progress.result["again"] + found
            progress.result = {**progress.result, "round": number + 1, "behind": 0, "again": again}
            progress.cursor = ""
    again, left = progress.result["again"], progress.result["behind"]
    more = f", {again} once more after what they rest on" if again else ""
    open_end = f"; {left} were being changed all the while" if left else ""
    return f"{applied.orders} orders were decided anew{more}{open_end}"


async def _wait_for_decisions(history: History, store_id: int) -> None:
    async with history.database.connection() as connection:
        left = (await open_work(connection, store_id, Lane.BULK, ())).deliveries
    if left:
        seconds = _LOOK_SECONDS if left < _SOON else _LOOK_LATER_SECONDS
        raise NotYet(f"{left} deliveries are to be decided", reason="DECIDING", seconds=seconds)


async def _look(history: History, progress: Progress, applied: Applied) -> None:
    """One round: hands over again what is behind."""
    job, more = applied.job, True
    chunk = history.chunk(await history.standing(job.store_id), applied.span)
    async with Computing.open() as computing:
        while more:
            told, later, last, more = await _next(history, applied, progress.cursor)
            behind = await computing.run(find_outdated, (chunk, told, True)) if told else []
            behind += await computing.run(find_outdated, (chunk, later, False)) if later else []
            async with progress.step() as connection:
                if applied.check is not None:
                    await applied.check(connection)
                number = progress.result["round"]
                for at in range(0, len(behind), HANDED):
                    await hand_over(connection, history, job, behind[at : at + HANDED], round_number=number)
                progress.result = {**progress.result, "behind": progress.result["behind"] + len(behind)}
                progress.cursor = last


async def _next(history: History, applied: Applied, after: str) -> tuple[list[str], list[str], str, bool]:
    """Ids of orders that were handed over, and of others that rest on them; the place behind; whether more follow."""
    span, diff = applied.span, applied.diff
    async with history.database.connection() as connection:
        if diff is None:
            told, later = await orders_after(connection, span, after, _LOOKED_AT), []
        else:
            told = [row.order_id for row in await list_diff(connection, span.store_id, diff, after, _LOOKED_AT)]
            later = await connection.fetch(_LATER, span.store_id, told, span.placed_from, span.placed_to)
    rest = sorted({row["order_id"] for row in later}.difference(told))
    return told, rest, told[-1] if told else after, len(told) == _LOOKED_AT
