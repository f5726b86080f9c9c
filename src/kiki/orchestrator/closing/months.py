"""Calendar months."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Month(NamedTuple):
    """A calendar month; its text is `2026-10`."""

    year: int
    number: int

    @classmethod
    def at(cls, instant: dt.datetime, time_zone: str) -> Month:
        """The month of an instant in an IANA time zone."""
        local = instant.astimezone(ZoneInfo(time_zone))
        return cls(local.year, local.month)

    @classmethod
    def read(cls, text: str) -> Month:
        """What `text` wrote."""
        year, _, number = text.partition("-")
        return cls(int(year), int(number))

    @property
    def following(self) -> Month:
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def text(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"
