"""Whether a month can be closed now, for somebody who asks; the worker looks again before it writes the call."""

from __future__ import annotations

import datetime as dt

from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.kit.grpc.times import time_from_proto
from kiki.orchestrator.closing.books import Books
from kiki.orchestrator.closing.months import Month
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


async def is_closable(books: Books, store_id: int, month: Month, now: dt.datetime) -> bool:
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
    await _check_figures(books, statement)
    return True


async def _check_figures(books: Books, statement: syncledger_pb2.Statement) -> None:
    problem = (await books.figures(statement)).problem
    if problem:
        text = _MISSING.get(problem, "the fee of {month} cannot be computed")
        month = Month(statement.year, statement.month)
        raise NotNow(text.format(month=month.text, store_id=statement.store_id), reason=problem)
