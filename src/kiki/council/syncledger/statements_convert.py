"""Statements, entries and proofs → protobuf."""

from __future__ import annotations

from collections.abc import Sequence

from google.type.money_pb2 import Money

from kiki.council.syncledger.convert import (
    contract_message,
    money,
    month_from,
    month_message,
    optional_money,
    reason_message,
    store,
    text,
)
from kiki.council.syncledger.corrections import MonthCorrected
from kiki.council.syncledger.domain import OrderState
from kiki.council.syncledger.experiments_convert import bill_message, credit_message, late_message
from kiki.council.syncledger.fees import Stated, rate_text
from kiki.council.syncledger.months import month_number, month_parts
from kiki.council.syncledger.parts import Span
from kiki.council.syncledger.reporting import Close, PeriodFee
from kiki.council.syncledger.repository.proof import Proof
from kiki.council.syncledger.repository.readings import EntryRow, FrozenStatement, Line
from kiki.council.syncledger.statement import FORMAT, Statement, StoreRevenue
from kiki.kit.digest import semantic_digest
from kiki.kit.grpc.money import money_from_proto
from kiki.kit.grpc.times import optional_time_to_proto, time_to_proto
from kiki.kit.receipts import OnceItem
from kiki.rpc.v1 import common_pb2, syncledger_pb2

_KINDS = {
    int(kind): kind
    for kind in (
        syncledger_pb2.ENTRY_KIND_REVENUE,
        syncledger_pb2.ENTRY_KIND_REFUND,
        syncledger_pb2.ENTRY_KIND_REVERSAL,
        syncledger_pb2.ENTRY_KIND_TRUE_UP,
        syncledger_pb2.ENTRY_KIND_BILLING,
        syncledger_pb2.ENTRY_KIND_EXPERIMENT_CREDIT,
    )
}
_ACCOUNTS = {
    int(account): account
    for account in (
        syncledger_pb2.LEDGER_ACCOUNT_ATTRIBUTED_SALES,
        syncledger_pb2.LEDGER_ACCOUNT_INCREMENTAL_REVENUE,
        syncledger_pb2.LEDGER_ACCOUNT_ACCRUED_FEES,
        syncledger_pb2.LEDGER_ACCOUNT_FEE_INCOME,
        syncledger_pb2.LEDGER_ACCOUNT_BILLED_FEES,
    )
}


class MessageWriter:
    """Statements and lines as protobuf bytes: what is frozen."""

    def statement(self, statement: Statement) -> bytes:
        return statement_message(statement).SerializeToString(deterministic=True)

    def lines(self, lines: list[Line]) -> bytes:
        page = syncledger_pb2.GetMonthlyStatementResponse(lines=[line_message(line) for line in lines])
        return page.SerializeToString(deterministic=True)

    def closed(self, frozen: FrozenStatement) -> bytes:
        return syncledger_pb2.CloseMonthResponse(
            statement=syncledger_pb2.Statement.FromString(frozen.body), digest=frozen.digest
        ).SerializeToString()

    def stated(self, frozen: FrozenStatement) -> Stated:
        body = syncledger_pb2.Statement.FromString(frozen.body)
        own = money_from_proto(body.incremental_revenue).minor - money_from_proto(body.corrected_revenue).minor
        current = money_from_proto(body.current_revenue).minor if body.HasField("current_revenue") else None
        baseline = money_from_proto(body.baseline_revenue).minor if body.HasField("baseline_revenue") else None
        return Stated(own, current, baseline)

    def counted(self, frozen: FrozenStatement, about: int) -> int | None:
        """What it counts of an earlier month that it corrects; None where it does not say."""
        for one in syncledger_pb2.Statement.FromString(frozen.body).corrections:
            if month_from(one.month) == about and one.HasField("counted_after"):
                return money_from_proto(one.counted_after).minor
        return None


def close_item(request: syncledger_pb2.CloseMonthRequest) -> OnceItem[Close]:
    """The month to close."""
    close = Close(store(request.store_id), month_number(request.year, request.month), revenue_of(request.figures))
    return OnceItem(close.store_id, text(request.event_id, "event_id"), semantic_digest("close", close), close)


def revenue_of(figures: syncledger_pb2.RevenueFigures) -> StoreRevenue:
    """Revenue of the whole store, as far as it is given."""
    return StoreRevenue(
        money_from_proto(figures.current_revenue) if figures.HasField("current_revenue") else None,
        money_from_proto(figures.baseline_revenue) if figures.HasField("baseline_revenue") else None,
        max(figures.baseline_months_available, 0),
    )


def statement_message(statement: Statement) -> syncledger_pb2.Statement:
    """A month's figures."""
    year, month = month_parts(statement.month)
    currency, figures = statement.terms.currency, statement.figures
    return syncledger_pb2.Statement(
        store_id=statement.store_id,
        year=year,
        month=month,
        period=common_pb2.Period(start=time_to_proto(statement.start), end=time_to_proto(statement.end)),
        contract=contract_message(statement.terms),
        baseline_revenue=optional_money(statement.baseline, currency),
        current_revenue=optional_money(statement.current, currency),
        incremental_revenue=money(statement.revenue, currency),
        growth_percent=statement.growth_percent,
        fee_revenue=money(statement.fee_revenue, currency),
        fee=money(statement.fee, currency),
        accrued_fee=money(statement.accrued, currency),
        true_up=money(statement.true_up, currency),
        attributed_orders=figures.attributed_orders,
        mean_confidence=figures.mean_confidence,
        refunded_revenue=money(figures.refunded_revenue, currency),
        corrected_revenue=money(figures.sums.corrected_revenue, currency),
        line_count=figures.lines,
        closed=statement.closed_at is not None,
        closed_at=optional_time_to_proto(statement.closed_at),
        problem=statement.problem,
        experiment=bill_message(statement.bill, statement.reading, currency),
        corrections_by_reading=money(statement.corrected_by_reading, currency)
        if statement.terms.rule.by_experiment or statement.corrected_by_reading
        else None,
        experiment_credit=credit_message(statement.credit, currency),
        experiment_refunds=[late_message(one, currency) for one in statement.late],
        compared=_compared(statement),
        whole_baseline_revenue=_whole_baseline(statement),
        corrections=[_correction(one, currency) for one in statement.corrections],
        format=FORMAT,
        number=statement.number,
    )


def _correction(one: MonthCorrected, currency: str) -> syncledger_pb2.MonthCorrection:
    stated = one.stated
    terms = contract_message(one.terms)
    return syncledger_pb2.MonthCorrection(
        month=month_message(one.month),
        rule=terms.rule,
        fee_rate=terms.fee_rate,
        revenue_before=money(one.moved.before, currency),
        revenue=money(one.moved.revenue, currency),
        counted_before=optional_money(one.before, currency),
        counted_after=optional_money(one.after, currency),
        fee=None if one.after is None else money(one.fee, currency),
        stated_revenue=None if stated is None else money(stated.revenue, currency),
        stated_current_revenue=None if stated is None else optional_money(stated.current, currency),
        stated_baseline_revenue=None if stated is None else optional_money(stated.baseline, currency),
        fallen_revenue=None if stated is None else money(one.moved.fallen, currency),
        fallen_before=None if stated is None else money(one.moved.fallen_before, currency),
    )


def _compared(statement: Statement) -> list[common_pb2.Period]:
    """The parts of the month that count; none where all of it does, an empty one where nothing does."""
    if not statement.partial:
        return []
    parts = statement.parts or (Span(statement.start, statement.start),)
    return [common_pb2.Period(start=time_to_proto(part.start), end=time_to_proto(part.end)) for part in parts]


def _whole_baseline(statement: Statement) -> Money | None:
    known = statement.terms.baseline
    if not statement.partial or known is None:
        return None
    return money(known.monthly_minor, statement.terms.currency)


def line_message(line: Line) -> syncledger_pb2.StatementLine:
    """A line of a statement: the booking's evidence with what this entry moves."""
    message = syncledger_pb2.StatementLine.FromString(line.evidence)
    message.entry_id = str(line.entry_id)
    message.kind = _KINDS[line.kind]
    message.order_id = line.order_id
    message.refund_id = line.refund_id
    message.incremental_revenue.CopyFrom(money(line.revenue_minor, line.currency))
    message.fee.CopyFrom(money(line.fee_minor, line.currency))
    message.correction = line.correction
    message.recorded_at.CopyFrom(time_to_proto(line.recorded_at))
    if message.order_amount.currency_code == line.currency:
        message.ClearField("exchange_rate")
        message.ClearField("rate_date")
        message.ClearField("rate_source")
    _add_sources(message, line)
    return message


def _add_sources(message: syncledger_pb2.StatementLine, line: Line) -> None:
    """What the line's amounts were computed from, as far as it was kept."""
    if line.fee_rate_ppm is not None:
        message.fee_rate = rate_text(line.fee_rate_ppm)
    own = message.order_amount.currency_code
    if line.counted_minor is not None:
        message.counted_amount.CopyFrom(money(line.counted_minor, own))
    if line.returned_minor is not None:
        message.returned_amount.CopyFrom(money(line.returned_minor, own))
    if line.about:
        message.booking_id = str(line.about)
        message.booked_revenue.CopyFrom(money(line.booked_revenue, line.currency))
        message.booked_fee.CopyFrom(money(line.booked_fee, line.currency))
        message.reversed_revenue.CopyFrom(money(line.reversed_revenue, line.currency))
        message.reversed_fee.CopyFrom(money(line.reversed_fee, line.currency))
    if line.about_month:
        message.corrects.CopyFrom(month_message(line.about_month))


def period_message(fee: PeriodFee) -> syncledger_pb2.CalculateSuccessFeeResponse:
    """The fee of a span."""
    currency = fee.terms.currency
    return syncledger_pb2.CalculateSuccessFeeResponse(
        baseline_revenue=optional_money(fee.baseline, currency),
        current_revenue=optional_money(fee.current, currency),
        incremental_revenue=money(fee.figures.revenue, currency),
        growth_percent=fee.growth_percent,
        fee=money(fee.by_rule.fee, currency),
        attributed_orders=fee.figures.orders,
        mean_confidence=fee.figures.mean_confidence,
        accrued_fee=money(fee.figures.fee, currency),
        problem=fee.by_rule.problem,
    )


def order_message(found: tuple[OrderState, bytes] | None) -> syncledger_pb2.GetOrderAttributionResponse:
    """What the books say about an order; an order that was never told is not attributed."""
    if found is None:
        return syncledger_pb2.GetOrderAttributionResponse()
    state, evidence = found
    line = syncledger_pb2.StatementLine.FromString(evidence)
    answer = syncledger_pb2.GetOrderAttributionResponse(
        attributed=state.booked_revenue > state.reversed_revenue,
        confidence=state.confidence,
        campaign_id=line.campaign_id,
        touchpoints=line.touchpoints,
        reason=reason_message(state.reason),
        model=line.model,
    )
    if state.booking_id:
        currency = state.settlement_currency
        answer.incremental_revenue.CopyFrom(money(state.booked_revenue - state.reversed_revenue, currency))
        answer.fee.CopyFrom(money(state.booked_fee - state.reversed_fee, currency))
        answer.reversed_revenue.CopyFrom(money(state.reversed_revenue, currency))
        answer.reversed_fee.CopyFrom(money(state.reversed_fee, currency))
        answer.billing_month.CopyFrom(month_message(state.billing_month))
        answer.entry_id = str(state.booking_id)
    if state.refunded_minor:
        answer.refunded.CopyFrom(money(state.refunded_minor, state.currency))
    return answer


def entry_message(row: EntryRow) -> syncledger_pb2.Entry:
    """An entry with its sides."""
    return syncledger_pb2.Entry(
        entry_id=str(row.entry_id),
        kind=_KINDS[row.kind],
        billing_month=month_message(row.month),
        order_id=row.order_id,
        refund_id=row.refund_id,
        recorded_at=time_to_proto(row.recorded_at),
        postings=[
            syncledger_pb2.Posting(account=_ACCOUNTS[account], amount=money(amount, currency))
            for account, currency, amount in row.sides
        ],
        reason=row.reason,
    )


def proof_message(proof: Proof) -> syncledger_pb2.VerifyLedgerResponse:
    """The proof of the books."""
    return syncledger_pb2.VerifyLedgerResponse(
        ok=not proof.problems,
        entries=proof.entries,
        postings=proof.postings,
        problems=[
            syncledger_pb2.LedgerProblem(
                kind=problem.kind, store_id=problem.store_id, subject=problem.subject, detail=problem.detail
            )
            for problem in proof.problems
        ],
        balances=[
            syncledger_pb2.AccountBalance(
                store_id=store_id, account=_ACCOUNTS[account], balance=money(amount, currency)
            )
            for store_id, account, currency, amount in proof.balances
        ],
    )


def counts_message(counts: dict[str, int]) -> common_pb2.CountEffectsResponse:
    """Effects per method."""
    return common_pb2.CountEffectsResponse(
        counts=[common_pb2.EffectCount(method=method, count=count) for method, count in counts.items()]
    )


def month_asked(message: syncledger_pb2.BillingMonth, *, present: bool) -> int | None:
    """A month that a request may leave out."""
    return month_from(message) if present else None


def lines_of(page: bytes) -> Sequence[syncledger_pb2.StatementLine]:
    """The lines of a frozen page."""
    return syncledger_pb2.GetMonthlyStatementResponse.FromString(page).lines
