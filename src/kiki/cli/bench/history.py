"""A made-up store's history, order by order: what recalculation is measured on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kiki.orchestrator.attribution.compare import Priced
from kiki.orchestrator.attribution.holdout import Holdout
from kiki.orchestrator.attribution.model import Case, Promotion, Rules, Touch
from kiki.orchestrator.attribution.paths import Path

TOUCHES_PER_ORDER = 10
_OTHERS_PER_ORDER = 2
_CHUNK = 2_000
_CAMPAIGNS = [f"campaign-{number:02d}" for number in range(40)]
_OTHERS = ["organic", "email", "direct", "referral", "affiliate"]
_RULES = Rules()
_BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_MINUTES_OF_WINDOW = 30 * 24 * 60
_USERS = 20_000


def history(orders: int, seed: int) -> Iterator[Priced]:
    """Orders with ten touchpoints each, eight of ours (one in five a view); 40 campaigns, five other channels."""
    generator = np.random.default_rng(seed)
    for at in range(0, orders, _CHUNK):
        yield from _chunk(generator, at, min(_CHUNK, orders - at))


def visitors(count: int, seed: int) -> Iterator[Path]:
    """Paths of three touchpoints that ended in no order."""
    generator = np.random.default_rng(seed)
    for at in range(0, count, _CHUNK):
        size = min(_CHUNK, count - at)
        for row in _popular(generator, (size, 3), len(_CAMPAIGNS)).tolist():
            yield Path(tuple(_CAMPAIGNS[code] for code in row), 0.0, 1.0)


def hold_out(seed: int) -> Holdout:
    """A small hold-out, for a learned model to speak in the comparison."""
    generator = np.random.default_rng(seed)
    held_out = generator.random(_USERS) < 0.2
    returning = generator.random(_USERS) < 0.3
    ordered = generator.random(_USERS) < np.where(returning, 0.15, 0.08) + np.where(held_out, 0.0, 0.05)
    return Holdout(
        users=tuple(map(str, range(_USERS))),
        eligible=np.ones(_USERS, dtype=bool),
        held_out=held_out,
        exposed=~held_out,
        ordered=ordered,
        amount=np.where(ordered, 50.0, 0.0),
        names=("returning_customer",),
        features=returning[:, None].astype(np.float64),
        left_out=(),
    )


def _chunk(generator: np.random.Generator, begin: int, size: int) -> Iterator[Priced]:
    own = TOUCHES_PER_ORDER - _OTHERS_PER_ORDER
    campaigns = _popular(generator, (size, own), len(_CAMPAIGNS)).tolist()
    others = generator.integers(len(_OTHERS), size=(size, _OTHERS_PER_ORDER)).tolist()
    minutes = generator.integers(_MINUTES_OF_WINDOW, size=(size, TOUCHES_PER_ORDER)).tolist()
    views = (generator.random((size, own)) < 0.2).tolist()
    marks = generator.random((size, 3)).tolist()
    amounts = generator.integers(1_000, 20_000, size=size).tolist()
    for row in range(size):
        number = begin + row
        placed_at = _BEGIN + dt.timedelta(minutes=number)
        ours = tuple(
            Touch(
                f"t{number}-{place}",
                _CAMPAIGNS[campaigns[row][place]],
                "view" if views[row][place] else "click",
                placed_at - dt.timedelta(minutes=minutes[row][place]),
            )
            for place in range(own)
        )
        theirs = tuple(
            Touch(
                f"x{number}-{place}",
                _OTHERS[code],
                "click",
                placed_at - dt.timedelta(minutes=minutes[row][own + place]),
            )
            for place, code in enumerate(others[row])
        )
        acquired, promoted, returning = marks[row]
        case = Case(
            order_id=f"o{number}",
            placed_at=placed_at,
            touches=ours,
            acquired_by_order_id="o-first" if acquired < 0.3 else None,
            promotions=(Promotion("p1", _CAMPAIGNS[0]),) if promoted < 0.4 else (),
            rules=_RULES,
            others=theirs,
            facts=(("returning_customer", float(returning < 0.3)),),
        )
        yield Priced(case, amounts[row])


def _popular(generator: np.random.Generator, shape: tuple[int, int], count: int) -> NDArray[np.int64]:
    """Numbers under `count`, the low ones more often."""
    found: NDArray[np.int64] = (count * generator.random(shape) ** 2).astype(np.int64)
    return found
