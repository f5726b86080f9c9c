"""Arms that did not fill as planned are noticed, and the analysis does not cry wolf."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.checks import SameTwice, same_twice, sample_ratio


@given(st.integers(1, 5_000), st.integers(1, 5_000), st.floats(0.01, 0.99))
def test_the_ratio_check_is_the_chi_square_test(held_out: int, treated: int, share: float) -> None:
    users = held_out + treated
    wanted = stats.chisquare([held_out, treated], [users * share, users * (1 - share)])
    assert sample_ratio(held_out, users, share).p_value == pytest.approx(wanted.pvalue, abs=1e-12)


def test_a_lost_part_of_an_arm_is_suspect() -> None:
    assert not sample_ratio(1_050, 10_000, 0.1).is_suspect
    assert sample_ratio(850, 10_000, 0.1).is_suspect


@pytest.mark.parametrize(("held_out", "users", "share"), [(0, 0, 0.1), (5, 4, 0.1), (1, 4, 0.0), (1, 4, 1.0)])
def test_a_ratio_of_nothing_is_refused(held_out: int, users: int, share: float) -> None:
    with pytest.raises(InvalidInput):
        sample_ratio(held_out, users, share)


def test_equal_arms_look_equal() -> None:
    generator = np.random.default_rng(5)
    values = np.where(generator.random(20_000) < 0.1, generator.lognormal(4, 0.6, 20_000), 0.0)
    found = same_twice(values, 0.2, alpha=0.1, replays=400, seed=1)
    assert found.is_sound
    assert found == same_twice(values, 0.2, alpha=0.1, replays=400, seed=1)


def test_one_user_who_decides_everything_breaks_the_analysis() -> None:
    values = np.zeros(2_000)
    values[0] = 1e6
    assert not same_twice(values, 0.1, alpha=0.05, replays=400, seed=1).is_sound


@pytest.mark.parametrize(("alarms", "sound"), [(50, True), (90, False), (20, False)])
def test_soundness_is_the_promised_rate_within_the_noise(alarms: int, sound: bool) -> None:
    assert SameTwice(1_000, alarms, 0.05).is_sound is sound


@pytest.mark.parametrize(("share", "replays"), [(0.0, 10), (1.0, 10), (0.5, 0)])
def test_replays_want_a_share(share: float, replays: int) -> None:
    with pytest.raises(InvalidInput):
        same_twice(np.ones(10), share, alpha=0.05, replays=replays, seed=1)
