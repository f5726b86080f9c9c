"""A command keeps its digest when it gets fields that a request does not tell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.digest import grown_digests, semantic_digest

AT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class First:
    store_id: int
    zone: str
    at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Second:
    store_id: int
    zone: str
    at: dt.datetime | None
    experiment: str = ""


@dataclass(frozen=True, slots=True)
class Third:
    """Its newest field does not stand last."""

    store_id: int
    zone: str
    days: tuple[int, ...] = ()
    at: dt.datetime | None = None
    experiment: str = ""


LATER = ("experiment", "days")
stores, zones, times = st.integers(1, 9), st.sampled_from(["UTC", "Europe/Berlin"]), st.sampled_from([None, AT])


@given(stores, zones, times)
def test_a_field_that_is_not_told_changes_no_digest(store_id: int, zone: str, at: dt.datetime | None) -> None:
    first = semantic_digest("terms", First(store_id, zone, at))
    assert grown_digests("terms", First(store_id, zone, at), ())[0] == first
    assert grown_digests("terms", Second(store_id, zone, at), LATER[:1])[0] == first
    assert grown_digests("terms", Third(store_id, zone, at=at), LATER)[0] == first


@given(stores, zones, times, st.sampled_from(["", "e1"]))
def test_what_a_version_before_kept_is_known_again(
    store_id: int, zone: str, at: dt.datetime | None, experiment: str
) -> None:
    """`Second` left nothing out: its receipts hold the digest with the field at its default."""
    kept = semantic_digest("terms", Second(store_id, zone, at, experiment))
    now, former = grown_digests("terms", Third(store_id, zone, at=at, experiment=experiment), LATER)
    assert kept in (now, *former)
    assert semantic_digest("terms", Third(store_id, zone, at=at, experiment=experiment)) in (now, *former)
    assert (semantic_digest("terms", First(store_id, zone, at)) in (now, *former)) is (not experiment)


@pytest.mark.parametrize(
    ("told", "others"),
    [
        pytest.param(
            Third(1, "UTC"), [Third(2, "UTC"), Third(1, "UTC", at=AT), Third(1, "UTC", days=(1,))], id="plain"
        ),
        pytest.param(Third(1, "UTC", days=(1,)), [Third(1, "UTC"), Third(1, "UTC", days=(1, 2))], id="days"),
        pytest.param(
            Third(1, "UTC", experiment="e"), [Third(1, "UTC"), Third(1, "UTC", days=(1,), experiment="e")], id="both"
        ),
    ],
)
def test_other_content_has_no_digest_in_common(told: Third, others: Sequence[Third]) -> None:
    now, former = grown_digests("terms", told, LATER)
    assert now not in former
    for other in others:
        found, more = grown_digests("terms", other, LATER)
        assert not {now, *former} & {found, *more}
