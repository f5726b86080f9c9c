"""Who is held out: the same for ever, in the planned share, independently between experiments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.assignment import (
    HOLDOUT,
    MILLION,
    TREATED,
    Split,
    holdout_split,
    share_in_ppm,
)

SUBJECTS = [f"subject-{number}" for number in range(20_000)]
keys = st.text(st.characters(codec="utf-8", exclude_characters="@"), min_size=1, max_size=40)


@given(keys, keys, st.integers(1, MILLION - 1), st.integers(1, 1000))
def test_the_same_question_has_the_same_answer(salt: str, subject: str, share: int, version: int) -> None:
    split = holdout_split(salt, share, version)
    assert split.assign(subject) == holdout_split(salt, share, version).assign(subject)
    assert split.assign(subject).is_held_out == (split.assign(subject).arm == HOLDOUT)


def test_a_known_subject_stays_where_it_is() -> None:
    split = holdout_split("spring", 100_000)
    points = [round(split.assign(name).point, 9) for name in ("a", "b", "c")]
    assert points == [0.340100362, 0.810211451, 0.852686492]


@given(keys, st.integers(1, MILLION - 2), st.data())
def test_a_larger_holdout_keeps_whom_it_had(subject: str, share: int, data: st.DataObject) -> None:
    larger = data.draw(st.integers(share + 1, MILLION - 1))
    if holdout_split("s", share).assign(subject).is_held_out:
        assert holdout_split("s", larger).assign(subject).is_held_out


@pytest.mark.parametrize("share", [10_000, 100_000, 500_000])
def test_shares_are_as_planned(share: int) -> None:
    counted = holdout_split("share", share).count(SUBJECTS)
    expected = len(SUBJECTS) * share / MILLION
    assert abs(counted[HOLDOUT] - expected) < 4 * (expected * (1 - share / MILLION)) ** 0.5
    assert sum(counted.values()) == len(SUBJECTS)


def test_points_are_uniform() -> None:
    split = holdout_split("uniform", 500_000)
    points = sorted(split.assign(name).point for name in SUBJECTS)
    distance = max(abs(point - rank / len(points)) for rank, point in enumerate(points))
    assert distance < 1.63 / len(points) ** 0.5  # Kolmogorov-Smirnov at 1 %.


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(holdout_split("second", 500_000), id="salt"),
        pytest.param(holdout_split("first", 500_000, version=2), id="version"),
    ],
)
def test_experiments_deal_independently(other: Split) -> None:
    first = holdout_split("first", 500_000)
    both = sum(first.assign(name).is_held_out and other.assign(name).is_held_out for name in SUBJECTS)
    assert abs(both - len(SUBJECTS) / 4) < 4 * (len(SUBJECTS) * 3 / 16) ** 0.5


def test_salt_and_subject_are_kept_apart() -> None:
    assert holdout_split("ab", 1).assign("c").point != holdout_split("a", 1).assign("bc").point


def test_several_arms_share_the_line() -> None:
    split = Split("models", (("shapley", 300_000), ("markov", 300_000), ("default", 400_000)))
    counted = split.count(SUBJECTS)
    for arm, count in counted.items():
        expected = len(SUBJECTS) * split.share_of(arm)
        assert abs(count - expected) < 4 * expected**0.5


@pytest.mark.parametrize(
    ("arms", "reason"),
    [
        pytest.param((("a", 400_000), ("b", 500_000)), "BAD_SHARE", id="not-a-million"),
        pytest.param((("a", 0), ("b", MILLION)), "BAD_SHARE", id="empty-arm"),
        pytest.param((("a", MILLION),), "BAD_ARMS", id="one-arm"),
        pytest.param((("a", 500_000), ("a", 500_000)), "BAD_ARMS", id="same-name"),
        pytest.param((("A b", 500_000), ("b", 500_000)), "BAD_ARMS", id="bad-name"),
    ],
)
def test_a_split_that_is_none_is_refused(arms: tuple[tuple[str, int], ...], reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Split("s", arms)
    assert caught.value.reason == reason


@pytest.mark.parametrize("subject", ["", "x" * 257, "jo@example.org"])
def test_a_subject_is_an_opaque_key(subject: str) -> None:
    with pytest.raises(InvalidInput, match="opaque"):
        holdout_split("s", 1).assign(subject)


def test_a_refused_subject_is_not_repeated_in_the_message() -> None:
    with pytest.raises(InvalidInput) as caught:
        holdout_split("s", 1).assign("jo@example.org")
    assert "jo" not in caught.value.message


def test_a_share_is_whole_millionths() -> None:
    assert share_in_ppm(0.1) == 100_000
    for share in (0.0, 1.0, -0.1, 1.5, 0.12345678):
        with pytest.raises(InvalidInput):
            share_in_ppm(share)


def test_a_holdout_has_two_arms() -> None:
    assert [name for name, _ in holdout_split("s", 1).arms] == [HOLDOUT, TREATED]
    with pytest.raises(InvalidInput):
        holdout_split("s", MILLION)
