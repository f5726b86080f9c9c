"""The worker's jobs: one looks after the next month of every store, and asks SyncLedger to close it when it is time.

It is time when the grace has passed, or somebody asked, and nothing waits any more that came before. The call is
written once per store and month, in the transaction that says so; what SyncLedger then answers is read off its books. A
month that cannot be closed is held with the reason and looked at again; one that was closed otherwise is left as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from google.type.money_pb2 import Money

from kiki.kit.clock import Clock, monotonic
from kiki.kit.database import Connection
from kiki.kit.digest import event_id
from kiki.kit.errors import DeadlineExceeded, KikiError, Unavailable
from kiki.kit.grpc.times import time_from_proto
from kiki.kit.logging import get_logger
from kiki.kit.sealing import Sealer
from kiki.orchestrator.calls.intents import CallIntent, enqueue
from kiki.orchestrator.calls.protocol import BatchCaller
from kiki.orchestrator.closing import repository, requests
from kiki.orchestrator.closing.books import Books
from kiki.orchestrator.closing.completeness import Completeness
from kiki.orchestrator.closing.endings import Endings
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import ARRIVING, LEDGER, MonthRow, State, Work
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.schedules import Guard, Job
from kiki.rpc.v1 import syncledger_pb2

WORK_WAITING = "WORK_WAITING"
"""What came before the closing is not decided or booked yet."""
DEAD_LETTERS = "DEAD_LETTERS"
"""The month was closed without deliveries or calls that were given up, and that nobody has replayed."""
MONTH_NOT_OVER = "MONTH_NOT_OVER"
_EVERY_SECONDS = 30.0
_LISTEN_SECONDS = 1.0
"""How soon somebody who asks is heard."""
_HURRY = dt.timedelta(minutes=2)
"""How long after that the job looks as often."""
_LOOK_AGAIN = dt.timedelta(minutes=1)
_TRY_AGAIN = dt.timedelta(minutes=15)
_AT_ONCE = 500
_log = get_logger(__name__)


def closing_jobs(*, sealer: Sealer, clients: BatchCaller, clock: Clock, grace_days: float) -> list[Job]:
    """The worker's jobs; `grace_days` after its end a month is closed."""
    closing = _Closing(sealer, Books(clients), clock, dt.timedelta(days=grace_days))
    return [
        Job("months_closed", min(_EVERY_SECONDS, _LISTEN_SECONDS), closing.run, irrevocable=True),
        Job("contracts_ended", _EVERY_SECONDS, Endings(sealer, clock).run),
    ]


def close_event(store_id: int, month: Month) -> str:
    """The event id under which a month of a store is closed, whenever and however often it is asked for."""
    return event_id(store_id, "close_month", month.text)


def close_intent(store_id: int, month: Month, revenue: Money | None) -> CallIntent:
    """The call that closes a month. It has an entity of its own: a refusal holds up nothing else of the store."""
    identity = close_event(store_id, month)
    request = syncledger_pb2.CloseMonthRequest(
        store_id=store_id,
        event_id=identity,
        year=month.year,
        month=month.number,
        figures=syncledger_pb2.RevenueFigures(current_revenue=revenue),
    )
    return CallIntent(
        store_id=store_id,
        agent=LEDGER,
        method="CloseMonth",
        lane=Lane.LIVE,
        entity="closing",
        subject=_subject(month),
        event_id=identity,
        request=request.SerializeToString(),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What our own tables say of months that are due."""

    work: dict[int, Work]
    pending: dict[tuple[int, str], str]


class _Closing:
    def __init__(self, sealer: Sealer, books: Books, clock: Clock, grace: dt.timedelta) -> None:
        self._sealer = sealer
        self._books = books
        self._clock = clock
        self._grace = grace
        self._complete = Completeness()
        self._looked_at: float | None = None

    async def run(self, guard: Guard) -> None:
        """Everything that is due now, each month once; a store that is behind by months gets on by one a run.

        Between its turns it only listens for somebody who asks.
        """
        if not await self._has_to_look(guard):
            return
        self._looked_at = monotonic()
        async with guard.database.transaction() as connection:
            await guard.lock(connection)
            await repository.keep_grace(connection, self._grace)
            await requests.settle_closed(connection, self._clock.now())
        await self._follow_new(guard)
        seen: set[tuple[int, Month]] = set()
        while True:
            async with guard.database.connection() as connection:
                due = await repository.list_due(connection, self._clock.now(), _AT_ONCE)
                fresh = [row for row in due if (row.store_id, row.month) not in seen]
                found = await self._look(connection, fresh)
            if not fresh:
                return
            for row in fresh:
                seen.add((row.store_id, row.month))
                await self._attempt(guard, row, found)

    async def _has_to_look(self, guard: Guard) -> bool:
        if self._looked_at is None or monotonic() - self._looked_at >= _EVERY_SECONDS:
            return True
        async with guard.database.connection() as connection:
            return await requests.is_fresh(connection, self._clock.now() - _HURRY)

    async def _follow_new(self, guard: Guard) -> None:
        after = 0
        while True:
            async with guard.database.connection() as connection:
                store_ids = await repository.list_unfollowed(connection, after, _AT_ONCE)
            for store_id, month in (await self._books.next_months(store_ids)).items():
                await self._follow(guard, store_id, month)
            if len(store_ids) < _AT_ONCE:
                return
            after = store_ids[-1]

    async def _follow(self, guard: Guard, store_id: int, month: Month) -> None:
        statement = await self._books.statement(store_id, month)
        ends_at = time_from_proto(statement.period.end)
        async with guard.database.transaction() as connection:
            await guard.lock(connection)
            await repository.add_month(connection, store_id, month, ends_at, ends_at + self._grace)

    async def _look(self, connection: Connection, rows: Sequence[MonthRow]) -> _Found:
        events = [close_event(row.store_id, row.month) for row in rows]
        rest = [row for row in rows if row.state is not State.ASKED]
        return _Found(
            await repository.look_at_work(connection, rest), await repository.list_pending(connection, events)
        )

    async def _attempt(self, guard: Guard, row: MonthRow, found: _Found) -> None:
        """One month's turn. An agent that is away ends the run; what is wrong with one store holds up no other."""
        try:
            await self._step(guard, row, found)
        except KikiError as error:
            if isinstance(error, Unavailable) and not isinstance(error, DeadlineExceeded):
                raise
            if row.state is State.ASKED:
                await self._wait(guard, row, error.reason)
            else:
                await self._hold(guard, row, error.reason)

    async def _step(self, guard: Guard, row: MonthRow, found: _Found) -> None:
        identity = close_event(row.store_id, row.month)
        statement = await self._books.statement(row.store_id, row.month)
        if statement.closed:
            await self._closed(guard, row, statement)
        elif (row.store_id, identity) in found.pending:
            await self._wait(guard, row, found.pending[row.store_id, identity])
        elif row.state is State.ASKED:
            await self._refused(guard, row, identity)
        elif self._clock.now() < row.ends_at:
            await self._hold(guard, row, MONTH_NOT_OVER)
        elif self._complete.is_behind(row, found.work[row.store_id]):
            await self._hold(guard, row, WORK_WAITING, _LOOK_AGAIN)
        else:
            await self._ask(guard, row, statement)

    async def _ask(self, guard: Guard, row: MonthRow, statement: syncledger_pb2.Statement) -> None:
        """Write the call, with the store's revenue as it is known now, unless the month's fee cannot be computed."""
        async with guard.database.connection() as connection:
            currency = await repository.currency_of(connection, row.store_id)
        revenue, problem = await self._books.figures(statement, currency)
        if problem:
            await self._hold(guard, row, problem)
            return
        now = self._clock.now()
        intent = close_intent(row.store_id, row.month, revenue)
        async with guard.database.transaction() as connection:
            await guard.lock(connection)
            if row.is_early(now) and not await _is_wanted(connection, row):
                return
            work = await repository.look_at_work(connection, [row])
            behind = self._complete.is_behind(row, work[row.store_id])
            if not behind and await repository.move(connection, row, State.ASKED, due_at=now, at=now):
                await repository.forget_refusals(connection, row.store_id, intent.subject, intent.event_id)
                await enqueue(connection, self._sealer, [intent])
        if behind:
            await self._hold(guard, row, WORK_WAITING, _LOOK_AGAIN)
            return
        self._complete.forget(row)
        _log.info("month_close_asked", store_id=row.store_id, month=row.month.text)

    async def _refused(self, guard: Guard, row: MonthRow, identity: str) -> None:
        """The call is over and the month still open."""
        async with guard.database.connection() as connection:
            reason = await repository.find_refusal(connection, row.store_id, _subject(row.month), identity)
        await self._hold(guard, row, reason or "CALL_GONE")

    async def _closed(self, guard: Guard, row: MonthRow, statement: syncledger_pb2.Statement) -> None:
        now = self._clock.now()
        async with guard.database.transaction() as connection:
            await guard.lock(connection)
            at = time_from_proto(statement.closed_at)
            given_up = await repository.count_given_up(connection, row, time_from_proto(statement.period.start))
            reason = DEAD_LETTERS if any(given_up) else ""
            await repository.move(connection, row, State.CLOSED, reason=reason, due_at=now, at=at)
            await requests.settle(connection, row.store_id, row.month, now)
            unfollowed = await repository.list_unfollowed(connection, row.store_id - 1, 1)
        self._complete.forget(row)
        told = _log.warning if reason else _log.info
        told("month_closed", store_id=row.store_id, month=row.month.text, **given_up._asdict())
        if unfollowed == [row.store_id]:
            await self._follow(guard, row.store_id, row.month.following)

    async def _wait(self, guard: Guard, row: MonthRow, reason: str) -> None:
        async with guard.database.transaction() as connection:
            await guard.lock(connection)
            await repository.move(connection, row, State.ASKED, reason=reason, due_at=self._clock.now())
            await requests.explain(connection, row.store_id, row.month, reason)

    async def _hold(self, guard: Guard, row: MonthRow, reason: str, pause: dt.timedelta = _TRY_AGAIN) -> None:
        """The month cannot be closed now. In its grace it stays open, and only who asked is told why."""
        now = self._clock.now()
        async with guard.database.transaction() as connection:
            await guard.lock(connection)
            if not row.is_early(now):
                await repository.move(connection, row, State.HELD, reason=reason, due_at=now + pause)
            elif row.state is not State.OPEN:
                await repository.move(connection, row, State.OPEN, due_at=row.closes_at + ARRIVING)
            if reason == WORK_WAITING:
                await requests.explain(connection, row.store_id, row.month, reason)
            else:
                await requests.settle(connection, row.store_id, row.month, now, reason)
        if reason != row.reason and not row.is_early(now):
            _log.warning("month_held", store_id=row.store_id, month=row.month.text, reason=reason)


async def _is_wanted(connection: Connection, row: MonthRow) -> bool:
    """Whether the asking stands, now that nobody can take it back any more."""
    await repository.lock_month(connection, row.store_id, row.month)
    request = await requests.lock_request(connection, row.store_id, row.month)
    return request is not None and request.settled_at is None


def _subject(month: Month) -> str:
    return f"month:{month.text}"
