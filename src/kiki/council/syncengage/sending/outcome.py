"""What handing a message over can end in."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


class Fate(enum.Enum):
    """What became of one try."""

    SENT = "sent"
    REFUSED = "refused"
    """The other side will never take it."""
    NOT_SENT = "not_sent"
    """It was certainly not taken; trying again is right."""
    UNKNOWN = "unknown"
    """The contents were handed over and no answer came: it may have been taken, so it is never sent again."""
    WITHHELD = "withheld"
    """We no longer hold the lease: nothing was handed over and nothing is to be written."""


class Bounce(enum.Enum):
    """What a refusal says about the address."""

    NONE = "none"
    POSSIBLE = "possible"
    """It may be about the address."""
    CERTAIN = "certain"
    """There is no such mailbox."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A fate with its reason; free of personal data."""

    fate: Fate
    reason: str = ""
    bounce: Bounce = Bounce.NONE


MarkHanded = Callable[[], Awaitable[bool]]
"""Writes ahead that the contents are about to be handed over; False: do not."""
