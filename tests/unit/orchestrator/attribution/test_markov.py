"""The chain of all paths: exact removal effects, whatever the paths look like."""

from __future__ import annotations

import json
from collections import defaultdict
from fractions import Fraction
from itertools import pairwise
from pathlib import Path as File

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution import chain
from kiki.orchestrator.attribution.fitted import MarkovParameters
from kiki.orchestrator.attribution.markov import (
    TransitionCounts,
    fit_markov,
    joint_removal_effect,
    solved_conversion,
)
from kiki.orchestrator.attribution.paths import Channels, Path, columns
from unit.orchestrator.attribution.journeys import NAMES, paths, put

SHARED = File(__file__).resolve().parents[5] / "shared" / "data" / "markov_three_paths.json"
THREE = [Path(("C1", "C2", "C3"), 1, 0), Path(("C1",), 0, 1), Path(("C2", "C3"), 0, 1)]


def counted(given_paths: list[Path], order: int = 1) -> tuple[TransitionCounts, Channels]:
    channels = Channels()
    counts = TransitionCounts(order)
    counts.add(columns(given_paths, channels))
    return counts, channels


def fitted(given_paths: list[Path], order: int = 1, keep: tuple[str, ...] = ()) -> MarkovParameters:
    return fit_markov(*counted(given_paths, order), keep=keep)


def effects(parameters: MarkovParameters) -> dict[str, float]:
    return {effect.channel: effect.effect for effect in parameters.effects}


def p_by_fractions(given_paths: list[Path], removed: frozenset[str], order: int = 1) -> Fraction:
    """P(conversion) when what enters `removed` is lost, by elimination in exact fractions."""
    moves: dict[object, dict[object, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for path in given_paths:
        weight = Fraction(path.conversions) + Fraction(path.nulls)
        states = ["start", *(path.channels[max(0, at + 1 - order) : at + 1] for at in range(len(path.channels)))]
        for before, after in pairwise(states):
            moves[before][after] += weight
        moves[states[-1]]["conversion"] += Fraction(path.conversions)
        moves[states[-1]]["null"] += Fraction(path.nulls)
    chance = {}
    for state, targets in moves.items():
        total = sum(targets.values())
        chance[state] = {to: weight / total for to, weight in targets.items() if total and weight}
    lost = [state for state in chance if state != "start" and state[-1] in removed]  # type: ignore[index]
    for state in lost:
        chance.pop(state)
    for state in [state for state in chance if state != "start"]:
        own = chance.pop(state)
        stays = own.pop(state, Fraction(0))
        for targets in chance.values():
            through = targets.pop(state, Fraction(0))
            for to, part in own.items():
                if through:
                    targets[to] = targets.get(to, Fraction(0)) + through * part / (1 - stays)
    return chance.get("start", {}).get("conversion", Fraction(0))


def test_three_paths_are_exact() -> None:
    parameters = fitted(THREE)
    assert effects(parameters) == {"C1": 0.5, "C2": 1.0, "C3": 1.0}
    assert {effect.channel: effect.share for effect in parameters.effects} == {"C1": 0.2, "C2": 0.4, "C3": 0.4}
    assert parameters.base_probability == 1 / 3


def test_three_paths_are_what_the_file_says() -> None:
    if not SHARED.exists():
        pytest.skip("the reference data are not beside this repository (../shared/data)")
    known = json.loads(SHARED.read_text())
    parameters = fitted([Path(tuple(row["path"]), row["conv"], row["null"]) for row in known["paths"]])
    assert effects(parameters) == known["markov_order1"]["removal_effect"]
    assert {effect.channel: effect.share for effect in parameters.effects} == known["markov_order1"]["attribution"]
    assert parameters.base_probability == known["markov_order1"]["p_conversion"]


@pytest.mark.parametrize("order", [1, 2, 3])
@given(drawn=paths)
def test_the_chain_converts_as_often_as_its_paths_did(order: int, drawn: list[Path]) -> None:
    counts, channels = counted(drawn, order)
    total = sum(path.conversions + path.nulls for path in drawn)
    wanted = sum(path.conversions for path in drawn) / total if total else 0.0
    assert fit_markov(counts, channels).base_probability == wanted
    assert solved_conversion(counts) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
@given(drawn=paths)
def test_removal_effects_equal_those_by_elimination_in_fractions(order: int, drawn: list[Path]) -> None:
    base = p_by_fractions(drawn, frozenset(), order)
    for channel, effect in effects(fitted(drawn, order)).items():
        wanted = 1 - p_by_fractions(drawn, frozenset(channel), order) / base if base else Fraction(0)
        assert effect == pytest.approx(float(wanted), abs=1e-12)


@given(drawn=paths, removed=st.sets(st.sampled_from(NAMES)))
def test_channels_are_removed_together(drawn: list[Path], removed: set[str]) -> None:
    base = p_by_fractions(drawn, frozenset())
    wanted = 1 - p_by_fractions(drawn, frozenset(removed)) / base if base else Fraction(0)
    assert joint_removal_effect(*counted(drawn), removed) == pytest.approx(float(wanted), abs=1e-12)


@given(drawn=paths)
def test_credit_sums_to_what_touched_paths_brought(drawn: list[Path]) -> None:
    parameters = fitted(drawn)
    direct = [path for path in drawn if not path.channels]
    assert parameters.unattributed == pytest.approx(sum(path.conversions for path in direct))
    credited = sum(effect.conversions for effect in parameters.effects)
    assert credited + parameters.unattributed == pytest.approx(parameters.conversions)
    assert all(0 <= effect.effect <= 1 and effect.conversions >= 0 for effect in parameters.effects)


@given(drawn=paths, cut=st.integers(0, 8), order=st.integers(1, 3))
def test_counting_in_parts_is_counting_at_once(drawn: list[Path], cut: int, order: int) -> None:
    chunk, channels = put(drawn)
    whole, first, second = TransitionCounts(order), TransitionCounts(order), TransitionCounts(order)
    whole.add(chunk)
    first.add(put(drawn[:cut])[0])
    second.add(put(drawn[cut:])[0])
    second.merge(first)
    assert fit_markov(second, channels) == fit_markov(whole, channels)


def test_a_loop_changes_nothing() -> None:
    once = fitted([Path(("a", "b"), 2, 1), Path(("b",), 1, 3)])
    looped = fitted([Path(("a", "a", "a", "b", "b"), 2, 1), Path(("b", "b"), 1, 3)])
    assert effects(looped) == pytest.approx(effects(once))


@pytest.mark.parametrize(
    "given_paths",
    [
        pytest.param([], id="nothing"),
        pytest.param([Path((), 0, 5)], id="empty-paths"),
        pytest.param([Path(("a", "b"), 0, 5), Path(("a",), 0, 1)], id="only-nulls"),
        pytest.param([Path(("a", "b"), 0, 0)], id="neither"),
    ],
)
def test_where_nothing_converted_nothing_is_credited(given_paths: list[Path]) -> None:
    parameters = fitted(given_paths)
    assert all((effect.effect, effect.share, effect.conversions) == (0, 0, 0) for effect in parameters.effects)
    assert parameters.base_probability == 0


def test_paths_without_touchpoints_convert_and_nobody_is_credited() -> None:
    parameters = fitted([Path((), 3, 1, 30.0), Path(("a",), 1, 0, 10.0)])
    assert (parameters.base_probability, parameters.unattributed, parameters.unattributed_value) == (0.8, 3, 30)
    assert effects(parameters) == {"a": 0.25}
    assert [(effect.conversions, effect.value) for effect in parameters.effects] == [(1, 10)]


def test_a_channel_that_cannot_be_removed_gets_nothing() -> None:
    given_paths = [Path(("direct",), 2, 0), Path(("a", "direct"), 1, 0), Path(("b",), 1, 0)]
    parameters = fitted(given_paths, keep=("direct",))
    assert set(effects(parameters)) == {"a", "b"}
    assert parameters.unattributed == pytest.approx(2)
    assert sum(effect.conversions for effect in parameters.effects) == pytest.approx(2)


def test_value_follows_the_value_that_is_lost() -> None:
    parameters = fitted([Path(("a",), 1, 0, 90.0), Path(("b",), 1, 0, 10.0)])
    assert [(effect.share, effect.value_effect, effect.value) for effect in parameters.effects] == [
        (0.5, 0.9, 90.0),
        (0.5, 0.1, 10.0),
    ]


@pytest.mark.parametrize("order", [1, 2])
def test_many_channels_are_solved_sparsely_with_the_same_result(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    drawn = [
        Path(tuple(f"c{code}" for code in random.integers(60, size=random.integers(1, 6))), float(at % 3 == 0), 1.0)
        for at in range(300)
    ]
    dense = effects(fitted(drawn, order))
    monkeypatch.setattr(chain, "_DENSE_STATES", 0)
    monkeypatch.setattr(chain, "_DENSE_STATES_WHEN_FULL", 0)
    monkeypatch.setattr(chain, "_BLOCK", 7)
    assert effects(fitted(drawn, order)) == pytest.approx(dense, abs=1e-11)
    monkeypatch.setattr(chain, "bicgstab", lambda _system, reward, **_options: (0 * reward, 1))
    assert effects(fitted(drawn, order)) == pytest.approx(dense, abs=1e-11), "by sweeps"


def test_a_second_order_remembers_where_it_came_from() -> None:
    given_paths = [Path(("a", "c"), 1, 0), Path(("b", "c"), 0, 1)]
    assert effects(fitted(given_paths, 1))["b"] == pytest.approx(0.5)
    assert effects(fitted(given_paths, 2))["b"] == pytest.approx(0.0)


def test_an_order_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInput, match="1 to 4"):
        TransitionCounts(5)
    with pytest.raises(InvalidInput, match="do not add up"):
        TransitionCounts(1).merge(TransitionCounts(2))


def test_counts_are_counts() -> None:
    with pytest.raises(InvalidInput, match="conversions are counts"):
        counted([Path(("a",), -1, 0)])
    with pytest.raises(InvalidInput, match="a day per touchpoint"):
        counted([Path(("a", "b"), 1, 0, days=(1.0,))])


def test_parameters_are_read_back_with_the_same_fingerprint() -> None:
    parameters = fitted(THREE)
    again = MarkovParameters.from_plain(json.loads(json.dumps(parameters.to_plain())))
    assert (again, again.fingerprint) == (parameters, parameters.fingerprint)
    assert fitted(THREE[:2]).fingerprint != parameters.fingerprint
    with pytest.raises(InvalidInput, match="no MarkovParameters"):
        MarkovParameters.from_plain({"order": 1})
