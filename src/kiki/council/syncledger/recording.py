"""The rules of the books: folds revenue, refunds and reversals over the orders' state, one fact after another.

A booking is reversed in proportion to what was given back: cumulative refunded ÷ charged, capped at 1; of that target,
what is already reversed is taken off. So the outcome does not depend on the order in which facts arrive, and a fact
that is told twice moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kiki.council.syncledger.domain import (
    NEVER_TOLD,
    Books,
    Entry,
    EntryKind,
    OrderRef,
    OrderState,
    Reason,
    RefundBooked,
    RefundRef,
    RefundTold,
    RevenueBooked,
    RevenueTold,
    ReversalBooked,
    ReversalTold,
    Terms,
)
from kiki.council.syncledger.errors import BadRequest, NoContract
from kiki.council.syncledger.fees import convert, fee_on, share_of
from kiki.council.syncledger.months import month_of, zone
from kiki.kit.money import proportion


@dataclass(slots=True)
class Recorder:
    """The state of a batch: what was known, what the facts made of it, and the entries that say so.

    A fact that is refused raises before it changes anything.
    """

    books: Mapping[int, Books]
    orders: dict[OrderRef, OrderState]
    refunds: dict[RefundRef, RefundTold]
    next_id: int
    changed: set[OrderRef] = field(default_factory=set)
    changed_refunds: set[RefundRef] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)

    def revenue(self, told: RevenueTold) -> RevenueBooked:
        """A decision about an order: reverses what an earlier one booked, books, and applies the refunds known."""
        books = self._books(told.store_id)
        ref = (told.store_id, told.order_id)
        before = self.orders.get(ref, NEVER_TOLD)
        if told.decision_seq <= before.decision_seq:
            return RevenueBooked(told.order_id, before, Reason.SUPERSEDED, 0, 0)
        if told.standing is None and before.refunded_minor and before.currency != told.currency:
            raise BadRequest(
                f"the order's refunds are in {before.currency}, got {told.currency}", reason="CURRENCY_MISMATCH"
            )
        decided, terms = _decided(told, before, books)
        if told.standing is not None:
            self._restate(ref, told.standing)
        self._take_back(ref, before, books, "decided anew")
        if decided.reason == Reason.COUNTED:
            decided = decided._replace(booking_id=self._take_id())
            self._add(
                Entry(
                    told.store_id,
                    decided.booking_id,
                    EntryKind.REVENUE,
                    decided.billing_month,
                    told.order_id,
                    "",
                    decided.billing_month != decided.paid_month,
                    0,
                    terms.currency,
                    decided.booked_revenue,
                    decided.booked_fee,
                    0,
                    "",
                    told.evidence,
                    terms.fee_rate_ppm,
                    _own(told, terms),
                    about_month=_corrected(decided.billing_month, decided),
                )
            )
        after, _ = self._give_back(ref, decided, books, "")
        self._keep(ref, after)
        return RevenueBooked(told.order_id, after, Reason(after.reason), after.reversed_revenue, after.reversed_fee)

    def _restate(self, ref: OrderRef, standing: tuple[RefundTold, ...]) -> None:
        """What stands takes the place of what is known; what is gone is kept with an amount of nothing.

        The order's refunds must have been loaded, all of them.
        """
        now = {(*ref, refund.refund_id): refund for refund in standing}
        for key, known in [entry for entry in self.refunds.items() if entry[0][:2] == ref]:
            now.setdefault(key, known._replace(amount_minor=0, cancellation=False))
        changed = {key: refund for key, refund in now.items() if self.refunds.get(key) != refund}
        self.refunds |= changed
        self.changed_refunds |= changed.keys()

    def refund(self, told: RefundTold) -> RefundBooked:
        """Money given back: counts once per refund id; told with different amounts, the larger counts."""
        ref = (told.store_id, told.order_id)
        key = (told.store_id, told.order_id, told.refund_id)
        before, known = self.orders.get(ref, NEVER_TOLD), self.refunds.get(key)
        if told.currency and before.currency and told.currency != before.currency:
            raise BadRequest(f"the order is in {before.currency}, got {told.currency}", reason="CURRENCY_MISMATCH")
        news = known is None or told.amount_minor > known.amount_minor or (told.cancellation and not known.cancellation)
        after, entry = before, None
        if news:
            kept = told
            if known is not None:
                kept = known._replace(
                    amount_minor=max(told.amount_minor, known.amount_minor),
                    currency=told.currency or known.currency,
                    cancellation=told.cancellation or known.cancellation,
                )
            self.refunds[key] = kept
            self.changed_refunds.add(key)
            more = kept.amount_minor - (known.amount_minor if known else 0)
            after = before._replace(
                refunded_minor=before.refunded_minor + more,
                cancelled=before.cancelled or told.cancellation,
                currency=before.currency or told.currency,
            )
            books = self.books.get(told.store_id)
            if after.booking_id and books is not None:
                after, entry = self._give_back(ref, after, books, told.refund_id)
            self._keep(ref, after)
        return RefundBooked(
            told.order_id,
            told.refund_id,
            after.settlement_currency if after.booking_id else "",
            -entry.revenue_minor if entry else 0,
            -entry.fee_minor if entry else 0,
            entry.entry_id if entry else 0,
            entry.month if entry else 0,
            not after.booking_id,
            not news,
        )

    def reversal(self, told: ReversalTold) -> ReversalBooked:
        """An order that is not ours after all: takes back what is still booked."""
        books = self._books(told.store_id)
        ref = (told.store_id, told.order_id)
        before = self.orders.get(ref, NEVER_TOLD)
        if told.decision_seq <= before.decision_seq:
            return ReversalBooked(told.order_id, before.settlement_currency, 0, 0, 0, 0, False)
        entry = self._take_back(ref, before, books, told.reason or "not attributed")
        after = before._replace(
            decision_seq=told.decision_seq,
            reason=Reason.NOTHING_INCREMENTAL.value,
            booked_revenue=0,
            booked_fee=0,
            reversed_revenue=0,
            reversed_fee=0,
            billing_month=0,
            booking_id=0,
            confidence=0.0,
        )
        self._keep(ref, after)
        return ReversalBooked(
            told.order_id,
            before.settlement_currency if before.booking_id else "",
            -entry.revenue_minor if entry else 0,
            -entry.fee_minor if entry else 0,
            entry.entry_id if entry else 0,
            entry.month if entry else 0,
            True,
        )

    def _take_back(self, ref: OrderRef, state: OrderState, books: Books, reason: str) -> Entry | None:
        """Reverses all that is still booked."""
        revenue = state.booked_revenue - state.reversed_revenue
        fee = state.booked_fee - state.reversed_fee
        if not (revenue or fee):
            return None
        return self._reversing(EntryKind.REVERSAL, ref, state, books, revenue, fee, reason=reason)

    def _give_back(
        self, ref: OrderRef, state: OrderState, books: Books, refund_id: str
    ) -> tuple[OrderState, Entry | None]:
        """Reverses up to the share that was given back."""
        if not state.booking_id or not (state.refunded_minor or state.cancelled):
            return state, None
        part, whole = (1, 1) if state.cancelled else (state.refunded_minor, state.charged_minor)
        revenue = max(0, proportion(state.booked_revenue, part, whole) - state.reversed_revenue)
        fee = max(0, proportion(state.booked_fee, part, whole) - state.reversed_fee)
        if not (revenue or fee):
            return state, None
        returned = state.charged_minor if state.cancelled else part
        entry = self._reversing(
            EntryKind.REFUND, ref, state, books, revenue, fee, refund_id=refund_id, returned=returned
        )
        return (
            state._replace(reversed_revenue=state.reversed_revenue + revenue, reversed_fee=state.reversed_fee + fee),
            entry,
        )

    def _reversing(
        self,
        kind: EntryKind,
        ref: OrderRef,
        state: OrderState,
        books: Books,
        revenue: int,
        fee: int,
        *,
        refund_id: str = "",
        reason: str = "",
        returned: int | None = None,
    ) -> Entry:
        month = books.open_month(state.billing_month)
        entry = Entry(
            ref[0],
            self._take_id(),
            kind,
            month,
            ref[1],
            refund_id,
            month != state.paid_month,
            state.booking_id,
            state.settlement_currency,
            -revenue,
            -fee,
            0,
            reason,
            None,
            returned_minor=returned,
            about_month=_corrected(month, state),
        )
        self._add(entry)
        return entry

    def _books(self, store_id: int) -> Books:
        books = self.books.get(store_id)
        if books is None or not books.versions:
            raise NoContract(store_id)
        return books

    def _take_id(self) -> int:
        self.next_id += 1
        return self.next_id - 1

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)

    def _keep(self, ref: OrderRef, state: OrderState) -> None:
        self.orders[ref] = state
        self.changed.add(ref)


def _decided(told: RevenueTold, before: OrderState, books: Books) -> tuple[OrderState, Terms]:
    """The order's state under a new decision, not yet booked."""
    first = books.versions[0]
    tz = zone(first.time_zone)
    paid_month = 0
    if told.paid_at is not None:
        paid_month = max(month_of(told.paid_at, tz), month_of(first.connected_at, tz))
    terms = books.terms_for(paid_month)
    own = _own(told, terms)
    reason = _reason(told, terms, own)
    revenue = fee = 0
    if reason == Reason.COUNTED:
        revenue = convert(own, told.currency, terms.currency, told.exchange_rate)
        fee = fee_on(revenue, terms.fee_rate_ppm)
        if not revenue:
            reason = Reason.NOTHING_INCREMENTAL
    counted = reason == Reason.COUNTED
    refunded, cancelled = before.refunded_minor, before.cancelled
    if told.standing is not None:
        refunded = sum(refund.amount_minor for refund in told.standing)
        cancelled = any(refund.cancellation for refund in told.standing)
    return (
        OrderState(
            told.decision_seq,
            reason.value,
            told.currency,
            told.charged_minor,
            terms.currency,
            revenue,
            fee,
            0,
            0,
            refunded,
            cancelled,
            told.confidence,
            told.paid_at,
            paid_month,
            books.open_month(paid_month) if counted else 0,
            0,
            None if counted else told.evidence,
        ),
        terms,
    )


def _corrected(month: int, state: OrderState) -> int | None:
    """The month that an entry corrects; None for one in the month of the payment itself."""
    return None if month == state.paid_month else state.paid_month


def _own(told: RevenueTold, terms: Terms) -> int:
    """What of the order we caused, in its currency; a share is taken half up of the amount that the terms count."""
    if isinstance(told.incremental, int):
        return told.incremental
    whole = told.net_minor if terms.basis == 1 else told.charged_minor
    return whole if told.incremental is None else share_of(whole, told.incremental)


def _reason(told: RevenueTold, terms: Terms, own: int) -> Reason:
    if told.test_order:
        return Reason.TEST_ORDER
    if told.paid_at is None:
        return Reason.NOT_PAID
    if told.ordered_at < terms.connected_at:
        return Reason.BEFORE_CONNECTION
    return Reason.COUNTED if own > 0 else Reason.NOTHING_INCREMENTAL
