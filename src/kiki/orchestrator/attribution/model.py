"""What a model is asked and what it answers."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol

CONFIDENCE_STEP = Decimal("0.001")
"""Confidence is decided, compared and stored to this step."""
WHOLE = Decimal(1)
BILLED_SHARE = "billed_share"
"""Where a decision's evidence says what part of the order is billed; left out: all of it."""
ELSEWHERE = "elsewhere"
"""The signal that speaks for channels that are not ours."""


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
    """A contact of the buyer with a campaign that is registered with SyncFlow, or with a channel of somebody else's.

    The two never mix: a case keeps them apart, as `touches` and `others`.
    """

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
    others: tuple[Touch, ...] = ()
    """Contacts through channels that are not ours, as far as they are known; `campaign_id` is the channel's name.

    They never speak for us: models that divide credit give them their part of it, the others ignore them.
    """
    facts: tuple[tuple[str, float], ...] = ()
    """What is known about the buyer from before any ad, by name, for a model that learned from a hold-out."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One reason, with what it rests on."""

    name: str
    weight: Decimal
    campaign_ids: tuple[str, ...] = ()
    touchpoint_ids: tuple[str, ...] = ()
    product_ids: tuple[str, ...] = ()
    order_id: str | None = None
    without: Decimal | None = None
    """The confidence if this signal were not there; None where a decision was stored before it was computed."""


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
    shares: tuple[tuple[str, Decimal], ...] = ()
    """Credit by campaign, summing to one; a channel that is not ours stands as `other:<name>`. Empty: not divided."""
    billed_share: Decimal = WHOLE
    """What part of an incremental order is billed: all of it, unless the model estimates how much was caused."""

    def billed(self, amount_minor: int) -> int:
        """What is billed of an amount in minor units, half up; nothing of an order that is not incremental."""
        return share_of(amount_minor, self.billed_share) if self.verdict is Verdict.INCREMENTAL else 0

    def evidence(self) -> dict[str, Any]:
        """The signals, and the credit by campaign, as plain values, for storage; no personal data."""
        plain: dict[str, Any] = {"signals": [_plain(signal) for signal in self.signals]}
        if self.shares:
            plain["shares"] = {name: str(share) for name, share in self.shares}
        if self.billed_share != WHOLE:
            plain[BILLED_SHARE] = str(self.billed_share)
        return plain

    def touchpoint_ids(self) -> list[str]:
        """The touchpoints of ours that counted, signal by signal, oldest first in each."""
        return [name for signal in self.signals if signal.name != ELSEWHERE for name in signal.touchpoint_ids]


class Model(Protocol):
    """A way to answer. Pure: the same case gives the same decision."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def decide(self, case: Case) -> Decision: ...


def share_of(amount_minor: int, share: Decimal) -> int:
    """A part of an amount in minor units, half up."""
    if share == WHOLE:
        return amount_minor
    return int((amount_minor * share).quantize(WHOLE, rounding=ROUND_HALF_UP))


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
    if signal.without is not None:
        plain["without"] = str(signal.without)
    return plain
