"""Billing on an experiment: what the hold-out shows was caused, or what it surely was, and never twice.

A month's reading is *to date*: all assigned users since the contract's start, so that a user who is held out for a year
is one user and not twelve. What may be billed in all is the reading, and a month bills what that exceeds earlier bills.
A reading that falls is not paid back at once but carried: later months bill only after it has been made good.

    target = the estimate, or its lower bound, to date
    open   = carry of the month before + (target − target of the month before)
    billed = max(0, open),  carry = min(0, open)

so that billed to date + carry = target, to the minor unit, always. `billed ≥ 0` alone would over-bill where ads do
nothing (the mean of max(0, noise) is not 0); the carry makes billed to date the highest target so far, whose excess
over the truth shrinks per month, and `credit_at_end` gives back what is still carried when the contract ends.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class Basis(enum.Enum):
    """What a contract bills on."""

    ESTIMATE = "estimate"
    LOWER_BOUND = "lower_bound"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the experiment shows at a month's end, over everything since the contract's start."""

    month: str
    """As 2026-03."""
    estimate: Money
    lower_bound: Money

    def target(self, basis: Basis) -> Money:
        return self.estimate if basis is Basis.ESTIMATE else self.lower_bound


@dataclass(frozen=True, slots=True)
class Bill:
    """A month: what is billed, what is carried into the next (never over zero), and billed in all."""

    month: str
    target: Money
    billed: Money
    carry: Money
    billed_to_date: Money


def bill_months(readings: Sequence[Reading], basis: Basis) -> list[Bill]:
    """A bill per month, oldest first.

    The lower bound is never over the estimate, months ascend and are of one currency, else `InvalidInput`.
    """
    _check(readings)
    bills: list[Bill] = []
    carry = billed_before = target_before = 0
    for reading in readings:
        target = reading.target(basis)
        outstanding = carry + target.minor - target_before
        billed, carry = max(0, outstanding), min(0, outstanding)
        billed_before, target_before = billed_before + billed, target.minor
        currency = target.currency
        amounts = (Money(minor, currency) for minor in (billed, carry, billed_before))
        bills.append(Bill(reading.month, target, *amounts))
    return bills


def credit_at_end(bills: Sequence[Bill]) -> Money:
    """What the merchant gets back when the contract ends: what is still carried, up to all that was billed."""
    if not bills:
        raise InvalidInput("a contract without a month has nothing to credit", reason="NO_MONTHS")
    last = bills[-1]
    return Money(min(-last.carry.minor, last.billed_to_date.minor), last.carry.currency)


def reading_of(month: str, currency: str, incremental: float, lower_bound: float) -> Reading:
    """A reading from the analysis, in major units: the estimate rounds half to even, the bound down."""
    estimate = Money.of(_decimal(incremental), currency, rounding=ROUND_HALF_EVEN)
    bound = Money.of(_decimal(lower_bound), currency, rounding=ROUND_FLOOR)
    return Reading(month, estimate, bound)


def read_readings(rows: Sequence[Mapping[str, Any]], currency: str) -> list[Reading]:
    """Readings from rows with the columns month (2026-03), estimate and lower_bound (left out: the estimate)."""
    readings = []
    for at, row in enumerate(rows, start=1):
        month = str(row.get("month") or "")
        if not _MONTH.fullmatch(month):
            raise InvalidInput(f"row {at}: a month is written 2026-03, got {month[:24]!r}", reason="BAD_MONTH")
        estimate = Money.parse(row.get("estimate"), currency, rounding=ROUND_HALF_EVEN)
        bound = estimate
        if "lower_bound" in row:
            bound = Money.parse(row["lower_bound"], currency, rounding=ROUND_FLOOR)
        readings.append(Reading(month, estimate, bound))
    if not readings:
        raise InvalidInput("the file has no rows; wanted one per month", reason="EMPTY_FILE")
    return readings


def _decimal(number: float) -> Decimal:
    return Decimal(repr(float(number)))


def _check(readings: Iterable[Reading]) -> None:
    before: Reading | None = None
    for reading in readings:
        if reading.estimate < reading.lower_bound:
            raise InvalidInput(f"{reading.month}: a lower bound is not over the estimate", reason="BAD_READING")
        if before is not None:
            if reading.month <= before.month:
                raise InvalidInput(f"months ascend, got {before.month} and then {reading.month}", reason="BAD_READING")
            if reading.estimate.currency != before.estimate.currency:
                raise InvalidInput("a contract bills in one currency", reason="CURRENCY_MISMATCH")
        before = reading
