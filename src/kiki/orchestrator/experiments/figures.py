"""What the experiments must show, as figures: known cases, and many simulated shops whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiki.orchestrator.experiments.billing import Basis, Bill, Reading, bill_months, credit_at_end, reading_of
from kiki.orchestrator.experiments.checks import same_twice, sample_ratio
from kiki.orchestrator.experiments.geo import GeoTest, run_geo_test
from kiki.orchestrator.experiments.lift import Arm, Effect, compare
from kiki.orchestrator.experiments.panel import Panel
from kiki.orchestrator.experiments.sequential import always_valid_reach

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MONTHS = 12
ALPHA = 0.05
_CURRENCY = "EUR"
_FOUR_DIGITS = 5e-5
_SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a benchmark: what was seen, what was wanted, and whether it is so."""

    name: str
    got: float | str
    wanted: str
    met: bool
    """True also for what is only shown beside the others."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a shop: outcomes in major units of the users who would be shown ads, and the truth."""

    outcomes: Floats
    held_out: Flags
    revenue: float
    """Of all visitors."""
    truth: float
    claimed: float
    """What the default rule calls incremental."""


Simulate = Callable[[int, int, float], Month]
"""(seed, month, chance that an ad causes an order) → month."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A simulated contract of some months."""

    bills: dict[Basis, list[Bill]]
    truths: tuple[float, ...]
    """To date, per month."""
    claimed: float
    revenue: float
    uncarried: float
    """What the months' own estimates would bill, negatives forgotten."""
    first: Effect
    """The first month alone."""


def geo_figures(panel: Panel, expected: Mapping[str, Any]) -> list[Figure]:
    """The published geo test."""
    treated, start = tuple(expected["treated"]), str(expected["treatment_start"])
    found = run_geo_test(panel, GeoTest(treated, start, str(expected["treatment_end"])))
    wanted_weights: Mapping[str, float] = expected["weights"]
    off = max(abs(weight - wanted_weights.get(name, 0.0)) for name, weight in found.weights.items())
    figures = [
        _near("geo: ATT", found.att, expected["ATT"], 3),
        _near("geo: incremental", found.incremental, expected["incremental_Y"], 0),
        _near("geo: lift, %", 100 * found.lift, expected["percent_lift"], 1),
        _near("geo: L2 imbalance", found.l2_imbalance, expected["L2_imbalance"], 3),
        _near("geo: scaled L2", found.scaled_l2, expected["scaled_L2"], 4),
        _near(
            "geo: better than equal weights, %", 100 * (1 - found.scaled_l2), expected["pct_improvement_over_naive"], 2
        ),
        _near("geo: p-value", found.conformal.p_value, expected["p_value"], 2),
    ]
    return [*figures, Figure("geo: largest error of a weight", off, f"<= {_FOUR_DIGITS}", off <= _FOUR_DIGITS)]


def holdout_figures(
    case: str, outcomes: Floats, held_out: Flags, truth: float, published: Mapping[str, float] | None
) -> list[Figure]:
    """A hold-out whose truth is known: outcomes in major units of the users whom the ads targeted."""
    effect = compare(Arm.of(outcomes[~held_out]), Arm.of(outcomes[held_out]), ALPHA)
    away = abs(effect.incremental - truth) / effect.incremental_error
    figures = [Figure(f"{case}: hold-out estimate, in s.e. from the truth", round(away, 3), "<= 1", away <= 1)]
    if published is not None:
        figures += [
            _near(f"{case}: hold-out estimate", effect.incremental, published["holdout_itt_estimate"], 2),
            _near(f"{case}: standard error", effect.incremental_error, published["holdout_itt_se"], 2),
        ]
    ratio = sample_ratio(int(held_out.sum()), len(held_out), round(float(held_out.mean()), 2))
    figures.append(Figure(f"{case}: sample ratio p-value", round(ratio.p_value, 4), ">= 0.001", not ratio.is_suspect))
    return figures


def caused_figures(contracts: Sequence[Contract]) -> list[Figure]:
    """Shops whose ads cause orders."""
    truth = sum(contract.truths[-1] for contract in contracts)
    first_truth = sum(contract.truths[0] for contract in contracts)
    first = sum(max(0.0, contract.first.incremental) for contract in contracts) / first_truth
    billed = _billed(contracts, Basis.ESTIMATE) / truth
    bound = _billed(contracts, Basis.LOWER_BOUND) / truth
    over = sum(_ever_over(contract) for contract in contracts)
    claimed = sum(contract.claimed for contract in contracts) / truth
    return [
        Figure("ads work: billed / truth, one month", round(first, 3), "0.9 to 1.1", abs(first - 1) <= 0.1),
        Figure(f"ads work: billed / truth, {MONTHS} months", round(billed, 3), "0.9 to 1.1", abs(billed - 1) <= 0.1),
        Figure("ads work: billed on the lower bound / truth", round(bound, 3), "<= 1", bound <= 1),
        _over_truth("ads work", over, len(contracts)),
        Figure("ads work: default rule claims / truth", round(claimed, 3), _SHOWN, met=True),
    ]


def nothing_figures(contracts: Sequence[Contract]) -> list[Figure]:
    """Shops whose ads do nothing; amounts as shares of the shops' revenue."""
    revenue = sum(contract.revenue for contract in contracts)
    covering = sum(contract.first.interval[0] <= 0 <= contract.first.interval[1] for contract in contracts)
    estimates = [contract.bills[Basis.ESTIMATE] for contract in contracts]
    net = sum(float(bills[-1].target.amount) for bills in estimates) / revenue
    carried = _billed(contracts, Basis.ESTIMATE) / revenue
    credited = carried - sum(float(credit_at_end(bills).amount) for bills in estimates) / revenue
    bound = _billed(contracts, Basis.LOWER_BOUND) / revenue
    forgotten = sum(contract.uncarried for contract in contracts) / revenue
    claimed = sum(contract.claimed for contract in contracts) / revenue
    over = sum(_ever_over(contract) for contract in contracts)
    least = 0.93 * len(contracts)
    return [
        Figure(
            "ads do nothing: intervals that cover 0", covering, f">= {least:g} of {len(contracts)}", covering >= least
        ),
        Figure("ads do nothing: billed + carried / revenue", round(net, 5), "within 0.005 of 0", abs(net) <= 0.005),
        Figure("ads do nothing: billed, carried forward / revenue", round(carried, 5), "<= 0.01", carried <= 0.01),
        Figure("ads do nothing: the same, credited at the end", round(credited, 5), "<= 0.01", credited <= 0.01),
        Figure("ads do nothing: billed on the lower bound / revenue", round(bound, 5), "<= 0.001", bound <= 0.001),
        _over_truth("ads do nothing", over, len(contracts)),
        Figure("ads do nothing: billed, negatives forgotten", round(forgotten, 5), _SHOWN, met=True),
        Figure("ads do nothing: default rule claims / revenue", round(claimed, 5), _SHOWN, met=True),
    ]


def same_twice_figure(outcomes: Floats, share: float) -> Figure:
    """False alarms among replays of users who were all treated alike."""
    found = same_twice(outcomes, share, alpha=ALPHA, replays=1_000, seed=1)
    wanted = f"{ALPHA} within {found.interval[0]:.3f} to {found.interval[1]:.3f}"
    return Figure("A/A: rate of false alarms", found.rate, wanted, found.is_sound)


def simulate_contract(simulate: Simulate, seed: int, effect: float, months: int = MONTHS) -> Contract:
    """One shop over some months, read and billed at the end of each."""
    readings: list[Reading] = []
    truths: list[float] = []
    ours, theirs = np.zeros(3), np.zeros(3)
    claimed = revenue = uncarried = truth = 0.0
    first: Effect | None = None
    for number in range(1, months + 1):
        month = simulate(seed, number, effect)
        alone = (_sums(month.outcomes[~month.held_out]), _sums(month.outcomes[month.held_out]))
        ours, theirs = ours + alone[0], theirs + alone[1]
        now = compare(_arm(alone[0]), _arm(alone[1]), ALPHA)
        first = first or now
        readings.append(_reading(number, _arm(ours), _arm(theirs), len(month.outcomes) * months))
        uncarried += max(0.0, now.incremental)
        claimed, revenue, truth = claimed + month.claimed, revenue + month.revenue, truth + month.truth
        truths.append(truth)
    assert first is not None, "a contract has a month"
    bills = {basis: bill_months(readings, basis) for basis in Basis}
    return Contract(bills, tuple(truths), claimed, revenue, uncarried, first)


def _reading(number: int, treated: Arm, held_out: Arm, planned: int) -> Reading:
    """To date; the bound is one-sided and always valid, for it is read every month."""
    effect = compare(treated, held_out, ALPHA)
    users = treated.users + held_out.users
    reach = always_valid_reach(effect.incremental_error, users, planned, 2 * ALPHA)
    return reading_of(f"2026-{number:02d}", _CURRENCY, effect.incremental, effect.incremental - reach)


def _billed(contracts: Sequence[Contract], basis: Basis) -> float:
    return sum(float(contract.bills[basis][-1].billed_to_date.amount) for contract in contracts)


def _ever_over(contract: Contract) -> bool:
    """Whether billing on the lower bound ever billed more than the truth to date."""
    bills = contract.bills[Basis.LOWER_BOUND]
    return any(float(bill.billed_to_date.amount) > truth for bill, truth in zip(bills, contract.truths, strict=True))


def _over_truth(name: str, over: int, contracts: int) -> Figure:
    wanted = f"<= {0.07 * contracts:g} of {contracts}"
    return Figure(f"{name}: contracts over the truth on the bound", over, wanted, over <= 0.07 * contracts)


def _sums(values: Floats) -> Floats:
    return np.array([len(values), values.sum(), values @ values])


def _arm(sums: Floats) -> Arm:
    return Arm.of_sums(int(sums[0]), float(sums[1]), float(sums[2]))


def _near(name: str, got: float, wanted: float, digits: int) -> Figure:
    return Figure(name, round(got, digits), f"{wanted}", abs(got - wanted) <= 0.5000001 * 10.0**-digits)
