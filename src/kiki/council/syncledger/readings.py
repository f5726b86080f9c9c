"""A store's readings as statements look them up. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from kiki.council.syncledger.domain import ReadingTold


class Readings:
    """A store's readings, the newest revision of each month."""

    def __init__(self, told: Iterable[ReadingTold]) -> None:
        self._told = {(reading.experiment_id, reading.month): reading for reading in told}
        self.last_month = max((month for _, month in self._told), default=0)
        """The newest that any experiment was read for; 0 without readings."""

    def of_month(self, experiment_id: str, month: int) -> ReadingTold | None:
        """The month's own, or the last final one before it."""
        own = self._told.get((experiment_id, month))
        if own is not None:
            return own
        earlier = [told for (name, at), told in self._told.items() if name == experiment_id and at < month]
        last = max(earlier, key=lambda told: told.month, default=None)
        return last if last is not None and last.final else None
