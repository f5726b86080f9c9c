"""Reads a monthly statement: SyncLedger's figures and lines, with the store's revenue and baseline from SyncValue."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from kiki.clients.council import CouncilClients
from kiki.commerce.stores import StoreConnection
from kiki.kit.errors import NotFound
from kiki.kit.grpc.money import money_from_proto
from kiki.kit.money import Money
from kiki.orchestrator.closing.books import revenue_of, revenue_requests
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import MonthRow
from kiki.orchestrator.closing.requests import RequestRow
from kiki.portal.convert import message_json, money_json
from kiki.portal.reports.closing import closing_json
from kiki.portal.reports.local_times import days_of, localized
from kiki.rpc.v1 import syncledger_pb2 as ledger
from kiki.rpc.v1 import syncvalue_pb2 as value


class MonthNotBegun(NotFound):
    """There is no statement of a month that has not begun in the store's time zone."""

    reason = "MONTH_NOT_BEGUN"


@dataclass(frozen=True, slots=True)
class StatementPage:
    """A statement as JSON values, with a page of its lines."""

    statement: dict[str, Any]
    baseline: dict[str, Any] | None
    lines: list[dict[str, Any]]
    next_page_token: str
    digest: str
    """Hexadecimal SHA-256 over the frozen statement and lines; empty while the month is open."""
    time_zone: str
    """Whose calendar month it is: the contract's, and without one the store's."""

    def closing(self, row: MonthRow | None, request: RequestRow | None) -> dict[str, Any]:
        """How far the month's closing is; `row` where it is followed, `request` where somebody asked by hand."""
        closed_at = self.statement["closed_at"] if self.statement["closed"] else None
        return closing_json(closed_at, row, request)

    def document(self, store: StoreConnection, closing: dict[str, Any]) -> dict[str, Any]:
        """The report as it is answered."""
        return {
            "store": {"store_id": store.store_id, "display_name": store.display_name, "platform": store.platform},
            "statement": self.statement,
            "closing": closing,
            "baseline": self.baseline,
            "orders": self.lines,
            "next_page_token": self.next_page_token,
            "digest": self.digest,
            "time_zone": self.time_zone,
        }

    def printable(self, store: StoreConnection, closing: dict[str, Any]) -> dict[str, Any]:
        """The report for people: its times by the store's clock, and the days that it is about."""
        document = self.document(store, closing)
        period = self.statement["period"]
        days = () if period is None else days_of(period, self.time_zone)
        return {**localized(document, self.time_zone), "days": days}


async def read_statement(
    clients: CouncilClients,
    store: StoreConnection,
    month: Month,
    *,
    now: dt.datetime,
    page_size: int,
    page_token: str = "",
) -> StatementPage:
    """One page. Raises `MonthNotBegun`; a month without a contract is an empty statement that says so."""
    if month > Month.at(now, store.timezone):
        raise MonthNotBegun(f"the month {month.text} has not begun in {store.timezone}")
    request = ledger.GetMonthlyStatementRequest(
        store_id=store.store_id, year=month.year, month=month.number, page_size=page_size, page_token=page_token
    )
    try:
        answer = await clients.syncledger.call("GetMonthlyStatement", request, ledger.GetMonthlyStatementResponse)
    except NotFound as error:
        nothing = _empty(store, month, error.reason)
        return StatementPage(nothing, await _baseline(clients, store, month), [], "", "", store.timezone)
    if not answer.statement.closed and store.settled_in == store.currency:
        request.figures.current_revenue.CopyFrom(await _current_revenue(clients, answer.statement))
        answer = await clients.syncledger.call("GetMonthlyStatement", request, ledger.GetMonthlyStatementResponse)
    closed_at = answer.statement.closed_at if answer.statement.closed else None
    return StatementPage(
        statement=_figures(answer.statement),
        baseline=await _baseline(clients, store, month, closed_at),
        lines=[message_json(line) for line in answer.lines],
        next_page_token=answer.next_page_token,
        digest=answer.digest.hex(),
        time_zone=answer.statement.contract.time_zone or store.timezone,
    )


async def read_pages(
    clients: CouncilClients, store: StoreConnection, month: Month, *, now: dt.datetime, page_size: int
) -> AsyncIterator[StatementPage]:
    """All pages, one after another; the first stands for the figures."""
    token = ""
    while True:
        page = await read_statement(clients, store, month, now=now, page_size=page_size, page_token=token)
        yield page
        token = page.next_page_token
        if not token:
            return


async def _current_revenue(clients: CouncilClients, statement: ledger.Statement) -> Any:
    found = [
        await clients.syncvalue.call("GetRevenueInPeriod", request, value.GetRevenueInPeriodResponse)
        for request in revenue_requests(statement)
    ]
    return revenue_of(statement, found)


async def _baseline(
    clients: CouncilClients, store: StoreConnection, month: Month, as_of: Timestamp | None = None
) -> dict[str, Any] | None:
    """The plain average and what the seasonal forecast says of the month; that of a closed one as it was then."""
    request = value.GetBaselineRequest(store_id=store.store_id, year=month.year, month=month.number, as_of=as_of)
    try:
        answer = await clients.syncvalue.call("GetBaseline", request, value.GetBaselineResponse)
    except NotFound:
        return None
    return message_json(answer.baseline)


def _figures(statement: ledger.Statement) -> dict[str, Any]:
    """The figures as JSON values; no growth where there is nothing to grow over."""
    figures = message_json(statement)
    compared = statement.HasField("current_revenue") and statement.HasField("baseline_revenue")
    if not compared or not money_from_proto(statement.baseline_revenue).minor:
        figures["growth_percent"] = None
    return figures


def _empty(store: StoreConnection, month: Month, problem: str) -> dict[str, Any]:
    """Nothing is owed for a month without a contract; the fields are those of any statement."""
    zero = money_json(Money.zero(store.settings.settlement_currency or store.currency))
    empty = _figures(ledger.Statement(store_id=store.store_id, year=month.year, month=month.number, problem=problem))
    amounts = (
        "incremental_revenue",
        "fee_revenue",
        "fee",
        "accrued_fee",
        "true_up",
        "refunded_revenue",
        "corrected_revenue",
    )
    return {**empty, **dict.fromkeys(amounts, zero)}
