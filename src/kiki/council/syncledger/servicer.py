"""The gRPC edge of SyncLedger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from kiki.council.syncledger import convert, experiments_convert, statements_convert
from kiki.council.syncledger.contracts import superseded
from kiki.council.syncledger.errors import BadRequest
from kiki.council.syncledger.months import month_number
from kiki.council.syncledger.reporting import OpenMonth, Reporting
from kiki.council.syncledger.service import Recording
from kiki.kit.errors import KikiError
from kiki.kit.grpc.status import item_error
from kiki.kit.grpc.times import time_from_proto
from kiki.kit.receipts import OnceItem, Outcome
from kiki.rpc.v1 import common_pb2, syncledger_pb2, syncledger_pb2_grpc

MAX_BATCH = 300
_MAX_LINES = 5_000
_MAX_ENTRIES = 1_000
Request = TypeVar("Request")
Command = TypeVar("Command")


class SyncLedgerServicer(syncledger_pb2_grpc.SyncLedgerServiceServicer):
    """Converts, calls the use cases, converts back."""

    def __init__(self, recording: Recording, reporting: Reporting) -> None:
        self._recording = recording
        self._reporting = reporting

    async def PutContract(
        self, request: syncledger_pb2.PutContractRequest, _context: Any
    ) -> syncledger_pb2.PutContractResponse:
        return syncledger_pb2.PutContractResponse.FromString(_checked(await self._contracts([request])))

    async def BatchPutContract(
        self, request: syncledger_pb2.BatchPutContractRequest, _context: Any
    ) -> syncledger_pb2.BatchPutContractResponse:
        answer = syncledger_pb2.BatchPutContractResponse()
        _fill(answer, await self._contracts(request.requests))
        return answer

    async def GetContract(
        self, request: syncledger_pb2.GetContractRequest, _context: Any
    ) -> syncledger_pb2.GetContractResponse:
        month = statements_convert.month_asked(request.month, present=request.HasField("month"))
        books, terms = await self._reporting.get_terms(request.store_id, month)
        closed, replaced = books.closed_through, superseded(books)
        return syncledger_pb2.GetContractResponse(
            contract=convert.contract_message(terms),
            versions=[convert.contract_message(each, replaced.get(each.version, 0)) for each in books.versions],
            closed_through=None if closed is None else convert.month_message(closed),
        )

    async def RecordIncrementalRevenue(
        self, request: syncledger_pb2.RecordIncrementalRevenueRequest, _context: Any
    ) -> syncledger_pb2.RecordIncrementalRevenueResponse:
        return syncledger_pb2.RecordIncrementalRevenueResponse.FromString(_checked(await self._revenue([request])))

    async def BatchRecordIncrementalRevenue(
        self, request: syncledger_pb2.BatchRecordIncrementalRevenueRequest, _context: Any
    ) -> syncledger_pb2.BatchRecordIncrementalRevenueResponse:
        answer = syncledger_pb2.BatchRecordIncrementalRevenueResponse()
        _fill(answer, await self._revenue(request.requests))
        return answer

    async def RecordRefund(
        self, request: syncledger_pb2.RecordRefundRequest, _context: Any
    ) -> syncledger_pb2.RecordRefundResponse:
        return syncledger_pb2.RecordRefundResponse.FromString(_checked(await self._refunds([request])))

    async def BatchRecordRefund(
        self, request: syncledger_pb2.BatchRecordRefundRequest, _context: Any
    ) -> syncledger_pb2.BatchRecordRefundResponse:
        answer = syncledger_pb2.BatchRecordRefundResponse()
        _fill(answer, await self._refunds(request.requests))
        return answer

    async def ReverseOrderRevenue(
        self, request: syncledger_pb2.ReverseOrderRevenueRequest, _context: Any
    ) -> syncledger_pb2.ReverseOrderRevenueResponse:
        return syncledger_pb2.ReverseOrderRevenueResponse.FromString(_checked(await self._reversals([request])))

    async def BatchReverseOrderRevenue(
        self, request: syncledger_pb2.BatchReverseOrderRevenueRequest, _context: Any
    ) -> syncledger_pb2.BatchReverseOrderRevenueResponse:
        answer = syncledger_pb2.BatchReverseOrderRevenueResponse()
        _fill(answer, await self._reversals(request.requests))
        return answer

    async def RecordExperimentReading(
        self, request: syncledger_pb2.RecordExperimentReadingRequest, _context: Any
    ) -> syncledger_pb2.RecordExperimentReadingResponse:
        outcomes = await _run(
            [request],
            experiments_convert.reading_item,
            lambda items: self._recording.record_readings(items, experiments_convert.reading_answer),
        )
        return syncledger_pb2.RecordExperimentReadingResponse.FromString(_checked(outcomes))

    async def CalculateSuccessFee(
        self, request: syncledger_pb2.CalculateSuccessFeeRequest, _context: Any
    ) -> syncledger_pb2.CalculateSuccessFeeResponse:
        period = request.period
        start, end = time_from_proto(period.start), time_from_proto(period.end)
        if not (period.HasField("start") and period.HasField("end") and start < end):
            raise BadRequest("a period has a start and a later end", reason="BAD_PERIOD")
        fee = await self._reporting.period_fee(
            request.store_id, start, end, statements_convert.revenue_of(request.figures)
        )
        return statements_convert.period_message(fee)

    async def GetOrderAttribution(
        self, request: syncledger_pb2.GetOrderAttributionRequest, _context: Any
    ) -> syncledger_pb2.GetOrderAttributionResponse:
        return statements_convert.order_message(await self._reporting.find_order(request.store_id, request.order_id))

    async def GetMonthlyStatement(
        self, request: syncledger_pb2.GetMonthlyStatementRequest, _context: Any
    ) -> syncledger_pb2.GetMonthlyStatementResponse:
        found = await self._reporting.get_month(
            request.store_id,
            month_number(request.year, request.month),
            statements_convert.revenue_of(request.figures),
            _limit(request.page_size, 1_000, _MAX_LINES),
            request.page_token,
        )
        if isinstance(found, OpenMonth):
            return syncledger_pb2.GetMonthlyStatementResponse(
                statement=statements_convert.statement_message(found.statement),
                lines=[statements_convert.line_message(line) for line in found.lines],
                next_page_token=found.next_token,
            )
        return syncledger_pb2.GetMonthlyStatementResponse(
            statement=syncledger_pb2.Statement.FromString(found.frozen.body),
            lines=statements_convert.lines_of(found.lines),
            next_page_token=found.next_token,
            digest=found.frozen.digest,
        )

    async def CloseMonth(
        self, request: syncledger_pb2.CloseMonthRequest, _context: Any
    ) -> syncledger_pb2.CloseMonthResponse:
        outcome = await self._reporting.close_month(statements_convert.close_item(request))
        return syncledger_pb2.CloseMonthResponse.FromString(_checked([outcome]))

    async def ListEntries(
        self, request: syncledger_pb2.ListEntriesRequest, _context: Any
    ) -> syncledger_pb2.ListEntriesResponse:
        rows, following = await self._reporting.list_entries(
            request.store_id,
            statements_convert.month_asked(request.month, present=request.HasField("month")),
            request.order_id,
            _limit(request.page_size, 100, _MAX_ENTRIES),
            request.page_token,
        )
        return syncledger_pb2.ListEntriesResponse(
            entries=[statements_convert.entry_message(row) for row in rows], next_page_token=following
        )

    async def VerifyLedger(
        self, request: syncledger_pb2.VerifyLedgerRequest, _context: Any
    ) -> syncledger_pb2.VerifyLedgerResponse:
        return statements_convert.proof_message(await self._reporting.verify(request.store_id))

    async def CountEffects(
        self, request: common_pb2.CountEffectsRequest, _context: Any
    ) -> common_pb2.CountEffectsResponse:
        return statements_convert.counts_message(await self._reporting.count_effects(request.store_id))

    async def _contracts(self, requests: Sequence[syncledger_pb2.PutContractRequest]) -> list[Outcome]:
        return await _run(
            requests,
            convert.contract_item,
            lambda items: self._recording.put_contracts(items, convert.contract_answer),
        )

    async def _revenue(self, requests: Sequence[syncledger_pb2.RecordIncrementalRevenueRequest]) -> list[Outcome]:
        return await _run(
            requests, convert.revenue_item, lambda items: self._recording.record_revenue(items, convert.revenue_answer)
        )

    async def _refunds(self, requests: Sequence[syncledger_pb2.RecordRefundRequest]) -> list[Outcome]:
        return await _run(
            requests, convert.refund_item, lambda items: self._recording.record_refunds(items, convert.refund_answer)
        )

    async def _reversals(self, requests: Sequence[syncledger_pb2.ReverseOrderRevenueRequest]) -> list[Outcome]:
        return await _run(
            requests, convert.reversal_item, lambda items: self._recording.reverse(items, convert.reversal_answer)
        )


async def _run(
    requests: Sequence[Request],
    read: Callable[[Request], OnceItem[Command]],
    do: Callable[[Sequence[OnceItem[Command]]], Awaitable[list[Outcome]]],
) -> list[Outcome]:
    """An outcome per request, in order; a request that cannot be read does not hold up the others."""
    if len(requests) > MAX_BATCH:
        raise BadRequest(f"a batch holds at most {MAX_BATCH} requests, got {len(requests)}", reason="BATCH_TOO_LARGE")
    outcomes: list[Outcome | None] = []
    items: list[OnceItem[Command]] = []
    for request in requests:
        try:
            items.append(read(request))
            outcomes.append(None)
        except KikiError as error:
            outcomes.append(error)
    done = iter(await do(items))
    return [next(done) if outcome is None else outcome for outcome in outcomes]


def _fill(answer: Any, outcomes: Iterable[Outcome]) -> None:
    """Adds a result per outcome; `answer` is any batch response."""
    for outcome in outcomes:
        result = answer.results.add()
        if isinstance(outcome, bytes):
            result.response.MergeFromString(outcome)
        else:
            result.error.code, result.error.reason, result.error.message = item_error(outcome)


def _checked(outcomes: Sequence[Outcome]) -> bytes:
    outcome = outcomes[0]
    if isinstance(outcome, bytes):
        return outcome
    raise outcome


def _limit(asked: int, usual: int, most: int) -> int:
    return min(max(asked, 1), most) if asked else usual
