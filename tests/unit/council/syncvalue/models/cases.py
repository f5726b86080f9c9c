"""Reference data beside the repository, small simulated stores, and hypothesis strategies of the models' tests."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from kiki.council.syncvalue.models.histories import Floats, Histories, Spend, histories, spend
from kiki.council.syncvalue.models.purchases import Purchases, observe, purchases
from kiki.council.syncvalue.models.simulate import SimulatedStore, simulate

_DATA = Path(__file__).resolve().parents[6] / "shared" / "data"
PARAMETERS = {
    "bgnbd": np.array([0.35, 5.0, 0.7, 2.8]),
    "mbgnbd": np.array([0.55, 6.0, 0.9, 1.7]),
    "pareto": np.array([0.6, 10.0, 0.7, 12.0]),
}
SPEND = np.array([5.5, 4.2, 18.0])
NAMES = tuple(PARAMETERS)


def reference(name: str) -> Path:
    """A file of the reference data; skips the test where they are absent."""
    path = _DATA / name
    if not path.is_file():
        pytest.skip("the reference data are not beside this repository (../shared/data)")
    return path


def cdnow() -> Histories:
    """CDNOW's customers at week 39, as published."""
    table = np.genfromtxt(reference("cdnow/cdnow_customers_summary.csv"), delimiter=",", skip_header=1)
    return histories(table[:, 1], table[:, 2], table[:, 3])


def cdnow_spend() -> Spend:
    """The mean repeat spend of the same customers."""
    path = reference("cdnow/cdnow_customers_summary_with_transactions.csv")
    table = np.genfromtxt(path, delimiter=",", skip_header=1)
    return spend(np.where(table[:, 4] > 0, table[:, 1], 0), table[:, 4])


def cdnow_purchases() -> Purchases:
    """All purchases of the same customers, to week 78."""
    rows = [line.split() for line in reference("cdnow/CDNOW_sample.txt").read_text().splitlines()]
    days = [dt.date.fromisoformat(row[2]).toordinal() for row in rows]
    return purchases(np.array([int(row[1]) for row in rows]), np.array(days), np.array([float(row[4]) for row in rows]))


@lru_cache
def store(model: str, customers: int = 3_000, seed: int = 4) -> Purchases:
    """A simulated store over 78 weeks, arrivals in the first 26; parameters are `PARAMETERS`, in weeks."""
    weeks = PARAMETERS[model].copy()
    weeks[1] *= 7
    if model == "pareto":
        weeks[3] *= 7
    made = SimulatedStore(model, tuple(weeks.tolist()), tuple(SPEND.tolist()), customers, 182, 546)
    return simulate(made, seed)


def at_week(of: Purchases, week: int) -> Histories:
    """What was known of a simulated store's customers."""
    return observe(of, of.first_day + week * 7, "weeks").histories


@st.composite
def customers(draw: st.DrawFn) -> Histories:
    """Up to eight customers: none to thousands of purchases, hours to decades."""
    size = draw(st.integers(1, 8))
    x = draw(st.lists(st.one_of(st.integers(0, 5), st.integers(0, 5_000)), min_size=size, max_size=size))
    age = draw(st.lists(st.floats(0.01, 3_000), min_size=size, max_size=size))
    share = draw(st.lists(st.floats(0, 1), min_size=size, max_size=size))
    return histories(x, [t * s if n else 0.0 for n, t, s in zip(x, age, share, strict=True)], age)


@st.composite
def parameters(draw: st.DrawFn) -> Floats:
    """Four parameters between a fiftieth and fifty."""
    return np.exp(np.array(draw(st.lists(st.floats(-4, 4), min_size=4, max_size=4))))
