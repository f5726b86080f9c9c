"""Rolling-origin back-test: what would have been said at earlier origins, against what then happened.

At each origin only the days before it are known. The plain 12-month average is tested beside the seasonal model, and
the intervals of the latter are stretched by how far off it was.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from kiki.council.syncvalue.seasonal.fitting import fit
from kiki.council.syncvalue.seasonal.forecast import Forecast, forecast, interval, log_deviation
from kiki.council.syncvalue.seasonal.outlook import Promotion
from kiki.council.syncvalue.seasonal.series import Array, Daily, from_first_sale, month_after, month_edges, whole_months

if TYPE_CHECKING:
    from kiki.council.syncvalue.seasonal.simulate import SimulatedStore

YEAR = 12
_ORIGINS = 5
_APART = 3
_USUAL_STRETCH = 1.2
_USUAL_WEIGHT = 4.0
_ORIGIN_WEIGHT = 0.5
"""Origins three months apart share most of the year that follows them."""
_STRETCH = (1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Origin:
    """One origin: the months that followed, what was expected of them, and how sure the model was of the year."""

    at: dt.date
    yearly: bool
    actual: Array
    seasonal: Array
    plain: float
    deviation: float

    @property
    def error(self) -> float:
        """Of the year's total, relative: positive when too much was expected."""
        return float(self.seasonal.sum() / self.actual.sum() - 1)

    @property
    def plain_error(self) -> float:
        """The same of the plain average."""
        return float(self.plain * len(self.actual) / self.actual.sum() - 1)


@dataclass(frozen=True, slots=True)
class BackTest:
    """All origins of a store, newest first; errors are medians of absolute relative ones."""

    origins: tuple[Origin, ...]

    @property
    def error(self) -> float:
        """Of the seasonal model's twelve-month totals."""
        return _median(abs(origin.error) for origin in self.origins)

    @property
    def plain_error(self) -> float:
        """Of the plain average's twelve-month totals."""
        return _median(abs(origin.plain_error) for origin in self.origins)

    @property
    def month_error(self) -> float:
        """Of the seasonal model's single months, as a share of the average month."""
        return _median(
            off for origin in self.origins for off in np.abs(origin.seasonal - origin.actual) / origin.actual.mean()
        )

    @property
    def plain_month_error(self) -> float:
        """The same of the plain average."""
        return _median(
            off for origin in self.origins for off in np.abs(origin.plain - origin.actual) / origin.actual.mean()
        )

    @property
    def seasonal_is_better(self) -> bool:
        """The rule of recommendation: the plain average was not nearer both by the month and by the year."""
        return self.error <= self.plain_error or self.month_error <= self.plain_month_error

    @property
    def stretch(self) -> float:
        """What the interval's width is multiplied with: misses against what was expected of them, drawn to 1.2."""
        misses = [np.log(o.seasonal.sum() / o.actual.sum()) / o.deviation for o in self.origins]
        weight = _USUAL_WEIGHT + _ORIGIN_WEIGHT * len(misses)
        mean = (_USUAL_WEIGHT * _USUAL_STRETCH**2 + _ORIGIN_WEIGHT * float(np.square(misses).sum())) / weight
        return float(np.clip(np.sqrt(mean), *_STRETCH))

    def covered(self, level: float) -> float:
        """Part of the origins whose year lay within the stretched interval, taken as log-normal."""
        reach = NormalDist().inv_cdf((1 + level) / 2) * self.stretch
        held = [abs(np.log(o.seasonal.sum() / o.actual.sum())) <= reach * o.deviation for o in self.origins]
        return float(np.mean(held))


UNTESTED_STRETCH = 1.5
"""Where there is too little history for a back-test."""


def back_test(series: Daily, promotions: Sequence[Promotion] = ()) -> BackTest | None:
    """None when the series holds fewer than 24 whole months from its first sale on, or a year without revenue.

    Origins lie 12, 15, 18, … months before the end, five at most, each with twelve months or more before it; those
    whose yearly season cannot be told are left out where there are others. Promotions after an origin are known at it
    only when such after the series' end are known now.
    """
    months = whole_months(from_first_sale(series))
    ends = [month_after(months.end, -YEAR - _APART * number) for number in range(_ORIGINS)]
    known = [end for end in ends if end >= month_after(months.start, YEAR)] if len(months.revenue) else []
    tested = [_at(series, promotions, end) for end in known]
    found = [origin for origin in tested if origin is not None]
    alike = [origin for origin in found if origin.yearly] or found
    return BackTest(tuple(alike)) if alike else None


def _at(series: Daily, promotions: Sequence[Promotion], origin: dt.date) -> Origin | None:
    if not any(promotion.first >= series.end for promotion in promotions):
        promotions = [promotion for promotion in promotions if promotion.first < origin]
    actual = _totals(series, month_edges(origin, YEAR))
    before = series.between(series.start, origin)
    plain = series.total(month_after(origin, -YEAR), origin) / YEAR
    if not (actual.sum() > 0 and plain > 0):
        return None
    fitted = fit(before, promotions, months_ahead=YEAR)
    ahead: Forecast = forecast(fitted, YEAR, promotions)
    return Origin(origin, fitted.yearly, actual, ahead.expected, plain, log_deviation(ahead.draws.sum(axis=1)))


def _totals(series: Daily, edges: Sequence[dt.date]) -> Array:
    return np.array([series.total(first, end) for first, end in pairwise(edges)])


def _median(values: Iterable[float]) -> float:
    return float(np.median(list(values)))


def benchmark_figures(stores: int, seed: int, roughness: float = 1.0) -> dict[str, float]:
    """Simulated stores' next-year totals against what was expected of them; errors are relative.

    `median_error` and its kin are of the seasonal model, `plain_…` of the 12-month average, `recommended_…` of the one
    that the store's own back-test recommends, `clairvoyant_…` of the simulation's own expected revenue: what chance
    in the orders alone leaves.
    """
    from kiki.council.syncvalue.seasonal import simulate

    rows = [_compared(store) for store in simulate.stores(stores, seed, roughness)]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    figures = {"stores": float(stores)}
    for name in ("", "plain_", "recommended_", "clairvoyant_"):
        off = table[f"{name}off"]
        figures[f"{name}median_error"] = float(np.median(np.abs(off)))
        figures[f"{name}mean_error"] = float(np.mean(np.abs(off)))
        figures[f"{name}bias"] = float(np.mean(off))
    figures["median_month_error"] = float(np.median(table["month_off"]))
    figures["plain_median_month_error"] = float(np.median(table["plain_month_off"]))
    figures["median_back_test_error"] = float(np.median(table["back_test"]))
    figures["year_coverage_90"] = float(np.mean(table["covered"]))
    figures["month_coverage_90"] = float(np.mean(table["months_covered"]))
    figures["recommended_share"] = float(np.mean(table["recommended"]))
    figures["median_interval_width"] = float(np.median(table["width"]))
    for kind in simulate.ARCHETYPES:
        those = [
            abs(row["off"])
            for number, row in enumerate(rows)
            if simulate.ARCHETYPES[number % len(simulate.ARCHETYPES)] == kind
        ]
        if those:
            figures[f"median_error_{kind}"] = float(np.median(those))
    return figures


def _compared(store: SimulatedStore) -> dict[str, float]:
    """One simulated store: relative errors of its hold-out, and whether the intervals held."""
    edges = month_edges(store.origin, YEAR)
    actual = _totals(store.series, edges)
    year = float(actual.sum())
    told = [promotion for promotion in store.promotions if promotion.first < store.origin]
    tested = back_test(store.history, told)
    assert tested is not None, "a simulated store has 30 months or more"
    ahead = forecast(fit(store.history, told, months_ahead=YEAR), YEAR, told)
    plain = store.series.total(month_after(store.origin, -YEAR), store.origin) / YEAR
    lower, upper = interval(ahead.expected, ahead.draws, tested.stretch)
    total = ahead.expected.sum(keepdims=True)
    low, high = (float(end[0]) for end in interval(total, ahead.draws.sum(axis=1, keepdims=True), tested.stretch))
    off, plain_off = ahead.total() / year - 1, plain * YEAR / year - 1
    clairvoyant = float(store.expected[(store.origin - store.series.start).days :].sum())
    return {
        "off": off,
        "plain_off": plain_off,
        "recommended_off": off if tested.seasonal_is_better else plain_off,
        "clairvoyant_off": clairvoyant / year - 1,
        "month_off": float(np.median(np.abs(ahead.expected - actual) / actual.mean())),
        "plain_month_off": float(np.median(np.abs(plain - actual) / actual.mean())),
        "back_test": tested.error,
        "covered": float(low <= year <= high),
        "months_covered": float(np.mean((lower <= actual) & (actual <= upper))),
        "recommended": float(tested.seasonal_is_better),
        "width": (high - low) / float(total[0]),
    }
