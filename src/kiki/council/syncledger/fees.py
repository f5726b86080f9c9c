"""Fees: per order as an accrual, per month by the contract's rule. Integers throughout; halves round away from zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

from kiki.council.syncledger.domain import Rule
from kiki.council.syncledger.errors import BadRequest
from kiki.kit.money import exponent

PPM = 1_000_000
_MAX_MINOR = 2**62


def rounded(numerator: int, denominator: int) -> int:
    """A quotient, halves away from zero; the denominator is positive."""
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


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
    with localcontext(prec=60):
        exact = Decimal(amount_minor) * rate.scaleb(0) * Decimal(10) ** (exponent(settlement) - exponent(currency))
        minor = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    if abs(minor) > _MAX_MINOR:
        raise BadRequest("an amount fits 64 bits of minor units", reason="BAD_AMOUNT")
    return minor


@dataclass(frozen=True, slots=True)
class MonthSums:
    """Revenue and accruals of a month; corrections (of closed months) carry the fee of their own terms."""

    revenue: int
    fee: int
    corrected_revenue: int
    corrected_fee: int


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """What a month's entries sum to."""

    sums: MonthSums
    refunded_revenue: int
    lines: int
    attributed_orders: int
    mean_confidence: float
    corrections: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """Revenue and fee of the corrections, by the month in which they were billed; read where a rule asks for it."""


@dataclass(frozen=True, slots=True)
class FeeByRule:
    """The statement's fee. `problem` says why the rule could not be used; the fee is then that of `attributed`."""

    fee_revenue: int
    fee: int
    problem: str


def fee_by_rule(
    rule: Rule,
    rate_ppm: int,
    sums: MonthSums,
    *,
    current: int | None,
    baseline: int | None,
    baseline_complete: bool,
    experiment: int | str = "READING_MISSING",
) -> FeeByRule:
    """The fee of a month or period. `uplift` never goes below zero; corrections of closed months count as booked.

    An ended contract bills nothing but those.

    `experiment` is the revenue that the contract's experiment bills, or why it is not known.
    """
    problem = ""
    own = 0 if rule is Rule.ENDED else sums.revenue
    if rule.needs_baseline:
        if baseline is None or not baseline_complete:
            problem = "BASELINE_INCOMPLETE"
        elif current is None:
            problem = "FIGURES_MISSING"
        else:
            uplift = max(0, current - baseline)
            own = uplift if rule is Rule.UPLIFT else min(sums.revenue, uplift)
    if rule.by_experiment:
        if isinstance(experiment, str):
            problem = experiment
        else:
            own = experiment
    corrected_revenue, corrected_fee = sums.corrected_revenue, sums.corrected_fee
    return FeeByRule(own + corrected_revenue, fee_on(own, rate_ppm) + corrected_fee, problem)


def growth_percent(current: int | None, baseline: int | None) -> float:
    """Growth over the baseline; 0 when one of them is unknown or the baseline is zero."""
    if current is None or not baseline:
        return 0.0
    return (current - baseline) * 100 / baseline
