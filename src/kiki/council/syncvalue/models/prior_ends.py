"""Where the interval of `prior_model.py` comes from: exact intervals under the prior of what shops are like.

Shops are drawn from the prior, with some customers of each at all ages; for these customers the exact interval,
averaged over where the parameters of a shop may be, is approximated as `tabulate.py` does for a fitted store. Seeded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.models import gammagamma, typical
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.fitting import fit_transactions
from kiki.council.syncvalue.models.histories import DAYS_PER_YEAR, Floats, Histories, Spend
from kiki.council.syncvalue.models.pooling import default_prior
from kiki.council.syncvalue.models.prediction import Terms
from kiki.council.syncvalue.models.prior_model import MODEL
from kiki.council.syncvalue.models.purchases import Observation, Purchases, observe, outcome
from kiki.council.syncvalue.models.simulate import SimulatedStore, simulate
from kiki.council.syncvalue.models.tabled import Known
from kiki.council.syncvalue.models.tabulate import tabled

SHOPS, CUSTOMERS = 60, 40
_OLDEST_DAYS = 500.0
_SPEND_SPREAD = 0.5
"""Of the logarithms of p and q; the mean purchase of every shop is one."""
_LEAST_Q = 1.5


@dataclass(frozen=True, slots=True)
class DrawnShop:
    """A shop drawn from the prior: what is known of its customers, and what they spend in the year that follows."""

    known: Known
    spend: Floats


def prior_ends() -> Floats:
    """Coefficients of the interval's ends (`TabledModel.ends`)."""
    known = [shop.known for shop in drawn_shops(SHOPS, CUSTOMERS, seed=3)]
    x, t_x, age, paid, mean = (
        np.concatenate([getattr(one, name) for one in known]) for name in ("x", "t_x", "age", "paid", "mean")
    )
    nobody = Histories(*[np.zeros(0)] * 3)
    transactions = fit_transactions(MODEL, nobody, "days", default_prior(MODEL))
    return tabled(transactions, typical_spend(), Histories(x, t_x, age), Spend(paid, mean), terms=Terms()).ends


def typical_spend() -> FittedModel:
    """Gamma-Gamma of a typical shop, in mean purchases."""
    return FittedModel(
        name=gammagamma.NAME,
        version=gammagamma.VERSION,
        unit="days",
        parameters=dict(zip(gammagamma.PARAMETER_NAMES, typical.SPEND, strict=True)),
        log_likelihood=0.0,
        log_covariance=default_prior(gammagamma.NAME).log_covariance,
        customers=0,
        purchases=0,
        method="map",
        own_weight=0.0,
    )


def drawn_shops(shops: int, customers: int, *, seed: int, spread: float = typical.SPREAD) -> list[DrawnShop]:
    """Shops whose parameters lie about the typical ones, of ages up to 500 days."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(shops):
        r, alpha, a, b = (np.array(typical.TRANSACTIONS[MODEL]) * np.exp(rng.normal(0.0, spread, 4))).tolist()
        p, q = (np.array(typical.SPEND[:2]) * np.exp(rng.normal(0.0, _SPEND_SPREAD, 2))).tolist()
        q = max(q, _LEAST_Q)
        days = int(rng.uniform(1.0, _OLDEST_DAYS))
        ahead = int(DAYS_PER_YEAR)
        of = simulate(
            SimulatedStore(MODEL, (r, alpha, a, b), (p, q, (q - 1.0) / p), customers, days, days + ahead + 1),
            seed=seed * 100_000 + number,
        )
        end = of.first_day + days
        seen = observe(of, end, "days")
        found.append(DrawnShop(_known(of, seen), outcome(of, seen, end + ahead).spend))
    return found


def _known(of: Purchases, seen: Observation) -> Known:
    """All purchases count for the mean worth of one, the first included."""
    firsts = of.amount[np.searchsorted(of.customer, seen.customer)]
    purchases = seen.histories.x + 1.0
    spent = firsts + seen.spend.purchases * seen.spend.mean
    return Known(seen.histories.x, seen.histories.t_x, seen.histories.age, purchases, spent / purchases)
