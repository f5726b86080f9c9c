"""Simulated stores: customers who buy and leave as the models say, with known parameters. Seeded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.models.errors import BadModel
from kiki.council.syncvalue.models.histories import Floats, Integers
from kiki.council.syncvalue.models.purchases import Purchases, purchases

_FIRST_DAY = 738_000


@dataclass(frozen=True, slots=True)
class SimulatedStore:
    """How a store is made; times in days."""

    model: str
    parameters: tuple[float, float, float, float]
    """As the model's: r, alpha, a, b or r, alpha, s, beta."""
    spend: tuple[float, float, float] | None
    """p, q, v of Gamma-Gamma; `None`: no amounts."""
    customers: int
    arrival_days: int
    """First purchases are spread evenly over so many days from the start."""
    days: int
    """Observed for so many days from the start."""


def simulate(store: SimulatedStore, seed: int) -> Purchases:
    """The store's purchases, rounded down to days; the first day is 738000."""
    rng = np.random.default_rng(seed)
    r, alpha, third, fourth = store.parameters
    size = store.customers
    rates = np.maximum(rng.gamma(r, 1.0 / alpha, size), 1e-300)
    begin = rng.uniform(0.0, store.arrival_days, size)
    leaving, end = np.zeros(size), np.full(size, float(store.days))
    if store.model in ("bgnbd", "mbgnbd"):
        leaving = rng.beta(third, fourth, size)
    elif store.model == "pareto":
        dropping = np.maximum(rng.gamma(third, 1.0 / fourth, size), 1e-300)
        end = np.minimum(end, begin + rng.exponential(1.0, size) / dropping)
    else:
        raise BadModel(f"bgnbd, mbgnbd and pareto can be simulated, got {store.model!r}")
    customer, time = _arrivals(rates, begin, end, leaving, store.model == "mbgnbd", rng)
    day = np.floor(time).astype(np.int64) + _FIRST_DAY
    if store.spend is None:
        return purchases(customer, day)
    p, q, v = store.spend
    nu = rng.gamma(q, 1.0 / v, size)
    return purchases(customer, day, rng.gamma(p, 1.0, len(customer)) / nu[customer])


def _arrivals(
    rates: Floats, begin: Floats, end: Floats, leaving: Floats, leaves_at_first: bool, rng: np.random.Generator
) -> tuple[Integers, Floats]:
    """Everyone's purchases before their `end`: all first ones, then all second ones, while anyone is left."""
    who, when = np.arange(len(begin), dtype=np.int64), begin
    customers, times, may_leave = [who], [when], leaves_at_first
    while len(who):
        if may_leave:
            stays = rng.random(len(who)) >= leaving[who]
            who, when = who[stays], when[stays]
        when = when + rng.exponential(1.0, len(who)) / rates[who]
        within = when < end[who]
        who, when, may_leave = who[within], when[within], True
        customers.append(who)
        times.append(when)
    return np.concatenate(customers), np.concatenate(times)
