"""What other models would say of orders that are decided already: the diff of a recalculation, and models side by side.

Pure: a page of history in, rows and sums out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kiki.commerce.attribution_models import DiffRow
from kiki.commerce.campaigns import TouchpointRow
from kiki.commerce.orders import OrderRow
from kiki.orchestrator.attribution.compare import Bill
from kiki.orchestrator.attribution.crediting import CreditModel, contacts_of
from kiki.orchestrator.attribution.model import Case, Decision, Model, Verdict, share_of
from kiki.orchestrator.attribution.registry import build_model
from kiki.orchestrator.attribution.speaking import Speakers, all_facts, alone
from kiki.orchestrator.settlement import counts_at, is_billable
from kiki.orchestrator.workflows.attributing import basis_minor, differs, rests_elsewhere, share_told
from kiki.orchestrator.workflows.batch import StoreView
from kiki.orchestrator.workflows.reading import Page, Shelf, case_in, decision_on, settle_firsts
from kiki.orchestrator.workflows.reopening import may_reopen

if TYPE_CHECKING:  # numpy is loaded where a fit wants it
    from kiki.orchestrator.attribution.paths import Path

BILLED_NEWLY, BILLED_NO_MORE = "billed_newly", "billed_no_more"
BILLED_MORE, BILLED_LESS = "billed_more", "billed_less"
VERDICT = "verdict"
"""Another verdict, and the same amount: what is not billed either way."""
_INCREMENTAL, _TOUCHED = Verdict.INCREMENTAL.value, Verdict.TOUCHED.value


def speakers_of(shelf: Shelf, model: str) -> Speakers:
    """The store's own models, an A/B test included, where it is theirs; otherwise the named one alone."""
    own = shelf.view.speakers
    return own if model == own.model.name else alone(build_model(model, shelf.fitted.get(model)))


def differences(page: Page, view: StoreView, spoken: Speakers, job_id: int) -> list[DiffRow]:
    """Orders of the page whose verdict or amount billed would change if these models decided them now."""
    told = replace(view, speakers=spoken)
    if "default" in (spoken.model.name, spoken.shadow.name if spoken.shadow else ""):
        settle_firsts(page, told, spoken)
    found = []
    for order in page.orders:
        if not _may_reopen(page, view, order):
            continue
        decision = spoken.of(order.customer_key)[0].decide(case_in(page, told, order))
        row = _difference(page, view, order, decision, job_id)
        if row is not None:
            found.append(row)
    return found


def outdated(page: Page, view: StoreView, *, exact: bool) -> list[str]:
    """Orders of the page of which the store's own models would say something else now.

    `exact`: in any respect, on other evidence included; otherwise another verdict or amount, as in a diff.
    """
    found = []
    for order in page.orders:
        if not _may_reopen(page, view, order):
            continue
        model, _, arm = view.speakers.of(order.customer_key)
        decision = model.decide(case_in(page, view, order))
        if exact:
            standing = decision_on(page, order)
            share = share_told(standing.evidence if standing is not None else {})
            changed = differs(order, share, decision) or rests_elsewhere(standing, decision, arm)
        else:
            changed = _difference(page, view, order, decision, 0) is not None
        if changed:
            found.append(order.order_id)
    return found


def _may_reopen(page: Page, view: StoreView, order: OrderRow) -> bool:
    person = page.batch.customers.get((order.store_id, order.customer_key))
    return bool(view.campaigns) and may_reopen(order, person, view.store.settings, page.batch.now)


def _difference(page: Page, view: StoreView, order: OrderRow, decision: Decision, job_id: int) -> DiffRow | None:
    standing = decision_on(page, order)
    basis = basis_minor(view, order)
    share = share_told(standing.evidence if standing is not None else {})
    then = share_of(basis, share) if is_billable(order) else 0
    now = decision.billed(basis) if _would_be_billable(order) else 0
    if (order.verdict, then) == (decision.verdict.value, now):
        return None
    return DiffRow(
        store_id=order.store_id,
        job_id=job_id,
        order_id=order.order_id,
        month=_month(order, view),
        cause=_cause(then, now),
        currency=order.currency,
        then_model=standing.model if standing is not None else "",
        then_verdict=order.verdict,
        then_confidence=order.confidence,
        then_minor=then,
        now_model=decision.model,
        now_verdict=decision.verdict.value,
        now_confidence=decision.confidence,
        now_minor=now,
    )


def _would_be_billable(order: OrderRow) -> bool:
    return is_billable(replace(order, verdict=_INCREMENTAL))


def _cause(then: int, now: int) -> str:
    if then == now:
        return VERDICT
    if not then:
        return BILLED_NEWLY
    if not now:
        return BILLED_NO_MORE
    return BILLED_MORE if now > then else BILLED_LESS


def _month(order: OrderRow, view: StoreView) -> str:
    at = counts_at(order) or order.placed_at
    return at.astimezone(ZoneInfo(view.store.timezone)).strftime("%Y-%m")


@dataclass(slots=True)
class Side:
    """One model over the orders of one currency and arm."""

    bill: Bill
    billed_orders: int = 0
    agreeing: int = 0
    """Orders on which the model and the store's standing decision say the same about billing."""


@dataclass(slots=True)
class SideBySide:
    """Models over a store's orders, grown page by page; what the store itself decided stands as `own`."""

    models: Sequence[Model]
    sides: dict[tuple[str, str, str], Side] = field(default_factory=dict)
    """By (currency, arm, model); the arm is empty where no A/B test runs."""

    def add(self, page: Page, view: StoreView) -> None:
        """Decide the orders of a page by every model."""
        told = replace(view, speakers=all_facts(view.speakers.model))
        for order in page.orders:
            case = case_in(page, told, order)
            arm = view.speakers.arm(order.customer_key)
            standing = self._own(page, view, order, arm)
            for decision in _decisions(case, self.models):
                side = self._side(order.currency, arm, decision.model, decision.version)
                _count(side, order, decision, basis_minor(view, order))
                side.agreeing += (decision.verdict is Verdict.INCREMENTAL) == standing

    def _own(self, page: Page, view: StoreView, order: OrderRow, arm: str) -> bool:
        known = decision_on(page, order)
        decision = Decision(
            model="own",
            version="",
            verdict=Verdict(order.verdict),
            confidence=order.confidence,
            campaign_id=order.campaign_id,
            signals=(),
            needs_review=order.verdict == _TOUCHED and order.confidence < view.attribution.review_below,
            billed_share=share_told(known.evidence if known is not None else {}),
        )
        side = self._side(order.currency, arm, "own", "")
        _count(side, order, decision, basis_minor(view, order))
        side.agreeing += 1
        return order.verdict == _INCREMENTAL

    def _side(self, currency: str, arm: str, model: str, version: str) -> Side:
        key = (currency, arm, model)
        if key not in self.sides:
            self.sides[key] = Side(Bill(model, version))
        return self.sides[key]

    def plain(self, fee_rate_ppm: int) -> list[dict[str, Any]]:
        """The figures for JSON; amounts in minor units, before refunds; the fee at the rate of the store's settings."""
        return [
            {
                "currency": currency,
                "arm": arm,
                "model": model,
                "version": side.bill.version,
                "orders": side.bill.orders,
                "touched": side.bill.touched,
                "in_review": side.bill.in_review,
                "billed_orders": side.billed_orders,
                "billed_minor": side.bill.billed_minor,
                "fee_minor": (2 * side.bill.billed_minor * fee_rate_ppm + 1_000_000) // 2_000_000,
                "expected_minor": round(side.bill.expected_minor),
                "mean_confidence": round(float(side.bill.mean_confidence), 4),
                "agreement": round(side.agreeing / side.bill.orders, 4),
            }
            for (currency, arm, model), side in self.sides.items()
        ]


def _decisions(case: Case, models: Sequence[Model]) -> Iterator[Decision]:
    contacts = contacts_of(case) if case.touches else None
    for model in models:
        yield model.decide_among(case, contacts) if isinstance(model, CreditModel) else model.decide(case)


def _count(side: Side, order: OrderRow, decision: Decision, basis: int) -> None:
    amount = basis if _would_be_billable(order) else 0
    side.bill.add(decision, amount)
    side.billed_orders += decision.billed(amount) > 0


def paths_in(page: Page, view: StoreView) -> list[Path]:
    """The page's orders as paths that converted, for a fit; those without any click say nothing about channels."""
    from kiki.orchestrator.attribution.paths import path_of

    told = replace(view, speakers=all_facts(view.speakers.model))
    paths = (path_of(case_in(page, told, order), float(basis_minor(view, order))) for order in page.orders)
    return [path for path in paths if path.channels]


def lost_path(view: StoreView, touches: Sequence[TouchpointRow], page: Page) -> Path | None:
    """The path of somebody who never ordered, up to the last contact; None where it names no channel."""
    from kiki.orchestrator.attribution.paths import path_of

    last = touches[-1]
    visit = _visit(last.store_id, last.customer_key, last.at, page.batch.now)
    told = replace(view, speakers=all_facts(view.speakers.model))
    path = path_of(case_in(page, told, visit), 0.0)
    return replace(path, conversions=0.0, nulls=1.0) if path.channels else None


def _visit(store_id: int, customer_key: str, at: dt.datetime, now: dt.datetime) -> OrderRow:
    """No order: what is registered by now counts, as it would for one that came in now."""
    return OrderRow(
        store_id=store_id,
        order_id="",
        number="",
        status="",
        customer_key=customer_key,
        placed_at=at,
        paid_at=None,
        cancelled_at=None,
        deleted_at=None,
        updated_at=at,
        triggered_at="",
        currency="",
        total_minor=0,
        net_minor=0,
        refunded_minor=0,
        settlement_currency=None,
        exchange_rate=None,
        is_test=True,
        live=False,
        lines_digest=b"",
        recorded_at=now,
    )
