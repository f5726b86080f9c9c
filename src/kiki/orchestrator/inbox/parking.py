"""Which entities are held back, as the owner of their places knows it; the rows are the truth, this is their index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kiki.kit.clock import monotonic
from kiki.orchestrator.inbox.leases import Place
from kiki.orchestrator.inbox.queue import Entry

Key = tuple[Place, int, str]
"""Place, store, entity."""


@dataclass(slots=True)
class Held:
    """One entity that is held back."""

    count: int
    due_at: float
    """On the monotonic clock."""


class ParkedEntities:
    """The held entities of one lane."""

    def __init__(self) -> None:
        self._held: dict[Key, Held] = {}
        self._loaded: dict[Place, int] = {}

    def missing(self, usable: Mapping[Place, int]) -> list[Place]:
        """Places that were gained since the last look; what belonged to lost ones is forgotten."""
        gone = {place for place, token in self._loaded.items() if usable.get(place) != token}
        if gone:
            self._held = {key: held for key, held in self._held.items() if key[0] not in gone}
            for place in gone:
                del self._loaded[place]
        return [place for place in usable if place not in self._loaded]

    def loaded(self, tokens: Mapping[Place, int], rows: Mapping[Key, tuple[int, float]]) -> None:
        """Take over what the database holds for gained places: (count, seconds until due) per entity."""
        now = monotonic()
        self._loaded.update(tokens)
        for key, (count, seconds) in rows.items():
            self._held[key] = Held(count, now + seconds)

    def get(self, entry: Entry) -> Held | None:
        """How the run's entity is held, None when it is free."""
        return self._held.get(key_of(entry)) if self._held else None

    def hold(self, key: Key, *, count: int, delay_seconds: float) -> None:
        """The entity is held back until the delay is over."""
        self._held[key] = Held(count, monotonic() + delay_seconds)

    def free(self, key: Key) -> None:
        """Nothing of the entity is held back any more."""
        self._held.pop(key, None)

    def remaining(self, key: Key) -> float:
        """Seconds until the entity is due; 0 when it is not known to be held."""
        held = self._held.get(key)
        return 0.0 if held is None else max(0.0, held.due_at - monotonic())

    def due(self, limit: int) -> list[Key]:
        """Entities whose time has come, the longest overdue first."""
        if not self._held:
            return []
        now = monotonic()
        ready = [key for key, held in self._held.items() if held.due_at <= now]
        ready.sort(key=lambda key: self._held[key].due_at)
        return ready[:limit]

    def __len__(self) -> int:
        return len(self._held)

    def keys(self) -> Iterable[Key]:
        """All held entities."""
        return self._held.keys()


def key_of(entry: Entry) -> Key:
    """What is held back together with a run."""
    return (entry.place, entry.store_id, entry.entity)
