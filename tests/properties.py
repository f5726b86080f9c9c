"""How many examples a property gets: what it wants under the profile `whole`, the same share of it under any other."""

from __future__ import annotations

from hypothesis import settings

_WHOLE = 100


def examples(wanted: int) -> int:
    """For `max_examples` of a property that needs another number than most."""
    return max(1, wanted * settings().max_examples // _WHOLE)
