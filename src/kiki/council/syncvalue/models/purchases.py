"""From orders to what the models see, at any day of observation; and what happened after it.

Several orders of one customer on one day are one purchase, worth their sum: the models are of purchase occasions. As in
the literature a customer's first purchase counts neither in x nor in the mean spend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.models.errors import BadHistory
from kiki.council.syncvalue.models.histories import DAYS_PER_UNIT, Floats, Histories, Integers, Spend, Unit


@dataclass(frozen=True, slots=True)
class Purchases:
    """Purchases sorted by customer and day, one a day at most. Made by `purchases`."""

    customer: Integers
    """Numbers from 0, every one of them in use."""
    day: Integers
    """Any count of days, such as `date.toordinal`."""
    amount: Floats
    """Worth of the purchase; zeros if `has_amounts` is false."""
    has_amounts: bool

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return int(self.customer[-1]) + 1 if len(self.customer) else 0

    @property
    def first_day(self) -> int:
        """Day of the first purchase."""
        return int(self.day.min())

    @property
    def last_day(self) -> int:
        """Day of the last purchase."""
        return int(self.day.max())


@dataclass(frozen=True, slots=True)
class Observation:
    """The customers who had bought by a day, and what was known of them."""

    customer: Integers
    histories: Histories
    spend: Spend
    until: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the customers of an observation did afterwards, one element each."""

    purchases: Floats
    spend: Floats


def purchases(customer: Integers, day: Integers, amount: Floats | None = None) -> Purchases:
    """Orders as purchases. `customer` holds any integers of zero or more; numbers that are not used are closed up."""
    if len(customer) == 0:
        raise BadHistory("there is no order")
    worth = np.zeros(len(customer)) if amount is None else amount
    order = np.lexsort((day, customer))
    who, when, worth = customer[order], day[order], worth[order]
    first = np.ones(len(who), dtype=bool)
    first[1:] = (who[1:] != who[:-1]) | (when[1:] != when[:-1])
    starts = np.flatnonzero(first)
    who, when = who[starts], when[starts]
    new = np.ones(len(who), dtype=np.int64)
    new[1:] = who[1:] != who[:-1]
    return Purchases(
        np.cumsum(new) - 1, when.astype(np.int64), np.add.reduceat(worth, starts), has_amounts=amount is not None
    )


def observe(of: Purchases, until: int, unit: Unit) -> Observation:
    """What was known at the end of day `until`, of customers who had bought by then."""
    seen = of.day <= until
    if not seen.any():
        raise BadHistory("nobody had bought by the end of the observation")
    who, when = of.customer[seen], of.day[seen]
    first = np.ones(len(who), dtype=bool)
    first[1:] = who[1:] != who[:-1]
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(who)) - 1
    repeats = (ends - starts).astype(np.float64)
    scale = DAYS_PER_UNIT[unit]
    known = Histories(repeats, (when[ends] - when[starts]) / scale, (until - when[starts]) / scale)
    later = np.where(first, 0.0, of.amount[seen])
    mean = np.add.reduceat(later, starts) / np.maximum(repeats, 1.0)
    usable = (repeats > 0) & (mean > 0)
    return Observation(who[starts], known, Spend(np.where(usable, repeats, 0.0), np.where(usable, mean, 0.0)), until)


def outcome(of: Purchases, seen: Observation, until: int) -> Outcome:
    """Purchases and spend after the observation, to the end of day `until`."""
    after = (of.day > seen.until) & (of.day <= until)
    who = of.customer[after]
    counts = np.bincount(who, minlength=of.customers)[seen.customer]
    worth = np.bincount(who, weights=of.amount[after], minlength=of.customers)[seen.customer]
    return Outcome(counts.astype(np.float64), worth.astype(np.float64))


def sample(of: Purchases, customers: int, seed: int) -> Purchases:
    """All purchases of so many customers drawn without replacement; everything when there are no more than that."""
    if of.customers <= customers:
        return of
    drawn = np.zeros(of.customers, dtype=bool)
    drawn[np.random.default_rng(seed).choice(of.customers, customers, replace=False)] = True
    rows = drawn[of.customer]
    places = np.cumsum(drawn) - 1
    return Purchases(places[of.customer[rows]], of.day[rows], of.amount[rows], of.has_amounts)
