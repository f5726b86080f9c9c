"""Simulated visitors: the truth adds up, ads chase those who would buy anyhow, and a seed says it all."""

from __future__ import annotations

import csv
import io
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.sandbox.visitors import COLUMNS, TRUTH_COLUMNS, Visitors, World, as_csv, simulate_visitors

WORLD = World(users=5_000)
worlds = st.builds(
    World,
    users=st.integers(1, 2_000),
    holdout_share=st.floats(0, 1),
    effect=st.floats(0, 1),
    promoted_share=st.floats(0, 1),
)


@given(worlds, st.integers(0, 10**6), st.integers(1, 24))
def test_what_is_seen_and_what_is_true_agree(world: World, seed: int, month: int) -> None:
    seen = simulate_visitors(world, seed, month)
    assert (seen.exposed == (seen.eligible & ~seen.holdout)).all()
    assert (seen.ordered == (seen.buys_anyhow | seen.caused)).all()
    assert not (seen.buys_anyhow & seen.caused).any()
    assert (seen.exposed | ~seen.caused).all()
    assert (seen.exposed | (seen.clicks == 0)).all()
    assert (seen.acquired == ((seen.clicks > 0) & ~seen.returning)).all()
    assert ((seen.amount_minor > 0) == seen.ordered).all()
    assert ((seen.chance_caused >= 0) & (seen.chance_caused <= 1)).all()
    assert seen.true_incremental_minor == seen.amount_minor[seen.caused].sum()


def same(one: Visitors, other: Visitors) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Visitors))


def test_a_seed_and_a_month_say_it_all() -> None:
    first = simulate_visitors(WORLD, 1)
    assert same(first, simulate_visitors(WORLD, 1))
    assert not same(first, simulate_visitors(WORLD, 2))
    assert not same(first, simulate_visitors(WORLD, 1, month=2))


def test_no_effect_causes_nothing() -> None:
    seen = simulate_visitors(replace(WORLD, effect=0.0), 3)
    assert not seen.caused.any()
    assert seen.true_incremental_minor == 0
    assert not seen.chance_caused.any()


def test_targeting_finds_those_who_would_buy_anyhow() -> None:
    seen = simulate_visitors(World(users=100_000), 1)
    anyhow = seen.buys_anyhow
    assert anyhow[seen.eligible].mean() > 1.2 * anyhow[~seen.eligible].mean()
    assert anyhow[seen.clicks > 0].mean() > anyhow[seen.eligible].mean()


def test_the_chance_that_an_order_was_caused_is_calibrated() -> None:
    seen = simulate_visitors(World(users=400_000), 1)
    orders = seen.exposed & seen.ordered
    chance, caused = seen.chance_caused[orders], seen.caused[orders]
    for low, high in ((0.0, 0.2), (0.2, 0.4), (0.4, 1.0)):
        part = (chance >= low) & (chance < high)
        assert caused[part].mean() == pytest.approx(chance[part].mean(), abs=0.02)


def test_the_shop_is_of_the_size_that_it_says() -> None:
    seen = simulate_visitors(World(), 5)
    assert seen.ordered.sum() == pytest.approx(3_750, rel=0.06)
    assert seen.holdout.mean() == pytest.approx(0.1, abs=0.006)
    assert seen.eligible.mean() == pytest.approx(0.28, abs=0.01)


def test_rows_are_what_a_shop_sees() -> None:
    seen = simulate_visitors(WORLD, 1)
    rows = list(csv.DictReader(io.StringIO(as_csv(COLUMNS, seen.rows()))))
    truth = list(csv.DictReader(io.StringIO(as_csv(TRUTH_COLUMNS, seen.truth_rows()))))
    assert len(rows) == len(truth) == WORLD.users
    assert tuple(rows[0]) == COLUMNS
    amounts = np.array([round(100 * float(row["order_amount"])) for row in rows])
    assert (amounts == seen.amount_minor).all()
    assert [row["holdout"] for row in rows] == [str(int(flag)) for flag in seen.holdout]
    assert sum(int(row["truly_incremental"]) for row in truth) == seen.caused.sum()


@pytest.mark.parametrize("wrong", [{"users": 0}, {"holdout_share": 1.1}, {"effect": -0.1}, {"promoted_share": 2.0}])
def test_a_world_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        World(**wrong)  # type: ignore[arg-type]  # a table of fields
