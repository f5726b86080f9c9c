"""What the agents are asked about a month: SyncLedger for its books, SyncValue for the store's revenue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from google.protobuf.message import Message
from google.type.money_pb2 import Money

from kiki.kit import money as amounts
from kiki.kit.errors import InvariantBroken, KikiError, NotFound, Unavailable
from kiki.kit.grpc.money import money_from_proto, money_to_proto
from kiki.kit.grpc.times import time_from_proto
from kiki.kit.logging import get_logger
from kiki.orchestrator.calls.protocol import BatchCaller
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import LEDGER
from kiki.rpc.v1 import syncledger_pb2, syncvalue_pb2

_BASIS = {
    syncledger_pb2.FeeBasis.FEE_BASIS_UNSPECIFIED: syncvalue_pb2.RevenueBasis.REVENUE_BASIS_NET_SALES,
    syncledger_pb2.FeeBasis.FEE_BASIS_NET_SALES: syncvalue_pb2.RevenueBasis.REVENUE_BASIS_NET_SALES,
    syncledger_pb2.FeeBasis.FEE_BASIS_TOTAL: syncvalue_pb2.RevenueBasis.REVENUE_BASIS_TOTAL,
}
_M = TypeVar("_M", bound=Message)
_log = get_logger(__name__)


class Figures(NamedTuple):
    """With what a month would be closed now."""

    revenue: Money | None
    """The whole store's, while it was connected in the month; None where the contract settles in another currency."""
    problem: str
    """Why the fee cannot be computed; empty when it can."""


class Books:
    """Reads; raises the `KikiError` that the agent answered with."""

    def __init__(self, clients: BatchCaller) -> None:
        self._clients = clients

    async def next_months(self, store_ids: Sequence[int]) -> dict[int, Month]:
        """The month that is closed next, of each store that has a contract; one that cannot be read is left out."""
        requests = [syncledger_pb2.GetContractRequest(store_id=store_id).SerializeToString() for store_id in store_ids]
        found: dict[int, Month] = {}
        outcomes = await self._clients.call_batch(LEDGER, "GetContract", requests) if requests else []
        for store_id, outcome in zip(store_ids, outcomes, strict=True):
            if outcome.error is not None and not isinstance(outcome.error, Unavailable):
                if not isinstance(outcome.error, NotFound):
                    _log.warning("contract_not_read", store_id=store_id, reason=outcome.error.reason)
                continue
            answer = _read(outcome.response, outcome.error, syncledger_pb2.GetContractResponse)
            if answer.HasField("closed_through"):
                found[store_id] = Month(answer.closed_through.year, answer.closed_through.month).following
            else:
                first = answer.versions[0]
                found[store_id] = Month.at(time_from_proto(first.connected_at), first.time_zone)
        return found

    async def statement(self, store_id: int, month: Month, revenue: Money | None = None) -> syncledger_pb2.Statement:
        """The month as the books have it, with the store's revenue where it is given."""
        request = syncledger_pb2.GetMonthlyStatementRequest(
            store_id=store_id, year=month.year, month=month.number, page_size=1
        )
        if revenue is not None:
            request.figures.current_revenue.CopyFrom(revenue)
        answer = await self._ask(LEDGER, "GetMonthlyStatement", request, syncledger_pb2.GetMonthlyStatementResponse)
        return answer.statement

    async def figures(self, statement: syncledger_pb2.Statement, shop_currency: str) -> Figures:
        """The whole store's revenue in the statement's period, as SyncValue knows it now, and what the fee lacks.

        SyncValue counts in the shop's currency. What it knows in another one is of single orders and says nothing.
        """
        if shop_currency != statement.contract.settlement_currency:
            return Figures(None, statement.problem)
        found = [
            await self._ask("syncvalue", "GetRevenueInPeriod", request, syncvalue_pb2.GetRevenueInPeriodResponse)
            for request in revenue_requests(statement)
        ]
        revenue = revenue_of(statement, found)
        month = Month(statement.year, statement.month)
        return Figures(revenue, (await self.statement(statement.store_id, month, revenue)).problem)

    async def _ask(self, agent: str, method: str, request: Message, kind: type[_M]) -> _M:
        (outcome,) = await self._clients.call_batch(agent, method, [request.SerializeToString()])
        return _read(outcome.response, outcome.error, kind)


def revenue_requests(statement: syncledger_pb2.Statement) -> list[syncvalue_pb2.GetRevenueInPeriodRequest]:
    """What SyncValue is asked for the whole store's revenue: of each part of the month that the statement compares."""
    contract = statement.contract
    return [
        syncvalue_pb2.GetRevenueInPeriodRequest(
            store_id=statement.store_id,
            period=period,
            currency=contract.settlement_currency,
            basis=_BASIS[contract.basis],
        )
        for period in statement.compared or [statement.period]
        if period.start != period.end
    ]


def revenue_of(
    statement: syncledger_pb2.Statement, answers: Iterable[syncvalue_pb2.GetRevenueInPeriodResponse]
) -> Money:
    """What the answers come to; nothing where there was nothing to ask."""
    nothing = amounts.Money.zero(statement.contract.settlement_currency)
    return money_to_proto(sum((money_from_proto(answer.revenue) for answer in answers), nothing))


def _read(response: bytes | None, error: KikiError | None, kind: type[_M]) -> _M:
    if error is not None:
        raise error
    if response is None:
        raise InvariantBroken("an agent answered neither a response nor an error")
    return kind.FromString(response)
