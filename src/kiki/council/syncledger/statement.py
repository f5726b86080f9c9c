"""A month's statement: figures from the entries' sums, the contract and the store's revenue."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from kiki.council.syncledger.corrections import MonthCorrected, correct
from kiki.council.syncledger.domain import Books, Entry, EntryKind, ReadingTold, Terms
from kiki.council.syncledger.errors import BadRequest
from kiki.council.syncledger.experiments import READING_MISSING, Bill, Credit
from kiki.council.syncledger.fees import MonthFigures, fee_by_rule, growth_percent
from kiki.council.syncledger.late_refunds import LateCredit
from kiki.council.syncledger.months import month_span, zone
from kiki.council.syncledger.parts import Span, baseline_of, connected_in, first_month
from kiki.kit.money import Money

FORMAT = 1
"""By which rules figures are made and checked (docs/statement.md). Another rule is another number, and the program that
checks statements knows every one: a frozen month is checked by the rules that it was made by."""
LATE_REFUNDS = "late_refunds"
"""Why an entry credits an experiment's fee, where it is not for a carry."""


@dataclass(frozen=True, slots=True)
class StoreRevenue:
    """Revenue of the whole store as the caller knows it; None: not given."""

    current: Money | None = None
    baseline: Money | None = None
    baseline_months: int = 0


@dataclass(frozen=True, slots=True)
class Statement:
    """Everything that a month's statement says but its lines."""

    store_id: int
    month: int
    start: dt.datetime
    end: dt.datetime
    terms: Terms
    baseline: int | None
    """What is compared: of the parts of the month that the store was connected for."""
    current: int | None
    """Of the same time."""
    figures: MonthFigures
    growth_percent: float
    fee_revenue: int
    fee: int
    problem: str
    closed_at: dt.datetime | None = None
    bill: Bill | None = None
    """What the month bills on the contract's experiment, under the rules that do."""
    reading: ReadingTold | None = None
    corrected_by_reading: int = 0
    """Revenue of corrections that the experiment's reading counts itself."""
    credit: Credit | None = None
    """What the month gives back of an experiment's carry."""
    late: tuple[LateCredit, ...] = ()
    """What it gives back for refunds that no reading counts."""
    parts: tuple[Span, ...] = ()
    """That the store was connected for; one that is the whole month where it always was."""
    corrections: tuple[MonthCorrected, ...] = ()
    """Of earlier months, oldest first."""
    number: int = 0
    """Among the store's statements, from 1 on without a gap; 0 for a month before them."""

    @property
    def partial(self) -> bool:
        """Whether the store was connected for less than the month."""
        return self.parts != (Span(self.start, self.end),)

    @property
    def revenue(self) -> int:
        """Incremental revenue, refunds and corrections included."""
        return self.figures.sums.revenue + self.figures.sums.corrected_revenue

    @property
    def accrued(self) -> int:
        """The fee as accrued entry by entry, less what is credited."""
        return self.figures.sums.fee + self.figures.sums.corrected_fee - self.credited_fee

    @property
    def credited_fee(self) -> int:
        """What is given back of fees on experiments."""
        return (self.credit.fee if self.credit else 0) + sum(one.fee for one in self.late)

    @property
    def true_up(self) -> int:
        """What the accruals lack."""
        return self.fee - self.accrued


@dataclass(frozen=True, slots=True)
class OnExperiment:
    """What the contract's experiment bills in the month, or why it cannot be said; and what is given back.

    Under a rule that bills on none, `bill` is None.
    """

    bill: Bill | str | None
    reading: ReadingTold | None
    credit: Credit | None = None
    late: tuple[LateCredit, ...] = ()


def state_month(
    books: Books,
    month: int,
    figures: MonthFigures,
    revenue: StoreRevenue,
    closed_at: dt.datetime | None = None,
    experiment: OnExperiment | None = None,
) -> Statement:
    """The statement of a month by the terms in force."""
    terms = books.terms_for(month)
    start, end = month_span(month, zone(terms.time_zone))
    known = terms.baseline
    parts = connected_in(books, start, end)
    current = amount_in(terms.currency, revenue.current)
    baseline = amount_in(terms.currency, revenue.baseline)
    if baseline is None and known is not None:
        baseline = baseline_of(known.monthly_minor, parts, terms.time_zone)
    months = revenue.baseline_months or (known.months if known is not None else 0)
    corrected = correct(books, figures.corrections, figures.stated)
    bill = experiment.bill if experiment is not None and isinstance(experiment.bill, Bill) else None
    by_rule = fee_by_rule(
        terms.rule,
        terms.fee_rate_ppm,
        figures.sums.revenue,
        current=current,
        baseline=baseline,
        baseline_complete=months >= 12,
        experiment=READING_MISSING if bill is None else bill.billed,
    )
    credit = experiment.credit if experiment is not None else None
    late = experiment.late if experiment is not None else ()
    credited = (credit.credited if credit else 0) + sum(one.credited for one in late)
    credited_fee = (credit.fee if credit else 0) + sum(one.fee for one in late)
    return Statement(
        store_id=terms.store_id,
        month=month,
        start=start,
        end=end,
        terms=terms,
        baseline=baseline,
        current=current,
        figures=figures,
        growth_percent=growth_percent(current, baseline),
        fee_revenue=by_rule.fee_revenue + corrected.revenue - credited,
        fee=by_rule.fee + corrected.fee - credited_fee,
        problem=by_rule.problem,
        closed_at=closed_at,
        bill=bill,
        reading=experiment.reading if experiment is not None and bill is not None else None,
        corrected_by_reading=corrected.by_reading,
        credit=credit,
        late=late,
        parts=tuple(parts),
        corrections=corrected.months,
        number=max(0, month - first_month(books) + 1),
    )


def amount_in(currency: str, money: Money | None) -> int | None:
    """The amount, which has to be in the settlement currency."""
    if money is None:
        return None
    if money.currency != currency:
        raise BadRequest(f"figures are in {currency}, got {money.currency}", reason="CURRENCY_MISMATCH")
    return money.minor


def closing_entries(statement: Statement, first_id: int) -> list[Entry]:
    """What closing a month books: what is credited, the true-up of the accruals, then the fee that becomes due."""
    entries = []
    if statement.credit is not None and statement.credit.fee:
        entries.append(_entry(statement, first_id + 2, EntryKind.EXPERIMENT_CREDIT, -statement.credit.fee, 0))
    for at, one in enumerate(statement.late, start=first_id + 3):
        if one.fee:
            entries.append(_entry(statement, at, EntryKind.EXPERIMENT_CREDIT, -one.fee, 0, LATE_REFUNDS))
    if statement.true_up:
        entries.append(_entry(statement, first_id, EntryKind.TRUE_UP, statement.true_up, 0))
    if statement.fee:
        entries.append(_entry(statement, first_id + 1, EntryKind.BILLING, 0, statement.fee))
    return entries


def _entry(statement: Statement, entry_id: int, kind: EntryKind, fee: int, billed: int, reason: str = "") -> Entry:
    return Entry(
        store_id=statement.store_id,
        entry_id=entry_id,
        kind=kind,
        month=statement.month,
        order_id="",
        refund_id="",
        correction=False,
        about=0,
        currency=statement.terms.currency,
        revenue_minor=0,
        fee_minor=fee,
        billed_minor=billed,
        reason=reason,
        evidence=None,
    )
