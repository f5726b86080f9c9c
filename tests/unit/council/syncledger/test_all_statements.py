"""All statements of a shop together bill what its orders come to in the end, whatever came when, by every rule.

Held against a model that knows no entries, bookings or corrections: of each order the newest decision at its rate, less
the part that its refunds are of its charge; of each month the sum of the orders paid in it, by the month's rule, times
the month's rate, rounded. What a rule compares with is what was told when the month was closed, less what its orders
came to less since. And every statement on the way is put to the program of docs/statement.md.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from kiki.council.syncledger.convert import revenue_item
from kiki.council.syncledger.domain import (
    BaselineFigures,
    Basis,
    Books,
    EntryKind,
    RefundTold,
    RevenueTold,
    ReversalTold,
    Rule,
    Terms,
)
from kiki.council.syncledger.fees import MonthFigures, MonthSums, Moved, Stated
from kiki.council.syncledger.months import month_number, month_span, zone
from kiki.council.syncledger.recording import Recorder
from kiki.council.syncledger.repository.readings import FrozenStatement, Line
from kiki.council.syncledger.statement import Statement, StoreRevenue, closing_entries, state_month
from kiki.council.syncledger.statements_convert import MessageWriter, line_message
from kiki.kit.grpc.money import minor_to_proto
from kiki.kit.grpc.times import time_to_proto
from kiki.kit.money import Money
from kiki.portal.convert import message_json
from kiki.portal.reports import spreadsheet
from kiki.portal.reports.closing import closing_json
from kiki.rpc.v1 import syncledger_pb2 as pb
from properties import examples
from unit.council.syncledger.checking import check_statement

ZONE = "Pacific/Auckland"
"""Its summer begins in September and ends in April: both months have a change of clocks."""
FIRST = month_number(2026, 8)
MONTHS = 4
CONNECTED = month_span(FIRST, zone(ZONE))[0]
FEE_RATES = (200_000, 100_000, 333_333, 125_000)
DECIMALS = {"EUR": 2, "JPY": 0, "KWD": 3}
EXCHANGE_RATES = {
    "EUR": {"JPY": ("163.93", "160"), "KWD": ("0.35512", "0.351")},
    "JPY": {"EUR": ("0.0061", "0.00625"), "KWD": ("0.002166", "0.0021")},
    "KWD": {"EUR": ("2.8159", "2.85"), "JPY": ("461.623", "450")},
}
"""By currency of the order and of the contract; one that came by itself, and one that somebody set by hand."""
Fact = RevenueTold | RefundTold | ReversalTold


def terms(rules: Sequence[Rule], currency: str = "EUR", baseline: int = 0) -> tuple[Terms, ...]:
    known = BaselineFigures(12 * baseline, baseline, 12)
    return tuple(
        Terms(1, at + 1, FEE_RATES[at], Basis.NET_SALES, rule, currency, ZONE, CONNECTED, known, FIRST + at)
        for at, rule in enumerate(rules)
    )


def moment(month: int, *, last: bool) -> dt.datetime:
    """The first instant of a month, or the last one."""
    start, end = month_span(FIRST + month, zone(ZONE))
    return end - dt.timedelta(microseconds=1) if last else start


def revenue(
    order: str,
    seq: int,
    month: int,
    last: bool,
    charged: int,
    net: int,
    share: str = "",
    pair: tuple[str, str] = ("", ""),
) -> RevenueTold:
    """As SyncLedger reads the call; `pair` is the order's currency and rate."""
    currency, at = pair[0] or "EUR", time_to_proto(moment(month, last=last))
    request = pb.RecordIncrementalRevenueRequest(
        store_id=1,
        event_id="e",
        order_id=order,
        decision_seq=seq,
        order_amount=minor_to_proto(charged, currency),
        net_sales=minor_to_proto(min(net, charged), currency),
        incremental_share=share,
        confidence=0.8,
        ordered_at=time_to_proto(CONNECTED),
        paid_at=at,
        exchange_rate=pair[1],
        rate_source="manual" if pair[1] else "",
    )
    return revenue_item(request).command


def refund(order: str, number: str, amount: int, cancellation: bool, currency: str = "EUR") -> RefundTold:
    return RefundTold(1, order, number, amount, currency, cancellation, CONNECTED)


@dataclass
class Shop:
    """The real rules over entries in memory: what is told, and the closing of months."""

    versions: tuple[Terms, ...]
    currents: Sequence[int] = ()
    """The whole shop's revenue, by month, as it is told with the closing."""
    recorder: Recorder = field(init=False)
    closed: int | None = None
    fees: list[int] = field(default_factory=list)
    frozen: dict[int, FrozenStatement] = field(default_factory=dict)
    checked: int = 0

    def __post_init__(self) -> None:
        self.recorder = Recorder({}, {}, {}, 1)
        self._open()

    def tell(self, fact: Fact) -> None:
        match fact:
            case RevenueTold():
                self.recorder.revenue(fact)
            case RefundTold():
                self.recorder.refund(fact)
            case ReversalTold():
                self.recorder.reversal(fact)

    def close(self) -> None:
        """The next month: its statement's fee, which the entries of closing bring the month's accruals to."""
        month = FIRST if self.closed is None else self.closed + 1
        stated = self._state(month)
        accrued = stated.figures.sums.fee + stated.figures.sums.corrected_fee
        assert stated.accrued + stated.true_up == stated.fee
        assert sum(entry.fee_minor for entry in closing_entries(stated, 1)) + accrued == stated.fee
        assert sum(entry.billed_minor for entry in closing_entries(stated, 1)) == stated.fee
        assert not stated.problem
        self._check(stated)
        self.frozen[month] = FrozenStatement(MessageWriter().statement(stated), b"")
        self.fees.append(stated.fee)
        self.closed = month
        self._open()

    def _state(self, month: int) -> Statement:
        entries = [entry for entry in self.recorder.entries if entry.month == month]
        own = sum(entry.revenue_minor for entry in entries if not entry.correction)
        fee = sum(entry.fee_minor for entry in entries if not entry.correction)
        corrected = sum(entry.revenue_minor for entry in entries if entry.correction)
        corrected_fee = sum(entry.fee_minor for entry in entries if entry.correction)
        back = sum(entry.revenue_minor for entry in entries if entry.kind is EntryKind.REFUND)
        assert own >= 0
        corrections = {
            entry.about_month: self._moved(entry.about_month, month)
            for entry in entries
            if entry.about_month is not None
        }
        assert all(about < month for about in corrections)
        compared = [about for about in corrections if self.recorder.books[1].terms_for(about).rule.needs_baseline]
        stated = {about: self._stated(about, month) for about in compared}
        sums = MonthSums(own, fee, corrected, corrected_fee)
        figures = MonthFigures(sums, back, len(entries), 0, 0.0, corrections, stated)
        at = month - FIRST
        told = Money(self.currents[at] if at < len(self.currents) else 0, self.versions[0].currency)
        return state_month(self.recorder.books[1], month, figures, StoreRevenue(told), closed_at=CONNECTED)

    def _moved(self, about: int, month: int) -> Moved:
        """What the books' queries find (`repository/readings.py`)."""
        stated = sum(e.revenue_minor for e in self.recorder.entries if e.month == about and not e.correction)
        before: dict[str, int] = defaultdict(int)
        after: dict[str, int] = defaultdict(int)
        for entry in self.recorder.entries:
            if entry.about_month == about and entry.month <= month:
                after[entry.order_id] += entry.revenue_minor
                before[entry.order_id] += entry.revenue_minor if entry.month < month else 0
        held, now = sum(before.values()), sum(after.values())
        fallen, fallen_before = (sum(min(0, net) for net in nets.values()) for nets in (after, before))
        return Moved(now - held, stated + held, fallen, fallen_before)

    def _stated(self, about: int, month: int) -> Stated:
        writer = MessageWriter()
        later = [number for number in self.frozen if about < number < month]
        counted = [
            found for number in sorted(later) if (found := writer.counted(self.frozen[number], about)) is not None
        ]
        return writer.stated(self.frozen[about])._replace(counted=counted[-1] if counted else None)

    def _check(self, stated: Statement) -> None:
        """The statement and its lines as a merchant gets them, put to the program."""
        statement = message_json(pb.Statement.FromString(MessageWriter().statement(stated)))
        lines = [message_json(line_message(line)) for line in self._lines(stated.month)]
        last = spreadsheet.total(statement, closing_json(None), "")
        table = spreadsheet.header() + spreadsheet.lines(lines) + last
        assert check_statement(table, {"statement": statement}) == (
            f"everything adds up: {len(lines)} lines, 0 without what they come from"
        )
        self.checked += 1

    def _lines(self, month: int) -> list[Line]:
        bookings = {entry.entry_id: entry for entry in self.recorder.entries if entry.kind is EntryKind.REVENUE}
        lines = []
        for entry in self.recorder.entries:
            if entry.month != month:
                continue
            booking = bookings.get(entry.about)
            earlier = [e for e in self.recorder.entries if entry.about and e.about == entry.about]
            earlier = [e for e in earlier if e.entry_id < entry.entry_id]
            lines.append(
                Line(
                    entry.entry_id,
                    entry.kind,
                    entry.order_id,
                    entry.refund_id,
                    entry.correction,
                    entry.currency,
                    entry.revenue_minor,
                    entry.fee_minor,
                    CONNECTED,
                    entry.evidence or (booking.evidence if booking else None) or b"",
                    entry.fee_rate_ppm if booking is None else booking.fee_rate_ppm,
                    entry.counted_minor,
                    entry.returned_minor,
                    entry.about,
                    booking.revenue_minor if booking else 0,
                    booking.fee_minor if booking else 0,
                    -sum(e.revenue_minor for e in earlier),
                    -sum(e.fee_minor for e in earlier),
                    entry.about_month or 0,
                )
            )
        return lines

    def _open(self) -> None:
        self.recorder.books = {1: Books(1, self.closed, self.versions)}


@dataclass
class Model:
    """What the shop owes in the end, by exact fractions."""

    versions: Sequence[Terms]
    currents: Sequence[int]
    decisions: dict[str, RevenueTold | ReversalTold] = field(default_factory=dict)
    refunds: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)
    stated: dict[int, dict[str, int]] = field(default_factory=dict)
    """By closed month, what each of its orders came to when it was closed."""

    def tell(self, fact: Fact) -> None:
        if isinstance(fact, RefundTold):
            amount, cancelled = self.refunds.get((fact.order_id, fact.refund_id), (0, False))
            told = max(amount, fact.amount_minor), cancelled or fact.cancellation
            self.refunds[fact.order_id, fact.refund_id] = told
        elif fact.order_id not in self.decisions or self.decisions[fact.order_id].decision_seq < fact.decision_seq:
            self.decisions[fact.order_id] = fact

    def close(self) -> None:
        month = FIRST + len(self.stated)
        self.stated[month] = self._orders()[month]

    def owed(self) -> int:
        now = self._orders()
        return sum(self._owed(one, now[one.effective_month]) for one in self.versions)

    def _owed(self, one: Terms, orders: dict[str, int]) -> int:
        assert one.baseline is not None
        caused = sum(orders.values())
        then = self.stated[one.effective_month]
        fallen = sum(min(0, orders.get(order, 0) - held) for order, held in then.items())
        uplift = max(0, self.currents[one.effective_month - FIRST] + fallen - one.baseline.monthly_minor)
        counts = {Rule.ENDED: 0, Rule.UPLIFT: uplift, Rule.LESSER_OF: min(caused, uplift)}.get(one.rule, caused)
        return half_up(Fraction(counts * one.fee_rate_ppm, 10**6))

    def _orders(self) -> dict[int, dict[str, int]]:
        found: dict[int, dict[str, int]] = defaultdict(dict)
        for told in self.decisions.values():
            if isinstance(told, RevenueTold):
                assert told.paid_at is not None
                found[local_month(told.paid_at)][told.order_id] = self._held(told)
        return found

    def _held(self, told: RevenueTold) -> int:
        given = [known for (order, _), known in self.refunds.items() if order == told.order_id]
        back, booked = sum(amount for amount, _ in given), self._booked(told)
        if any(cancelled for _, cancelled in given) or (back and back >= told.charged_minor):
            return 0
        return booked - (half_up(Fraction(booked * back, told.charged_minor)) if back else 0)

    def _booked(self, told: RevenueTold) -> int:
        share = Fraction(1) if told.incremental is None else Fraction(told.incremental)
        own = half_up(told.net_minor * share)
        settled = self.versions[0].currency
        if told.currency == settled:
            return own
        units = Fraction(own, 10 ** DECIMALS[told.currency]) * Fraction(told.exchange_rate)
        return half_up(units * 10 ** DECIMALS[settled])


def half_up(exact: Fraction) -> int:
    assert exact >= 0
    with localcontext(prec=60):
        return int((Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal(1), ROUND_HALF_UP))


def local_month(at: dt.datetime) -> int:
    local = at.astimezone(zone(ZONE))
    return month_number(local.year, local.month)


AMOUNTS = st.one_of(st.integers(0, 12), st.integers(0, 100_000))
CHARGED = st.one_of(st.integers(0, 12), st.integers(1, 100_000), st.integers(10_000, 100_000))
SHARES = st.sampled_from(["", "", "0.5", "0.333", "1", "0"])
KINDS = st.sampled_from(["revenue", "revenue", "revenue", "refund", "refund", "reversal"])


@st.composite
def facts(draw: st.DrawFn, settled: str, number: int) -> Fact:
    """Something that is told of one of five orders, each in its currency; mostly later decisions come later."""
    orders = [("a", settled), ("b", settled), ("c", settled), *zip("de", EXCHANGE_RATES[settled], strict=True)]
    (order, currency), kind = draw(st.sampled_from(orders)), draw(KINDS)
    seq = max(0, number - draw(st.sampled_from([0, 0, 0, 0, 3, 9])))
    if kind == "reversal":
        return ReversalTold(1, order, seq, "")
    if kind == "refund":
        cancelled = draw(st.sampled_from([False, False, False, False, True]))
        return refund(order, draw(st.sampled_from(["r1", "r2", "r3"])), draw(AMOUNTS), cancelled, currency)
    rate = "" if currency == settled else draw(st.sampled_from(EXCHANGE_RATES[currency][settled]))
    month, last = draw(st.integers(0, MONTHS - 1)), draw(st.booleans())
    charged = draw(CHARGED)
    net = draw(st.one_of(st.just(charged), st.integers(0, charged)))
    return revenue(order, seq, month, last, charged, net, draw(SHARES), (currency, rate))


@st.composite
def shops(draw: st.DrawFn) -> tuple[tuple[Terms, ...], list[int], list[Fact | None]]:
    """The contract by month, the shop's revenue as told with each closing, and what is told; None closes a month."""
    settled = draw(st.sampled_from(sorted(DECIMALS)))
    rules = st.sampled_from([Rule.ATTRIBUTED, Rule.UPLIFT, Rule.UPLIFT, Rule.LESSER_OF, Rule.LESSER_OF, Rule.ENDED])
    versions = terms(draw(st.lists(rules, min_size=MONTHS, max_size=MONTHS)), settled, draw(AMOUNTS))
    currents = draw(st.lists(st.one_of(AMOUNTS, st.integers(0, 400_000)), min_size=MONTHS, max_size=MONTHS))
    told: list[Fact | None] = []
    for closing in draw(st.lists(st.integers(0, 9), max_size=MONTHS + 3)):
        told += [draw(facts(settled, len(told) + number)) for number in range(closing)]
        told.append(None)
    return versions, currents, told


@settings(max_examples=examples(200))
@given(shops())
def test_all_statements_bill_what_the_orders_come_to_in_the_end(
    given_shop: tuple[tuple[Terms, ...], list[int], list[Fact | None]],
) -> None:
    versions, currents, told = given_shop
    shop, model = Shop(versions, currents), Model(versions, currents)

    def close() -> None:
        shop.close()
        model.close()

    for fact in told:
        if fact is None:
            close()
        else:
            shop.tell(fact)
            model.tell(fact)
    while shop.closed is None or shop.closed <= FIRST + MONTHS:
        close()
    close()
    assert sum(shop.fees) == model.owed()
    assert shop.checked == len(shop.fees)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.lists(st.integers(1, 10**5), max_size=8))
def test_partial_refunds_take_back_together_what_one_of_their_sum_does(
    net: int, charged: int, parts: list[int]
) -> None:
    shop = Shop(terms([Rule.ATTRIBUTED] * MONTHS))
    shop.tell(revenue("a", 1, 0, False, charged, net))
    for number, part in enumerate(parts):
        shop.tell(refund("a", f"r{number}", part, False))
        if number % 3 == 2:
            shop.close()
    taken = [entry.revenue_minor for entry in shop.recorder.entries if entry.kind is EntryKind.REFUND]
    booked, back = min(net, charged), sum(parts)
    assert all(amount <= 0 for amount in taken)
    assert -sum(taken) == (booked if back >= charged else half_up(Fraction(booked * back, charged)))
