"""Refunds that no reading counts any more: after a contract has left its experiment, and after the last reading. Pure.

An experiment bills people and no orders, so a refund cannot be looked up in a bill; a later reading counts it. Where
none follows, the bill goes back in proportion, as an order's does:

    due      = billed · given back ÷ attributed
    credited = due - credited before

`attributed` is what the orders of the months that the experiment billed held at its last reading, `given back` what of
that their refunds and cancellations have taken since. `billed` is what was billed less what was credited of a carry, or
for refunds before that reading (a contract may return to its experiment); `credited before` is since the reading. So a
refund counts once however often it is told, all refunds together give back all that was billed, and none more.
"""

from __future__ import annotations

from typing import NamedTuple

from kiki.council.syncledger.domain import Books, ReadingTold
from kiki.council.syncledger.months import month_span, zone
from kiki.council.syncledger.readings import Readings


class Stint(NamedTuple):
    """Months on end that were billed on one experiment, and the last reading that counted their refunds."""

    experiment_id: str
    first: int
    last: int
    reading: ReadingTold


class GivenBack(NamedTuple):
    """What became of a stint's orders, in minor units of the settlement currency."""

    attributed: int
    """Held at the last reading."""
    given_back: int
    """Taken of that since by refunds, cancellations and deletions; never more."""


class LateCredit(NamedTuple):
    """What a month gives back of a stint's bills for late refunds."""

    store_id: int
    month: int
    first_month: int
    """Of the stint."""
    experiment_id: str
    read_month: int
    """Of the last reading that was billed and counted refunds."""
    billed: int
    attributed: int
    given_back: int
    credited: int
    fee: int


def stints_over(books: Books, readings: Readings, month: int) -> list[Stint]:
    """The stints whose late refunds are settled in a month: no reading that is billed in it or later counts them.

    A reading counts refunds of all orders since its experiment began, also of months that another one billed.
    """
    found = []
    newest = min(month, readings.last_month)
    for experiment_id, first, last in _runs(books, newest):
        end = month_span(last, zone(books.versions[0].time_zone))[1]
        reading = next(
            (
                told
                for at in range(newest, first - 1, -1)
                if (told := _billed_on(books, readings, at)) is not None and told.started_at < end
            ),
            None,
        )
        if reading is not None and (reading.month < month or reading.final):
            found.append(Stint(experiment_id, first, last, reading))
    return found


def _billed_on(books: Books, readings: Readings, month: int) -> ReadingTold | None:
    """The month's own reading, where the month is billed on it."""
    terms = books.terms_for(month)
    told = readings.of_month(terms.experiment_id, month) if terms.rule.by_experiment else None
    return told if told is not None and told.month == month else None


def _runs(books: Books, month: int) -> list[tuple[str, int, int]]:
    """Months on end under rules by the same experiment, up to a month: the experiment, first and last month."""
    runs: list[tuple[str, int, int]] = []
    for at in range(books.versions[0].effective_month, month + 1):
        terms = books.terms_for(at)
        if not terms.rule.by_experiment:
            continue
        if runs and runs[-1][0] == terms.experiment_id and runs[-1][2] == at - 1:
            runs[-1] = (terms.experiment_id, runs[-1][1], at)
        else:
            runs.append((terms.experiment_id, at, at))
    return runs
