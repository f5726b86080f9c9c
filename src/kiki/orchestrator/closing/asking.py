"""Whether a month can be closed now, for somebody who asks, and the taking back of that; the worker looks again."""

from __future__ import annotations

import datetime as dt

from kiki.kit.database import Connection
from kiki.kit.errors import FailedPrecondition, InvalidInput, NotFound
from kiki.kit.grpc.times import time_from_proto
from kiki.orchestrator.closing import repository, requests
from kiki.orchestrator.closing.books import Books
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import State
from kiki.rpc.v1 import syncledger_pb2

_MISSING = {
    "READING_MISSING": "the contract bills on an experiment whose reading of {month} was not recorded",
    "BASELINE_INCOMPLETE": "the contract compares with a baseline of twelve months, and there is none:"
    " `kiki stores sync {store_id} orders` computes it",
    "FIGURES_MISSING": "the contract compares with the store's revenue of {month}, and it is not known",
}


class NotNow(FailedPrecondition):
    """A month that cannot be closed now; `reason` says what is missing."""

    reason = "MONTH_NOT_CLOSABLE"


class BeforeBooks(InvalidInput):
    """A month before the store's books begin."""

    reason = "BEFORE_CONNECTION"


class NothingAsked(NotFound):
    """A month that nobody asked to close."""

    reason = "NOT_ASKED"


class TooLate(FailedPrecondition):
    """A request that cannot be taken back any more; `reason` says why."""

    reason = "CLOSING_ASKED"


async def withdraw(connection: Connection, store_id: int, month: Month, at: dt.datetime) -> bool:
    """Take back what was asked for, in the caller's transaction; False when it was taken back before.

    Raises `NothingAsked`, and `TooLate` once the worker has asked SyncLedger, or the request is settled.
    """
    row = await repository.lock_month(connection, store_id, month)
    request = await requests.lock_request(connection, store_id, month)
    if request is None:
        raise NothingAsked(f"nobody asked to close {month.text} of store {store_id}")
    if request.settled_at is not None and request.reason == requests.WITHDRAWN:
        return False
    if row is not None and row.state in (State.ASKED, State.CLOSED):
        told = "is closed" if row.state is State.CLOSED else "is being closed: SyncLedger is asked"
        reason = "MONTH_CLOSED" if row.state is State.CLOSED else "CLOSING_ASKED"
        raise TooLate(f"{month.text} of store {store_id} {told}", reason=reason)
    if request.settled_at is not None:
        raise TooLate(
            f"the request to close {month.text} of store {store_id} was refused already: {request.reason}",
            reason="REQUEST_SETTLED",
        )
    await requests.settle(connection, store_id, month, at, requests.WITHDRAWN)
    await repository.unfollow(connection, store_id, month)
    return True


async def is_closable(books: Books, store_id: int, month: Month, now: dt.datetime, *, shop_currency: str) -> bool:
    """Whether the month can be closed now; False when it is closed already.

    Raises `NotNow` with what is missing: no contract, the month not over, an earlier one open, a reading or a baseline;
    `BeforeBooks` for a month of which there is no statement.
    """
    following = (await books.next_months([store_id])).get(store_id)
    if following is None:
        raise NotNow(f"store {store_id} has no contract that can be read", reason="NO_CONTRACT")
    statement = await books.statement(store_id, month)
    if statement.closed:
        return False
    if month < following:
        raise BeforeBooks(f"{month.text} lies before the books of store {store_id} begin, in {following.text}")
    ends_at = time_from_proto(statement.period.end)
    if now < ends_at:
        raise NotNow(f"{month.text} is not over before {ends_at.isoformat()}", reason="MONTH_NOT_OVER")
    if month > following:
        raise NotNow(f"{following.text} has to be closed before {month.text}", reason="EARLIER_MONTH_OPEN")
    await _check_figures(books, statement, shop_currency)
    return True


async def _check_figures(books: Books, statement: syncledger_pb2.Statement, shop_currency: str) -> None:
    problem = (await books.figures(statement, shop_currency)).problem
    if problem:
        text = _MISSING.get(problem, "the fee of {month} cannot be computed")
        month = Month(statement.year, statement.month)
        raise NotNow(text.format(month=month.text, store_id=statement.store_id), reason=problem)
