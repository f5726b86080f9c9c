"""Credit over columns: Shapley against its definition, rules of thumb against the models that decide per order."""

from __future__ import annotations

import datetime as dt
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.model import Case, Rules, Touch
from kiki.orchestrator.attribution.path_credit import RULES, Credit, by_position, shapley
from kiki.orchestrator.attribution.path_models import shapley_model
from kiki.orchestrator.attribution.path_report import PATH_MODELS, PathStudy, report, study
from kiki.orchestrator.attribution.paths import Channels, Path, chunked, path_of
from kiki.orchestrator.attribution.touch_models import TOUCH_MODELS
from unit.orchestrator.attribution.journeys import NAMES, paths, put

PLACED = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def credited(drawn: list[Path], rule: str) -> dict[str, float]:
    chunk, channels = put(drawn)
    credit = Credit()
    credit.add(chunk, RULES[rule](chunk), len(channels))
    return dict(zip(channels.names, credit.conversions.tolist(), strict=True))


def by_definition(drawn: list[Path]) -> dict[str, float]:
    """Mean marginal contribution over all orders of joining, with v(S) = conversions of paths within S."""

    def worth(coalition: frozenset[str]) -> float:
        return sum(path.conversions for path in drawn if path.channels and set(path.channels) <= coalition)

    found = dict.fromkeys(NAMES, 0.0)
    for order in itertools.permutations(NAMES):
        for at, name in enumerate(order):
            found[name] += worth(frozenset(order[: at + 1])) - worth(frozenset(order[:at]))
    return {name: value / math.factorial(len(NAMES)) for name, value in found.items()}


@given(drawn=paths)
def test_shapley_equals_its_definition(drawn: list[Path]) -> None:
    assert credited(drawn, "shapley") == pytest.approx(by_definition(drawn))


@pytest.mark.parametrize("rule", RULES)
@given(drawn=paths)
def test_credit_is_never_negative_and_sums_to_what_touched_paths_brought(rule: str, drawn: list[Path]) -> None:
    found = credited(drawn, rule)
    assert min(found.values()) >= 0
    assert sum(found.values()) == pytest.approx(sum(path.conversions for path in drawn if path.channels))


@given(drawn=paths)
def test_a_channel_on_no_converting_path_is_a_null_player(drawn: list[Path]) -> None:
    found = credited([*drawn, Path(("d",), 0, 3)], "shapley")
    for name in NAMES:
        converts = any(path.conversions and name in path.channels for path in drawn)
        assert (found[name] > 0) == converts


@given(drawn=paths)
def test_channels_that_change_places_change_credit(drawn: list[Path]) -> None:
    swap = {"a": "b", "b": "a"}
    swapped = [
        Path(tuple(swap.get(name, name) for name in path.channels), path.conversions, path.nulls) for path in drawn
    ]
    found, other = credited(drawn, "shapley"), credited(swapped, "shapley")
    assert (found["a"], found["b"], found["c"]) == pytest.approx((other["b"], other["a"], other["c"]))


def test_the_ordered_variant_sums_to_the_plain_one() -> None:
    chunk, channels = put([Path(("a", "b", "a"), 4, 0), Path(("b",), 1, 0)])
    ordered = by_position(chunk, shapley(chunk), len(channels), 3)
    assert ordered[:2].tolist() == [[1, 0, 1], [1, 2, 0]]
    assert ordered.sum(axis=1).tolist() == pytest.approx(
        list(credited([Path(("a", "b", "a"), 4), Path(("b",), 1)], "shapley").values())
    )
    assert by_position(chunk, shapley(chunk), len(channels), 2)[:2].tolist() == [[1, 1], [1, 2]]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 29 * 24), st.sampled_from(NAMES)), min_size=1, max_size=6),
        min_size=1,
        max_size=5,
    )
)
def test_sums_over_orders_are_what_the_columns_say(orders: list[list[tuple[int, str]]]) -> None:
    cases = [
        Case(
            f"o{number}",
            PLACED,
            tuple(
                Touch(f"t{at}", name, "click", PLACED - dt.timedelta(hours=hours))
                for at, (hours, name) in enumerate(touches)
            ),
            None,
            (),
            Rules(),
        )
        for number, touches in enumerate(orders)
    ]
    channels = Channels(NAMES)
    (chunk,) = chunked([path_of(case, 1.0) for case in cases], channels)
    for name, model in {**TOUCH_MODELS, "shapley": shapley_model()}.items():
        summed = dict.fromkeys(NAMES, 0.0)
        for case in cases:
            for campaign, share in model.decide(case).shares:
                summed[campaign] += float(share)
        credit = Credit()
        credit.add(chunk, RULES[name](chunk), len(channels))
        assert dict(zip(NAMES, credit.conversions.tolist(), strict=True)) == pytest.approx(summed, abs=1e-4)


@given(drawn=paths, size=st.integers(1, 6))
def test_chunks_change_nothing(drawn: list[Path], size: int) -> None:
    whole = study(drawn, PATH_MODELS)
    parts = PathStudy.of(PATH_MODELS)
    for chunk in chunked(drawn, parts.channels, size):
        part = PathStudy.of(PATH_MODELS, channels=parts.channels)
        part.add(chunk)
        parts.merge(part)
    once, merged = report(whole, PATH_MODELS), report(parts, PATH_MODELS)
    assert {name: once[name] for name in ("rows", "paths", "conversions", "value", "p_conversion")} == {
        name: merged[name] for name in ("rows", "paths", "conversions", "value", "p_conversion")
    }
    for name in PATH_MODELS:
        assert merged["models"][name]["attribution"] == pytest.approx(once["models"][name]["attribution"], abs=1e-12)


def test_a_chunk_holds_no_more_than_it_may() -> None:
    drawn = [Path(("a",) * 3)] * 10 + [Path(())] * 20 + [Path(("a",) * 9)]
    sizes = [int(chunk.offsets[-1]) for chunk in chunked(drawn, Channels(), 7)]
    assert sum(sizes) == 39
    assert max(sizes) == 9, "a longer path is a chunk of its own"
    assert all(len(chunk) <= 7 for chunk in chunked(drawn, Channels(), 7))


def test_unknown_models_and_channels_are_refused() -> None:
    with pytest.raises(InvalidInput, match="learned"):
        study([], ["learned"])
    with pytest.raises(InvalidInput, match="'direct'"):
        report(study([Path(("a",))], ["markov"]), ["markov"], keep=["direct"])


def test_no_path_at_all_has_a_report() -> None:
    found = report(study([], PATH_MODELS), PATH_MODELS)
    assert (found["p_conversion"], found["models"]["markov"]["channels"]) == (0, [])


def test_unknown_times_are_told() -> None:
    unknown = report(study([Path(("a", "b"))], ["time_decay"]), ["time_decay"])["models"]["time_decay"]
    known = report(study([Path(("a", "b"), days=(7.0, 0.0))], ["time_decay"]), ["time_decay"])["models"]["time_decay"]
    assert "one day" in unknown["note"]
    assert "note" not in known
    assert known["attribution"] == pytest.approx({"a": 1 / 3, "b": 2 / 3})


def test_credit_of_different_widths_adds_up() -> None:
    one, two = Credit(np.array([1.0]), np.array([2.0])), Credit(np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    one.merge(two)
    assert (one.conversions.tolist(), one.value.tolist()) == ([2, 1], [3, 1])
