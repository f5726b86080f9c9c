"""Use cases of recording: contracts, revenue, refunds, reversals. Each batch is one transaction behind receipts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from kiki.council.syncledger.contracts import next_version
from kiki.council.syncledger.domain import (
    BaselineTold,
    Books,
    OrderRef,
    ReadingTold,
    RefundBooked,
    RefundRef,
    RefundTold,
    RevenueBooked,
    RevenueTold,
    ReversalBooked,
    ReversalTold,
    Terms,
    TermsAsked,
)
from kiki.council.syncledger.errors import BadRequest, NoContract
from kiki.council.syncledger.experiments import Refusal, refusal
from kiki.council.syncledger.postings import check_balanced, movements, postings_of
from kiki.council.syncledger.recording import Recorder
from kiki.council.syncledger.repository import books as repository
from kiki.council.syncledger.repository import experiments
from kiki.kit.clock import Clock
from kiki.kit.database import Connection
from kiki.kit.errors import KikiError
from kiki.kit.receipts import Once, OnceItem, Outcome

Told = TypeVar("Told", RevenueTold, RefundTold, ReversalTold)
Booked = TypeVar("Booked", RevenueBooked, RefundBooked, ReversalBooked)


class Recording:
    """Writes the books."""

    def __init__(self, *, once: Once, clock: Clock) -> None:
        self._once = once
        self._clock = clock

    async def put_contracts(
        self, items: Sequence[OnceItem[TermsAsked | BaselineTold]], answer: Callable[[Terms], bytes]
    ) -> list[Outcome]:
        """New versions of contracts; one that differs in nothing is the newest one again."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[TermsAsked | BaselineTold]]) -> list[Outcome]:
            books, _ = await repository.lock_books(connection, [item.store_id for item in fresh])
            booked = await repository.find_booked(connection, list(books))
            now = self._clock.now()
            outcomes: list[Outcome] = []
            added: list[Terms] = []
            for item in fresh:
                try:
                    terms = next_version(item.command, books[item.store_id], now, booked.get(item.store_id))
                except KikiError as error:
                    outcomes.append(error)
                    continue
                known = books[item.store_id]
                if terms not in known.versions[-1:]:
                    books[item.store_id] = Books(item.store_id, known.closed_through, (*known.versions, terms))
                    added.append(terms)
                outcomes.append(answer(terms))
            await repository.add_terms(connection, added, now)
            return outcomes

        return await self._once.run("PutContract", items, work, durable=True)

    async def record_revenue(
        self, items: Sequence[OnceItem[RevenueTold]], answer: Callable[[RevenueBooked], bytes]
    ) -> list[Outcome]:
        """Decisions about orders."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[RevenueTold]]) -> list[Outcome]:
            told = [item.command for item in fresh]
            recorder = await self._open(connection, told)
            restated = sorted({(fact.store_id, fact.order_id) for fact in told if fact.standing is not None})
            if restated:
                recorder.refunds |= await repository.find_refunds_of(connection, restated)
            outcomes = _each(fresh, recorder.revenue, answer)
            await self._write(connection, recorder)
            return outcomes

        return await self._once.run("RecordIncrementalRevenue", items, work)

    async def record_refunds(
        self, items: Sequence[OnceItem[RefundTold]], answer: Callable[[RefundBooked], bytes]
    ) -> list[Outcome]:
        """Money given back."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[RefundTold]]) -> list[Outcome]:
            told = [item.command for item in fresh]
            refunds = sorted({(fact.store_id, fact.order_id, fact.refund_id) for fact in told})
            recorder = await self._open(connection, told, refunds)
            outcomes = _each(fresh, recorder.refund, answer)
            await self._write(connection, recorder)
            return outcomes

        return await self._once.run("RecordRefund", items, work)

    async def reverse(
        self, items: Sequence[OnceItem[ReversalTold]], answer: Callable[[ReversalBooked], bytes]
    ) -> list[Outcome]:
        """Orders that turned out not to be ours."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[ReversalTold]]) -> list[Outcome]:
            recorder = await self._open(connection, [item.command for item in fresh])
            outcomes = _each(fresh, recorder.reversal, answer)
            await self._write(connection, recorder)
            return outcomes

        return await self._once.run("ReverseOrderRevenue", items, work)

    async def record_readings(
        self, items: Sequence[OnceItem[ReadingTold]], answer: Callable[[ReadingTold, Refusal], bytes]
    ) -> list[Outcome]:
        """What experiments show; a month's highest revision counts until the month is closed."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[ReadingTold]]) -> list[Outcome]:
            stores = [item.store_id for item in fresh]
            books, _ = await repository.lock_books(connection, stores)
            found = await experiments.find_readings(connection, stores)
            known = {(told.store_id, told.experiment_id, told.month): told for told in found}
            outcomes: list[Outcome] = []
            added: list[ReadingTold] = []
            for item in fresh:
                told = item.command
                key = (told.store_id, told.experiment_id, told.month)
                try:
                    why = _reading_refusal(told, known.get(key), books[told.store_id])
                except KikiError as error:
                    outcomes.append(error)
                    continue
                if why is Refusal.TAKEN:
                    known[key] = told
                    added.append(told)
                outcomes.append(answer(told, why))
            await experiments.add_readings(connection, added, self._clock.now())
            return outcomes

        return await self._once.run("RecordExperimentReading", items, work, durable=True)

    async def _open(
        self,
        connection: Connection,
        told: Sequence[RevenueTold | RefundTold | ReversalTold],
        refunds: Sequence[RefundRef] = (),
    ) -> Recorder:
        books, first_id = await repository.lock_books(connection, [fact.store_id for fact in told])
        refs: list[OrderRef] = sorted({(fact.store_id, fact.order_id) for fact in told})
        orders = await repository.find_orders(connection, refs)
        known = await repository.find_refunds(connection, refunds) if refunds else {}
        return Recorder(books, orders, known, first_id)

    async def _write(self, connection: Connection, recorder: Recorder) -> None:
        postings = postings_of(recorder.entries)
        check_balanced(postings)
        moved = movements(recorder.entries, postings)
        await repository.add_entries(connection, recorder.entries, postings, moved, self._clock.now())
        await repository.write_orders(connection, {ref: recorder.orders[ref] for ref in recorder.changed})
        await repository.write_refunds(connection, {ref: recorder.refunds[ref] for ref in recorder.changed_refunds})


def _reading_refusal(told: ReadingTold, known: ReadingTold | None, books: Books) -> Refusal:
    if not books.versions:
        raise NoContract(told.store_id)
    settled_in = books.versions[-1].currency
    if told.currency != settled_in:
        raise BadRequest(f"the contract settles in {settled_in}, got {told.currency}", reason="CURRENCY_MISMATCH")
    return refusal(told, known, books)


def _each(
    items: Sequence[OnceItem[Told]], record: Callable[[Told], Booked], answer: Callable[[Booked], bytes]
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for item in items:
        try:
            outcomes.append(answer(record(item.command)))
        except KikiError as error:
            outcomes.append(error)
    return outcomes
