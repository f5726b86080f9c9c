"""Paths for tests: what hypothesis draws, and how to put them into columns."""

from __future__ import annotations

from hypothesis import strategies as st

from kiki.orchestrator.attribution.paths import Channels, Path, Paths, columns

NAMES = "abcd"

paths = st.lists(
    st.builds(
        Path,
        channels=st.lists(st.sampled_from(NAMES), max_size=5).map(tuple),
        conversions=st.integers(0, 3).map(float),
        nulls=st.integers(0, 3).map(float),
        value=st.integers(0, 50).map(float),
    ),
    max_size=8,
)


def put(paths: list[Path], names: str = NAMES) -> tuple[Paths, Channels]:
    """The paths in columns, and channels numbered in alphabetical order."""
    channels = Channels(names)
    return columns(paths, channels), channels
