"""Many customers' paths in columns: what the models are fitted on and what aggregate credit is computed from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.crediting import contacts_of
from kiki.orchestrator.attribution.model import Case

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CHUNK_TOUCHES = 200_000
"""Touchpoints in a chunk: about 5 MB of columns."""


@dataclass(frozen=True, slots=True)
class Path:
    """One path, or many that look the same: channels oldest first, how often it converted and did not, and its value.

    An empty path is an order, or a visitor, without any touchpoint.
    """

    channels: tuple[str, ...]
    conversions: float = 1.0
    nulls: float = 0.0
    value: float = 0.0
    """The value of all its conversions together."""
    days: tuple[float, ...] | None = None
    """Each touchpoint's distance to the conversion in days; None where times are not known."""


class Channels:
    """Numbers for channel names, in the order of first appearance; shared by the chunks of one run."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        for name in names:
            self.code(name)

    def __len__(self) -> int:
        return len(self.names)

    def code(self, name: str) -> int:
        """The name's number; a new one for a new name."""
        found = self._codes.get(name)
        if found is None:
            found = self._codes[name] = len(self.names)
            self.names.append(name)
        return found

    def find(self, name: str) -> int | None:
        """The name's number, where it has one."""
        return self._codes.get(name)


@dataclass(frozen=True, slots=True)
class Paths:
    """A chunk of paths in columns; path i holds the touchpoints `offsets[i]:offsets[i + 1]`."""

    codes: Ints
    offsets: Ints
    conversions: Floats
    nulls: Floats
    value: Floats
    days: Floats
    """Days before the conversion, per touchpoint; one day from touchpoint to touchpoint where times are not known."""
    times_known: bool

    def __len__(self) -> int:
        return len(self.conversions)

    @property
    def lengths(self) -> Ints:
        """Touchpoints per path."""
        return np.diff(self.offsets)

    @property
    def path_of(self) -> Ints:
        """Each touchpoint's path."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)


def path_of(case: Case, value: float) -> Path:
    """An order as a path, by the clicks that its credit is divided among: models are fitted on what they decide on."""
    contacts = contacts_of(case)
    return Path(channels=tuple(contacts.names[code] for code in contacts.codes), value=value, days=tuple(contacts.days))


def columns(paths: Sequence[Path], channels: Channels) -> Paths:
    """Put paths into columns; new channels get numbers. Raises InvalidInput for counts that are no counts."""
    codes = [channels.code(name) for path in paths for name in path.channels]
    offsets = np.zeros(len(paths) + 1, dtype=np.int64)
    np.cumsum([len(path.channels) for path in paths], out=offsets[1:])
    days = [
        day for path in paths for day in (path.days if path.days is not None else range(len(path.channels) - 1, -1, -1))
    ]
    made = Paths(
        codes=np.array(codes, dtype=np.int64),
        offsets=offsets,
        conversions=np.array([path.conversions for path in paths], dtype=np.float64),
        nulls=np.array([path.nulls for path in paths], dtype=np.float64),
        value=np.array([path.value for path in paths], dtype=np.float64),
        days=np.array(days, dtype=np.float64),
        times_known=all(path.days is not None for path in paths if path.channels),
    )
    _check(made)
    return made


def chunked(paths: Iterable[Path], channels: Channels, touches: int = CHUNK_TOUCHES) -> Iterator[Paths]:
    """Chunks of at most so many touchpoints (one longer path is a chunk of its own), and as many paths."""
    waiting: list[Path] = []
    held = 0
    for path in paths:
        if waiting and (held + len(path.channels) > touches or len(waiting) >= touches):
            yield columns(waiting, channels)
            waiting, held = [], 0
        waiting.append(path)
        held += len(path.channels)
    if waiting:
        yield columns(waiting, channels)


def _check(paths: Paths) -> None:
    for name in ("conversions", "nulls"):
        counts = getattr(paths, name)
        if not (np.isfinite(counts).all() and (counts >= 0).all()):
            raise InvalidInput(f"{name} are counts of zero or more, got {counts.min():g}", reason="BAD_PATHS")
    if not np.isfinite(paths.value).all() or not np.isfinite(paths.days).all():
        raise InvalidInput("values and days are finite numbers", reason="BAD_PATHS")
    if len(paths.days) != len(paths.codes):
        raise InvalidInput(
            f"a path has a day per touchpoint: got {len(paths.days)} for {len(paths.codes)}", reason="BAD_PATHS"
        )
