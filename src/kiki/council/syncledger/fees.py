"""Fees: per order as an accrual, per month by the contract's rule. Integers throughout; halves round away from zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import NamedTuple

from kiki.council.syncledger.domain import Rule
from kiki.council.syncledger.errors import BadRequest
from kiki.kit.money import exchanged, rounded

PPM = 1_000_000
_MAX_MINOR = 2**62
_MAX_SHARE_TEXT = 32


def fee_on(revenue_minor: int, rate_ppm: int) -> int:
    """The fee on an amount, to the minor unit."""
    return rounded(revenue_minor * rate_ppm, PPM)


def parse_rate(text: str) -> int:
    """Millionths from decimal text such as `0.20`; 0 to 1."""
    try:
        rate = Decimal(text) * PPM
    except InvalidOperation:
        raise BadRequest("a fee rate is decimal text such as 0.20", reason="BAD_FEE_RATE") from None
    if not rate.is_finite() or not 0 <= rate <= PPM or rate != int(rate):
        raise BadRequest("a fee rate lies between 0 and 1 and has at most six decimals", reason="BAD_FEE_RATE")
    return int(rate)


def parse_share(text: str) -> Decimal:
    """A part of an order from decimal text, 0 to 1."""
    try:
        share = Decimal(text)
    except InvalidOperation:
        share = Decimal("NaN")
    if len(text) > _MAX_SHARE_TEXT or not share.is_finite() or not 0 <= share <= 1:
        raise BadRequest("a share is decimal text from 0 to 1, such as 0.25", reason="BAD_SHARE")
    return share


def share_of(amount_minor: int, share: Decimal) -> int:
    """A part of an amount, half up."""
    with localcontext(prec=60):
        return int((amount_minor * share).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def rate_text(rate_ppm: int) -> str:
    """Decimal text with two decimals or more: `0.20`, `0.125`."""
    digits = f"{rate_ppm // PPM}.{rate_ppm % PPM:06d}".rstrip("0")
    return digits + "0" * max(0, 2 - len(digits.partition(".")[2]))


def convert(amount_minor: int, currency: str, settlement: str, exchange_rate: str) -> int:
    """An amount in the settlement currency, rounded half up; the rate is settlement per unit of `currency`."""
    if currency == settlement:
        return amount_minor
    try:
        rate = Decimal(exchange_rate)
    except InvalidOperation:
        rate = Decimal("NaN")
    if not rate.is_finite() or not 0 < rate < 10**12:
        raise BadRequest(
            f"exchange_rate is needed from {currency} to {settlement}: positive decimal text",
            reason="BAD_EXCHANGE_RATE",
        )
    minor = exchanged(amount_minor, currency, settlement, rate)
    if abs(minor) > _MAX_MINOR:
        raise BadRequest("an amount fits 64 bits of minor units", reason="BAD_AMOUNT")
    return minor


@dataclass(frozen=True, slots=True)
class MonthSums:
    """Revenue and accruals of a month, those of corrections of closed months apart."""

    revenue: int
    fee: int
    corrected_revenue: int
    corrected_fee: int


class Moved(NamedTuple):
    """What a month holds of corrections of an earlier one."""

    revenue: int
    before: int = 0
    """Revenue of the earlier month with all corrections before these."""
    fallen: int = 0
    """By how much its orders, each by itself, come to less than was stated of them; negative or zero."""
    fallen_before: int = 0
    """The same without these corrections."""


class Stated(NamedTuple):
    """Figures of a closed month's statement, in minor units; None where it had none."""

    revenue: int
    """Without corrections."""
    current: int | None
    baseline: int | None
    counted: int | None = None
    """What the last statement that corrected it counted; None where none has."""


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """What a month's entries sum to."""

    sums: MonthSums
    refunded_revenue: int
    lines: int
    attributed_orders: int
    mean_confidence: float
    corrections: Mapping[int, Moved] = field(default_factory=dict)
    """By the month that they are about."""
    stated: Mapping[int, Stated] = field(default_factory=dict)
    """What was stated of these months, where their rule compares."""


@dataclass(frozen=True, slots=True)
class FeeByRule:
    """The statement's fee. `problem` says why the rule could not be used; the fee is then that of `attributed`."""

    fee_revenue: int
    fee: int
    problem: str


def fee_by_rule(
    rule: Rule,
    rate_ppm: int,
    revenue: int,
    *,
    current: int | None,
    baseline: int | None,
    baseline_complete: bool,
    experiment: int | str = "READING_MISSING",
) -> FeeByRule:
    """The fee of a month or period, corrections of other months apart. `uplift` never goes below zero.

    An ended contract bills nothing. `experiment` is the revenue that the contract's experiment bills, or why it is not
    known.
    """
    problem = ""
    own = 0 if rule is Rule.ENDED else revenue
    if rule.needs_baseline:
        if baseline is None or not baseline_complete:
            problem = "BASELINE_INCOMPLETE"
        elif current is None:
            problem = "FIGURES_MISSING"
        else:
            uplift = max(0, current - baseline)
            own = uplift if rule is Rule.UPLIFT else min(revenue, uplift)
    if rule.by_experiment:
        if isinstance(experiment, str):
            problem = experiment
        else:
            own = experiment
    return FeeByRule(own, fee_on(own, rate_ppm), problem)


def growth_percent(current: int | None, baseline: int | None) -> float:
    """Growth over the baseline; 0 when one of them is unknown or the baseline is zero."""
    if current is None or not baseline:
        return 0.0
    return (current - baseline) * 100 / baseline
