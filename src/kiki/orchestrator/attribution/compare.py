"""Several models over the same orders, side by side with what each would bill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

from kiki.orchestrator.attribution.crediting import CreditModel, contacts_of
from kiki.orchestrator.attribution.model import Case, Decision, Model, Verdict

CHUNK_ORDERS = 2_000
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Priced:
    """An order's case, and what it would be billed on in minor units of one currency."""

    case: Case
    amount_minor: int


@dataclass(slots=True)
class Bill:
    """What one model makes of many orders. Adding is merging."""

    model: str
    version: str
    orders: int = 0
    touched: int = 0
    """Orders with any signal, incremental ones included."""
    incremental: int = 0
    in_review: int = 0
    amount_minor: int = 0
    """Of all orders."""
    billed_minor: int = 0
    """Of incremental orders: all of it, or the part that the model says was caused."""
    expected_minor: Decimal = _ZERO
    """Confidence times amount over all orders: what would be caused, if confidence were the probability of it."""
    confidence: Decimal = _ZERO
    """Sum over touched orders."""
    billed_by_campaign: dict[str, Decimal] = field(default_factory=dict)
    """Minor units of incremental orders by credit; channels that are not ours as `other:<name>`."""

    def add(self, decision: Decision, amount_minor: int) -> None:
        """Count one more order."""
        self.orders += 1
        self.amount_minor += amount_minor
        if decision.verdict is Verdict.NONE:
            return
        self.touched += 1
        self.in_review += decision.needs_review
        self.confidence += decision.confidence
        self.expected_minor += decision.confidence * amount_minor
        if decision.verdict is Verdict.INCREMENTAL:
            self.incremental += 1
            billed = decision.billed(amount_minor)
            self.billed_minor += billed
            for campaign, share in decision.shares or ((decision.campaign_id or "", Decimal(1)),):
                self.billed_by_campaign[campaign] = self.billed_by_campaign.get(campaign, _ZERO) + share * billed

    def merge(self, other: Bill) -> None:
        """Add what was counted elsewhere by the same model."""
        for name in ("orders", "touched", "incremental", "in_review", "amount_minor", "billed_minor"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.expected_minor += other.expected_minor
        self.confidence += other.confidence
        for campaign, amount in other.billed_by_campaign.items():
            self.billed_by_campaign[campaign] = self.billed_by_campaign.get(campaign, _ZERO) + amount

    @property
    def mean_confidence(self) -> Decimal:
        """Of touched orders."""
        return self.confidence / self.touched if self.touched else _ZERO


@dataclass(frozen=True, slots=True)
class Compared:
    """One order, and every model's decision on it, in the models' order."""

    priced: Priced
    decisions: tuple[Decision, ...]


def compare(orders: Iterable[Priced], models: Sequence[Model]) -> Iterator[Compared]:
    """Decide every order by every model, one order at a time: memory does not grow with their number."""
    for priced in orders:
        case = priced.case
        contacts = contacts_of(case) if case.touches else None
        yield Compared(
            priced,
            tuple(
                model.decide_among(case, contacts) if isinstance(model, CreditModel) else model.decide(case)
                for model in models
            ),
        )


def bills(compared: Iterable[Compared], models: Sequence[Model]) -> list[Bill]:
    """The sums, a bill per model in the models' order."""
    found = [Bill(model.name, model.version) for model in models]
    for one in compared:
        for bill, decision in zip(found, one.decisions, strict=True):
            bill.add(decision, one.priced.amount_minor)
    return found


def merged(parts: Iterable[Sequence[Bill]]) -> list[Bill]:
    """Bills of several chunks or machines as one per model, in the order of the first chunk."""
    total: dict[tuple[str, str], Bill] = {}
    for part in parts:
        for bill in part:
            key = (bill.model, bill.version)
            if key not in total:
                total[key] = Bill(bill.model, bill.version)
            total[key].merge(bill)
    return list(total.values())


def in_chunks(orders: Iterable[Priced], size: int = CHUNK_ORDERS) -> Iterator[list[Priced]]:
    """Orders in lists of at most `size`."""
    waiting = iter(orders)
    while chunk := list(islice(waiting, size)):
        yield chunk


def plain_bill(bill: Bill) -> dict[str, object]:
    """A bill for JSON; amounts in minor units, rounded half even."""
    return {
        "model": bill.model,
        "version": bill.version,
        "orders": bill.orders,
        "touched": bill.touched,
        "incremental": bill.incremental,
        "in_review": bill.in_review,
        "amount_minor": bill.amount_minor,
        "billed_minor": bill.billed_minor,
        "expected_minor": round(bill.expected_minor),
        "mean_confidence": round(float(bill.mean_confidence), 4),
        "billed_by_campaign_minor": {
            campaign: round(amount) for campaign, amount in sorted(bill.billed_by_campaign.items())
        },
    }
