"""The three lanes that work travels in, from the inbox to the agent, and the partitions that workers share."""

from __future__ import annotations

import enum

PARTITIONS = 16
"""How many partitions the inbox has; a store's deliveries all stand in one."""

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


class Lane(enum.IntEnum):
    """Stock overtakes everything else, bulk never delays live work; the numbers are those of the protocol."""

    LIVE_STOCK = 1
    LIVE = 2
    BULK = 3


def partition_of(store_id: int) -> int:
    """The inbox partition of a store: Fibonacci hashing, equal in every process and version."""
    return ((store_id * _GOLDEN & _MASK) >> 32) % PARTITIONS
