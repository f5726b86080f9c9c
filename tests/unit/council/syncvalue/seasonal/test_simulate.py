"""Simulated stores are what they are called, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from kiki.council.syncvalue.seasonal.series import month_after
from kiki.council.syncvalue.seasonal.simulate import ARCHETYPES, SimulatedStore, stores


@pytest.fixture(scope="module")
def many() -> list[SimulatedStore]:
    return stores(64, seed=3)


def test_the_same_seed_gives_the_same_stores(many: list[SimulatedStore]) -> None:
    again = stores(64, seed=3)
    assert all((a.series.revenue == b.series.revenue).all() for a, b in zip(many, again, strict=True))
    assert not (many[0].series.revenue[:365] == stores(1, seed=4)[0].series.revenue[:365]).all()


def test_archetypes_take_turns_and_end_a_year_after_their_origin(many: list[SimulatedStore]) -> None:
    assert tuple(store.archetype for store in many[:8]) == ARCHETYPES
    for store in many:
        assert store.origin.day == 1
        assert store.series.end == month_after(store.origin, 12)
        assert len(store.expected) == len(store.series.revenue)


def test_revenue_is_about_what_was_to_be_expected(many: list[SimulatedStore]) -> None:
    ratio = [store.series.revenue.sum() / store.expected.sum() for store in many]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.02)


def test_archetypes_are_what_they_are_called(many: list[SimulatedStore]) -> None:
    def growth(kind: str) -> float:
        own = [store for store in many if store.archetype == kind]
        return float(np.median([store.expected[-365:].sum() / store.expected[:365].sum() for store in own]))

    assert growth("growth") > 1.3 > 0.9 > growth("decline")
    small = [store for store in many if store.archetype == "small"]
    assert all((store.series.revenue == 0).any() for store in small)
    assert all(bool(store.promotions) == (store.archetype == "promotions") for store in many)


def test_roughness_makes_years_differ(many: list[SimulatedStore]) -> None:
    rough = stores(64, seed=3, roughness=3.0)

    def wobble(group: list[SimulatedStore]) -> float:
        return float(np.median([np.std(np.diff(np.log(store.expected))) for store in group]))

    assert wobble(rough) > 1.2 * wobble(many)
