"""Months: how far their closing is, closing one before its grace is over, and taking that back."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Path, Query
from pydantic import Field
from starlette.status import HTTP_202_ACCEPTED

from kiki.kit.database import Connection
from kiki.kit.grpc.times import time_from_proto
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.orchestrator.closing import requests
from kiki.orchestrator.closing.asking import is_closable, withdraw
from kiki.orchestrator.closing.books import Books
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import MonthRow, State, find_month, list_months
from kiki.portal.access import documented_key
from kiki.portal.internal.answers.months import ClosingMonth, FollowedMonth, FollowedMonthPage
from kiki.portal.internal.pages import Cursor, Limit, StoreFilter, StoreId, decode_cursor, encode_cursor
from kiki.portal.internal.schemas import StrictBody, with_example
from kiki.portal.reports.closing import closing_json, instant
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected, Services

router = AnswerRouter(prefix="/internal/months", tags=["months"], dependencies=[documented_key])

MonthText = Annotated[str, Path(pattern=r"^[2-9]\d{3}-(0[1-9]|1[0-2])$", description="YYYY-MM")]


Why = Annotated[
    str, Query(max_length=200, pattern=r"^[^@]*$", description="For the audit log; no addresses of people.")
]


class CloseBody(StrictBody):
    """Why a month is closed now."""

    model_config = with_example({"why": "the books are wanted today"})

    why: Annotated[
        str, Field(max_length=200, pattern=r"^[^@]*$", description="For the audit log; no addresses of people.")
    ] = ""


@router.get("", operation_id="list_months", summary="List the months that are followed, newest first")
async def list_all(
    services: Injected,
    store_id: StoreFilter = None,
    state: Annotated[State | None, Query(description="`held`: those that lack something.")] = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> FollowedMonthPage:
    """The next month of each store, and the closed ones."""
    before = decode_cursor(cursor, (str, int))
    async with services.database.connection() as connection:
        await services.check_store(connection, store_id)
        found = await list_months(
            connection,
            store_id=store_id,
            state=state,
            before=None if before is None else (before[0], before[1]),
            limit=limit,
        )
    last = encode_cursor(found[-1].month.text, found[-1].store_id) if len(found) == limit else ""
    return {"months": [_row_json(row) for row in found], "next_cursor": last}


@router.get("/{store_id}/{month}", operation_id="get_month", summary="How far the closing of a month is")
async def show(services: Injected, store_id: StoreId, month: MonthText) -> ClosingMonth:
    """As on the statement: `open`, `held` with what is missing, `asked`, or `closed`; and who asked by hand."""
    wanted = Month.read(month)
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
    statement = await Books(services.clients).statement(store_id, wanted)
    closed_at = instant(time_from_proto(statement.closed_at)) if statement.closed else None
    return await _shown(services, store_id, wanted, closed_at)


@router.post(
    "/{store_id}/{month}/close",
    operation_id="close_month",
    status_code=HTTP_202_ACCEPTED,
    summary="Close a month now",
)
async def close(
    services: Injected, actor: Actor, store_id: StoreId, month: MonthText, body: CloseBody | None = None
) -> ClosingMonth:
    """Has the worker close it without waiting for the grace to end; what comes later is a correction.

    Refused while the month is not over, an earlier one open, or what its fee rests on is missing. Work that waits from
    before is done first. The answer is the month as it is now; a month that is closed is answered as such.
    """
    wanted, now = Month.read(month), services.clock.now()
    async with services.database.connection() as connection:
        store = await services.stores.get(connection, store_id)
    if await is_closable(Books(services.clients), store_id, wanted, now, shop_currency=store.currency):
        why = "" if body is None else body.why
        async with services.database.transaction() as connection:
            await requests.ask(connection, store_id, wanted, actor=actor, why=why, at=now)
            await _audit(services, connection, store_id, wanted, actor=actor, action="month.close", why=why)
    return await show(services, store_id, month)


@router.delete(
    "/{store_id}/{month}/close", operation_id="withdraw_month_close", summary="Take back the asking to close a month"
)
async def take_back(
    services: Injected, actor: Actor, store_id: StoreId, month: MonthText, why: Why = ""
) -> ClosingMonth:
    """While it waits. Refused once SyncLedger is asked (`CLOSING_ASKED`); the month is then left to its grace.

    Taken back once, whoever does and how often. Who asked stays on the month, with the reason `WITHDRAWN`.
    """
    wanted, now = Month.read(month), services.clock.now()
    async with services.database.transaction() as connection:
        await services.stores.get(connection, store_id)
        if await withdraw(connection, store_id, wanted, now):
            await _audit(services, connection, store_id, wanted, actor=actor, action="month.withdraw_close", why=why)
    return await show(services, store_id, month)


async def _audit(
    services: Services, connection: Connection, store_id: int, month: Month, *, actor: str, action: str, why: str
) -> None:
    intent = access_intent(
        store_id=store_id,
        actor=actor,
        action=action,
        resource_type="month",
        resource_id=month.text,
        purpose=why,
        occurred_at=services.clock.now(),
    )
    await enqueue(connection, services.sealer, [intent])


async def _shown(services: Services, store_id: int, month: Month, closed_at: str | None) -> ClosingMonth:
    async with services.database.connection() as connection:
        row = await find_month(connection, store_id, month)
        request = await requests.find_request(connection, store_id, month)
    ends_at = None if row is None else instant(row.ends_at)
    told = closing_json(closed_at, row, request)
    return cast("ClosingMonth", {"store_id": store_id, "month": month.text, "ends_at": ends_at, **told})


def _row_json(row: MonthRow) -> FollowedMonth:
    told = {
        "store_id": row.store_id,
        "month": row.month.text,
        "ends_at": instant(row.ends_at),
        "state": row.state,
        "closes_at": instant(row.closed_at or row.closes_at),
        "reason": row.reason,
        "asked_at": instant(row.asked_at),
    }
    return cast("FollowedMonth", told)
