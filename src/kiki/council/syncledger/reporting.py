"""Use cases of reading and closing: fees, statements, look-ups, lists, the proof."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kiki.council.syncledger.domain import Books, OrderState, Terms
from kiki.council.syncledger.errors import BadRequest, CannotClose, ContractUnknown, NoContract
from kiki.council.syncledger.experiments import READING_EARLY, READING_MISSING, early, settle_month, stints_asked
from kiki.council.syncledger.fees import FeeByRule, MonthFigures, Stated, fee_by_rule, growth_percent
from kiki.council.syncledger.months import month_of, month_span, month_text, zone
from kiki.council.syncledger.parts import baseline_of, connected_in, first_month
from kiki.council.syncledger.postings import check_balanced, movements, postings_of
from kiki.council.syncledger.readings import Readings
from kiki.council.syncledger.repository import books as repository
from kiki.council.syncledger.repository import experiments, proof, readings
from kiki.council.syncledger.repository.readings import EntryRow, FrozenStatement, Line, PeriodFigures
from kiki.council.syncledger.statement import (
    OnExperiment,
    Statement,
    StoreRevenue,
    amount_in,
    closing_entries,
    state_month,
)
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.receipts import Once, OnceItem, Outcome

PAGE_LINES = 1_000


class Writer(Protocol):
    """How statements and lines become bytes; the edge decides."""

    def statement(self, statement: Statement) -> bytes: ...

    def lines(self, lines: list[Line]) -> bytes: ...

    def closed(self, frozen: FrozenStatement) -> bytes: ...

    def stated(self, frozen: FrozenStatement) -> Stated: ...

    def counted(self, frozen: FrozenStatement, about: int) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Close:
    """A month to close."""

    store_id: int
    month: int
    revenue: StoreRevenue


@dataclass(frozen=True, slots=True)
class OpenMonth:
    """A page of an open month's statement."""

    statement: Statement
    lines: list[Line]
    next_token: str


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """A page of a closed month's statement, as frozen."""

    frozen: FrozenStatement
    lines: bytes
    next_token: str


@dataclass(frozen=True, slots=True)
class PeriodFee:
    """The fee of a span."""

    terms: Terms
    figures: PeriodFigures
    baseline: int | None
    current: int | None
    growth_percent: float
    by_rule: FeeByRule


class Reporting:
    """Reads the books, and closes months."""

    def __init__(self, *, database: Database, once: Once, writer: Writer, clock: Clock) -> None:
        self._database = database
        self._once = once
        self._writer = writer
        self._clock = clock

    async def get_books(self, store_id: int) -> Books:
        """All terms and the last closed month; `ContractUnknown` without a contract."""
        async with self._database.connection() as connection:
            return await _books(connection, store_id)

    async def get_terms(self, store_id: int, month: int | None) -> tuple[Books, Terms]:
        """The terms in force in a month; without one, in the running month."""
        books = await self.get_books(store_id)
        running = month_of(self._clock.now(), zone(books.versions[0].time_zone))
        return books, books.terms_for(running if month is None else month)

    async def period_fee(self, store_id: int, start: dt.datetime, end: dt.datetime, revenue: StoreRevenue) -> PeriodFee:
        """The fee on the orders paid in a span, by the terms of its first month, as the books stand now."""
        async with self._database.connection() as connection:
            books = await _books(connection, store_id)
            figures = await readings.period_figures(connection, store_id, start, end)
            terms = books.terms_for(month_of(start, zone(books.versions[0].time_zone)))
            billed = await _billed_in(connection, books, terms, start, end)
        current = amount_in(terms.currency, revenue.current)
        baseline = amount_in(terms.currency, revenue.baseline)
        known = terms.baseline
        if baseline is None and known is not None:
            baseline = baseline_of(known.monthly_minor, connected_in(books, start, end), terms.time_zone)
        months = revenue.baseline_months or (known.months if known is not None else 0)
        by_rule = fee_by_rule(
            terms.rule,
            terms.fee_rate_ppm,
            figures.revenue,
            current=current,
            baseline=baseline,
            baseline_complete=months >= 12,
            experiment=billed,
        )
        return PeriodFee(terms, figures, baseline, current, growth_percent(current, baseline), by_rule)

    async def find_order(self, store_id: int, order_id: str) -> tuple[OrderState, bytes] | None:
        """Where an order stands, and its evidence; None for one that was never told."""
        async with self._database.connection() as connection:
            return await readings.find_order(connection, store_id, order_id)

    async def get_month(
        self, store_id: int, month: int, revenue: StoreRevenue, limit: int, token: str
    ) -> OpenMonth | ClosedMonth:
        """A page of a month's statement: as frozen once the month is closed, otherwise as the books stand now.

        The pages of an open month hold the lines that its first page's figures sum: what is booked while they are read
        is left to the next reading.
        """
        async with self._database.connection() as connection, connection.transaction(isolation="repeatable_read"):
            books = await _books(connection, store_id)
            frozen = await readings.find_statement(connection, store_id, month)
            if frozen is not None:
                return await _closed_page(connection, store_id, month, frozen, token)
            figures = await self._figures(connection, books, month)
            experiment = await _on_experiment(connection, books, month)
            after, through = _open_place(token)
            lines = await readings.month_lines(connection, store_id, month, after, limit + 1, through)
            following = ""
            if len(lines) > limit:
                through = through or await readings.newest_entry(connection, store_id)
                following = f"o{lines[limit - 1].entry_id}.{through}"
        statement = state_month(books, month, figures, revenue, experiment=experiment)
        return OpenMonth(statement, lines[:limit], following)

    async def close_month(self, item: OnceItem[Close]) -> Outcome:
        """Freezes a month; a month that is closed already is answered as frozen."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[Close]]) -> list[Outcome]:
            return [self._writer.closed(await self._close(connection, fresh[0].command))]

        return (await self._once.run("CloseMonth", [item], work, durable=True))[0]

    async def list_entries(
        self, store_id: int, month: int | None, order_id: str, limit: int, token: str
    ) -> tuple[list[EntryRow], str]:
        """Entries and the token of the next page."""
        after = _number(token, "e")
        async with self._database.connection() as connection:
            rows = await readings.list_entries(
                connection, store_id=store_id, month=month, order_id=order_id, after=after, limit=limit + 1
            )
        return rows[:limit], f"e{rows[limit - 1].entry_id}" if len(rows) > limit else ""

    async def verify(self, store_id: int) -> proof.Proof:
        """Recomputes everything from the postings, over one snapshot."""
        async with self._database.connection() as connection, connection.transaction(isolation="repeatable_read"):
            return await proof.prove(connection, store_id)

    async def count_effects(self, store_id: int) -> dict[str, int]:
        """Effects per method."""
        return await self._once.count(store_id)

    async def _figures(self, connection: Connection, books: Books, month: int) -> MonthFigures:
        """A month's sums, and its corrections by the month that they are about."""
        figures = await readings.month_figures(connection, books.store_id, month)
        corrections = await readings.month_corrections(connection, books.store_id, month)
        stated = {}
        for about in corrections:
            if books.terms_for(about).rule.needs_baseline:
                frozen = await readings.find_statement(connection, books.store_id, about)
                if frozen is not None:
                    counted = await self._counted(connection, books.store_id, about, month)
                    stated[about] = self._writer.stated(frozen)._replace(counted=counted)
        return dataclasses.replace(figures, corrections=corrections, stated=stated)

    async def _counted(self, connection: Connection, store_id: int, about: int, month: int) -> int | None:
        """What the last statement before a month that corrected an earlier one counts of it."""
        last = await readings.corrected_in(connection, store_id, about, month)
        frozen = None if last is None else await readings.find_statement(connection, store_id, last)
        return None if frozen is None else self._writer.counted(frozen, about)

    async def _close(self, connection: Connection, close: Close) -> FrozenStatement:
        store_id, month = close.store_id, close.month
        locked, first_id = await repository.lock_books(connection, [store_id])
        books = locked[store_id]
        if not books.versions:
            raise NoContract(store_id)
        frozen = await readings.find_statement(connection, store_id, month)
        if frozen is not None:
            return frozen
        now = self._clock.now()
        _check_closable(books, month, now)
        figures = await self._figures(connection, books, month)
        experiment = await _on_experiment(connection, books, month)
        statement = state_month(books, month, figures, close.revenue, closed_at=now, experiment=experiment)
        problem = statement.problem or _too_early(statement)
        if problem:
            raise CannotClose(
                f"{month_text(month)} cannot be closed by the rule {statement.terms.rule.name.lower()}", reason=problem
            )
        entries = closing_entries(statement, first_id)
        postings = postings_of(entries)
        check_balanced(postings)
        await repository.add_entries(connection, entries, postings, movements(entries, postings), now)
        if statement.bill is not None:
            await experiments.add_bill(connection, statement.bill, now)
        if statement.credit is not None:
            await experiments.add_credit(connection, statement.credit, now)
        await experiments.add_late(connection, statement.late, now)
        await repository.close_through(connection, store_id, month)
        return await self._freeze(connection, statement, now)

    async def _freeze(self, connection: Connection, statement: Statement, now: dt.datetime) -> FrozenStatement:
        store_id, month = statement.store_id, statement.month
        body = self._writer.statement(statement)
        digest = hashlib.sha256(body)
        after = page = 0
        while lines := await readings.month_lines(connection, store_id, month, after, PAGE_LINES):
            written = self._writer.lines(lines)
            digest.update(written)
            await readings.add_page(connection, store_id, month, page, written)
            after, page = lines[-1].entry_id, page + 1
        frozen = FrozenStatement(body, digest.digest())
        await readings.add_statement(connection, store_id, month, frozen, now)
        return frozen


async def _books(connection: Connection, store_id: int) -> Books:
    books = await repository.find_books(connection, store_id)
    if books is None:
        raise ContractUnknown(store_id)
    return books


async def _on_experiment(connection: Connection, books: Books, month: int) -> OnExperiment | None:
    """None where no terms up to the month bill on an experiment."""
    if not any(version.rule.by_experiment for version in books.versions if version.effective_month <= month):
        return None
    terms = books.terms_for(month)
    told = Readings(await experiments.find_readings(connection, [books.store_id]))
    past = await experiments.find_past(connection, books.store_id)
    given = await experiments.given_back(connection, books.store_id, stints_asked(books, told, month))
    settled = settle_month(books, told, past, month, given)
    reading = told.of_month(terms.experiment_id, month) if terms.rule.by_experiment else None
    return OnExperiment(settled.bill, reading, settled.credit, settled.late)


async def _billed_in(
    connection: Connection, books: Books, terms: Terms, start: dt.datetime, end: dt.datetime
) -> int | str:
    """Revenue that the calendar month of a span bills on its experiment, or why that cannot be said."""
    if not terms.rule.by_experiment:
        return READING_MISSING
    tz = zone(terms.time_zone)
    month = month_of(start, tz)
    if month_span(month, tz) != (start, end):
        return "NOT_A_MONTH"
    experiment = await _on_experiment(connection, books, month)
    assert experiment is not None, "the terms of the month bill on one"
    assert experiment.bill is not None, "the terms of the month bill on one"
    return experiment.bill if isinstance(experiment.bill, str) else experiment.bill.billed


def _too_early(statement: Statement) -> str:
    reading = statement.reading
    return READING_EARLY if reading is not None and early(reading, statement.terms, statement.month) else ""


async def _closed_page(
    connection: Connection, store_id: int, month: int, frozen: FrozenStatement, token: str
) -> ClosedMonth:
    page = _number(token, "c")
    body = await readings.find_page(connection, store_id, month, page) or b""
    more = page + 1 < await readings.count_pages(connection, store_id, month)
    return ClosedMonth(frozen, body, f"c{page + 1}" if more else "")


def _check_closable(books: Books, month: int, now: dt.datetime) -> None:
    expected = first_month(books) if books.closed_through is None else books.closed_through + 1
    if month < expected:
        raise BadRequest(f"{month_text(month)} lies before the books begin", reason="BEFORE_CONNECTION")
    if month > expected:
        raise CannotClose(f"{month_text(expected)} has to be closed first", reason="EARLIER_MONTH_OPEN")
    if now < month_span(month, zone(books.versions[0].time_zone))[1]:
        raise CannotClose(f"{month_text(month)} is not over yet", reason="MONTH_NOT_OVER")


def _open_place(token: str) -> tuple[int, int | None]:
    """After which entry the page of an open month begins, and the newest one of the first page's books."""
    if not token:
        return 0, None
    after, _, through = token.partition(".")
    return _number(after, "o"), _number(f"o{through}", "o")


def _number(token: str, kind: str) -> int:
    if not token:
        return 0
    if not token.startswith(kind) or not token[1:].isdecimal() or len(token) > 20:
        raise BadRequest("a page token is one that the page before gave; start over", reason="BAD_PAGE_TOKEN")
    return int(token[1:])
