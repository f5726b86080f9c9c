"""Trouble on the way: deliveries that come twice, in the wrong order, or late. Deterministic by seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kiki.sandbox.shop import Delivery


@dataclass(frozen=True, slots=True)
class Disturbance:
    """How much trouble, as shares between 0 and 1."""

    seed: int = 1
    duplicate_share: float = 0.05
    """Sent again, byte for byte, some deliveries later."""
    reorder_share: float = 0.2
    """Held back by up to `window` deliveries."""
    late_share: float = 0.02
    """Held back by up to `late_by` deliveries."""
    window: int = 5
    late_by: int = 40


def disorder(deliveries: Iterable[Delivery], trouble: Disturbance) -> Iterator[Delivery]:
    """Every delivery at least once, in another order; keeps at most `late_by` of them back at a time."""
    rng = random.Random(trouble.seed)
    held: list[tuple[int, int, Delivery]] = []
    for number, delivery in enumerate(deliveries):
        due = [entry for entry in held if entry[0] <= number]
        if due:
            held = [entry for entry in held if entry[0] > number]
            yield from (entry[2] for entry in sorted(due, key=lambda entry: entry[:2]))
        chance = rng.random()
        if chance < trouble.late_share:
            held.append((number + rng.randint(1, trouble.late_by), number, delivery))
        elif chance < trouble.late_share + trouble.reorder_share:
            held.append((number + rng.randint(1, trouble.window), number, delivery))
        else:
            yield delivery
        if rng.random() < trouble.duplicate_share:
            held.append((number + rng.randint(1, trouble.late_by), number, delivery))
    yield from (entry[2] for entry in sorted(held, key=lambda entry: entry[:2]))
