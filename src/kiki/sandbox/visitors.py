"""Simulated visitors of a shop, with the truth that no shop can see: which orders the ads caused.

Every visitor has an intent. It drives who would buy anyhow, and it drives whom the ads reach, because targeting goes
for people who are about to buy: so those who saw ads buy more even where ads do nothing. A share of all visitors is
held out at random. Of those who saw ads and would not have bought, a share `effect` buys because of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiki.kit.errors import InvalidInput

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

COLUMNS = (
    "user_id",
    "eligible",
    "holdout",
    "exposed",
    "ad_clicks_30d",
    "acquired_via_kiki",
    "product_promoted",
    "returning_customer",
    "ordered",
    "order_amount",
)
"""Of what a shop sees."""
TRUTH_COLUMNS = ("user_id", "would_have_ordered_without_ads", "truly_incremental", "p_incremental_given_order")
_MOST_USERS = 10_000_000


@dataclass(frozen=True, slots=True)
class World:
    """How visitors behave. The figures give a shop of 40,000 visitors, 3,700 orders and 278,000 a month."""

    users: int = 40_000
    holdout_share: float = 0.1
    effect: float = 0.05
    """Chance that an ad makes somebody buy who would not have; 0: ads do nothing."""
    buys: tuple[float, float] = (-2.66, 0.8)
    """Log odds of buying anyhow: at mean intent, and per standard deviation of it."""
    targeted: tuple[float, float] = (-0.98, 0.5)
    """Log odds of being targeted."""
    returning: tuple[float, float] = (-1.68, 0.45)
    """Log odds of having bought before."""
    clicks: tuple[float, float] = (0.72, 0.3)
    """Mean number of clicks of those who saw ads, and the log factor per standard deviation of intent."""
    promoted_share: float = 0.35
    amount: tuple[float, float] = (4.143, 0.6225)
    """Mean and deviation of the logarithm of an order's amount."""

    def __post_init__(self) -> None:
        shares = {"holdout_share": self.holdout_share, "effect": self.effect, "promoted_share": self.promoted_share}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise InvalidInput(f"{name} lies from 0 to 1, got {share:g}", reason="BAD_WORLD")
        if not 1 <= self.users <= _MOST_USERS:
            raise InvalidInput(f"users are 1 to {_MOST_USERS}, got {self.users}", reason="BAD_WORLD")


@dataclass(frozen=True, slots=True)
class Visitors:
    """One value per visitor. The first part is what a shop sees, the rest is the truth."""

    eligible: Flags
    """Whom the ads target, seen for held-out visitors too: the network logs who would have been shown an ad."""
    holdout: Flags
    exposed: Flags
    clicks: Integers
    acquired: Flags
    """Clicked, and had not bought before."""
    promoted: Flags
    returning: Flags
    ordered: Flags
    amount_minor: Integers
    buys_anyhow: Flags
    caused: Flags
    chance_caused: Floats
    """That the order was caused, given that there is one and who the visitor is; 0 without an order or an ad."""

    @property
    def true_incremental_minor(self) -> int:
        """Revenue that the ads caused."""
        return int(self.amount_minor[self.caused].sum())

    def rows(self) -> Iterator[tuple[object, ...]]:
        """What a shop sees, in the order of `COLUMNS`."""
        flags = (self.eligible, self.holdout, self.exposed, self.clicks, self.acquired, self.promoted)
        numbers = [column.astype(np.int64).tolist() for column in (*flags, self.returning, self.ordered)]
        amounts = (f"{minor / 100:.2f}" for minor in self.amount_minor.tolist())
        return zip(range(1, len(self.ordered) + 1), *numbers, amounts, strict=True)

    def truth_rows(self) -> Iterator[tuple[object, ...]]:
        """What only the simulator knows, in the order of `TRUTH_COLUMNS`."""
        numbers = (self.buys_anyhow.astype(np.int64).tolist(), self.caused.astype(np.int64).tolist())
        chances = (f"{chance:.6f}" for chance in self.chance_caused.tolist())
        return zip(range(1, len(self.ordered) + 1), *numbers, chances, strict=True)


def simulate_visitors(world: World, seed: int, month: int = 1) -> Visitors:
    """One month of new visitors; the same seed and month give the same ones."""
    draw = np.random.default_rng((seed, month))
    users = world.users
    intent = draw.standard_normal(users)
    anyhow = _chance(world.buys, intent)
    eligible = draw.random(users) < _chance(world.targeted, intent)
    holdout = draw.random(users) < world.holdout_share
    exposed = eligible & ~holdout
    returning = draw.random(users) < _chance(world.returning, intent)
    clicks = np.zeros(users, dtype=np.int64)
    mean, slope = world.clicks
    clicks[exposed] = draw.poisson(mean * np.exp(slope * intent[exposed]))
    buys_anyhow = draw.random(users) < anyhow
    caused = exposed & ~buys_anyhow
    caused[caused] = draw.random(int(caused.sum())) < world.effect
    ordered = buys_anyhow | caused
    amount_minor = np.zeros(users, dtype=np.int64)
    amounts = draw.lognormal(*world.amount, size=int(ordered.sum()))
    amount_minor[ordered] = np.maximum(1, np.rint(100 * amounts)).astype(np.int64)
    extra = world.effect * (1 - anyhow)
    return Visitors(
        eligible=eligible,
        holdout=holdout,
        exposed=exposed,
        clicks=clicks,
        acquired=(clicks > 0) & ~returning,
        promoted=draw.random(users) < world.promoted_share,
        returning=returning,
        ordered=ordered,
        amount_minor=amount_minor,
        buys_anyhow=buys_anyhow,
        caused=caused,
        chance_caused=np.where(exposed & ordered, extra / (anyhow + extra), 0.0),
    )


def as_csv(columns: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> str:
    """A header and rows."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def _chance(odds: tuple[float, float], intent: Floats) -> Floats:
    base, slope = odds
    return np.asarray(1 / (1 + np.exp(-(base + slope * intent))))
