"""What a model is asked and what it answers."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol


class Verdict(enum.Enum):
    """How far an order is ours."""

    NONE = "none"
    """No signal at all."""
    TOUCHED = "touched"
    """At least one signal, under the threshold."""
    INCREMENTAL = "incremental"
    """At or over the threshold: billed once it is paid."""


@dataclass(frozen=True, slots=True)
class Touch:
    """A contact of the buyer with a campaign that is registered with SyncFlow; others never reach a model."""

    touchpoint_id: str
    campaign_id: str
    kind: str
    """`click` or `view`."""
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Promotion:
    """A product of the order that a campaign of ours promoted when the order was placed."""

    product_id: str
    campaign_id: str


@dataclass(frozen=True, slots=True)
class Rules:
    """A store's figures."""

    window: dt.timedelta = dt.timedelta(days=30)
    threshold: Decimal = Decimal("0.7")
    review_below: Decimal = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known about an order when the question is asked."""

    order_id: str
    placed_at: dt.datetime
    touches: tuple[Touch, ...]
    acquired_by_order_id: str | None
    """The buyer's first order, when it is another one, was incremental and is not reversed."""
    promotions: tuple[Promotion, ...]
    rules: Rules


@dataclass(frozen=True, slots=True)
class Signal:
    """One reason, with what it rests on."""

    name: str
    weight: Decimal
    campaign_ids: tuple[str, ...] = ()
    touchpoint_ids: tuple[str, ...] = ()
    product_ids: tuple[str, ...] = ()
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, with its evidence."""

    model: str
    version: str
    verdict: Verdict
    confidence: Decimal
    campaign_id: str | None
    signals: tuple[Signal, ...]
    needs_review: bool

    def evidence(self) -> dict[str, Any]:
        """The signals as plain values, for storage; no personal data."""
        return {"signals": [_plain(signal) for signal in self.signals]}

    def touchpoint_ids(self) -> list[str]:
        """The touchpoints that counted, oldest first."""
        return [name for signal in self.signals for name in signal.touchpoint_ids]


class Model(Protocol):
    """A way to answer. Pure: the same case gives the same decision."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def decide(self, case: Case) -> Decision: ...


def verdict_of(confidence: Decimal, signals: Iterable[Signal], rules: Rules) -> Verdict:
    """The words of the contract: any signal touches, the threshold makes it incremental."""
    if not any(True for _ in signals):
        return Verdict.NONE
    return Verdict.INCREMENTAL if confidence >= rules.threshold else Verdict.TOUCHED


def _plain(signal: Signal) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": signal.name, "weight": str(signal.weight)}
    for name in ("campaign_ids", "touchpoint_ids", "product_ids"):
        if getattr(signal, name):
            plain[name] = list(getattr(signal, name))
    if signal.order_id is not None:
        plain["order_id"] = signal.order_id
    return plain
