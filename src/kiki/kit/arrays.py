"""What asyncpg takes for an array.

Before it encodes an array it asks of each element, by abstract base classes, whether that is an array as well. This
takes longer than encoding it, and set-based statements send nearly everything as elements of arrays. Ours are lists and
tuples of plain values, which the type alone tells (docs/decisions/0020-arrays-are-lists.md).
"""

from __future__ import annotations

from asyncpg.protocol import protocol


def take_lists_for_arrays() -> None:
    """From now on lists and tuples are arrays, and no other collection, for all connections of this process."""
    protocol.IterableABC = (list, tuple)
