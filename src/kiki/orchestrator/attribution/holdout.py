"""A randomised hold-out as data: who was held out, who was exposed, who ordered, and what was known before any ad."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.paths import Floats, Ints

Flags = NDArray[np.bool_]
USER_COLUMNS = ("user_id", "user", "customer_id", "customer", "visitor_id", "visitor", "id")
_ROLES = {
    "user": USER_COLUMNS,
    "held_out": ("holdout", "hold_out", "held_out", "control", "is_control"),
    "treated": ("treated", "treatment", "is_treated"),
    "eligible": ("eligible", "targeted"),
    "exposed": ("exposed", "saw_ad"),
    "ordered": ("ordered", "converted", "conversion", "purchased"),
    "amount": ("order_amount", "amount", "revenue", "value"),
}
_ROLE_OF = {alias: role for role, aliases in _ROLES.items() for alias in aliases}
_IMBALANCE = 4.0
"""Standard errors between treated and held-out buyers that randomisation does not explain (two-sided p = 0.00006)."""
_CONTAMINATION = 0.05


@dataclass(frozen=True, slots=True)
class Holdout:
    """Users in rows, or rows of users who are alike."""

    users: tuple[str, ...]
    """Their names; none where a row stands for several."""
    eligible: Flags
    """Whom an ad would have been served to; the question is asked in both arms."""
    held_out: Flags
    exposed: Flags
    ordered: Flags
    amount: Floats
    """Of all users of the row together."""
    names: tuple[str, ...]
    """Features that stand before any ad."""
    features: Floats
    """(users, names)."""
    left_out: tuple[tuple[str, str], ...]
    """Columns that are no such features, each with the reason."""
    people: Floats | None = None
    """How many users a row stands for; None: one each."""
    fold: Ints | None = None
    """What cross-validation leaves out in turn, from 0 on; None: drawn when it is wanted."""

    def __len__(self) -> int:
        return len(self.ordered)

    @property
    def weights(self) -> Floats:
        """How many users each row stands for."""
        return np.ones(len(self)) if self.people is None else self.people

    def count(self, rows: Flags) -> int:
        """Users in these rows."""
        return int(rows.sum()) if self.people is None else int(self.people[rows].sum())


def read_holdout(rows: Iterable[Mapping[str, str | None]]) -> Holdout:
    """Users from rows of text, one each. Raises InvalidInput with the line of what cannot be used.

    Wanted are `holdout` (or `treated`) and `ordered`; known are `user_id`, `eligible` (default: everybody), `exposed`
    (default: every eligible treated user) and `order_amount`. Every other numeric column is a feature, unless treated
    and held-out users differ in it by more than randomisation explains: then ads changed it, and a hold-out cannot
    speak about it.
    """
    columns: dict[str, list[str]] = {}
    count = 0
    for count, row in enumerate(rows, start=1):
        if count == 1:
            columns = {name: [] for name in row if name}
        for name, values in columns.items():
            values.append((row.get(name) or "").strip())
    if not count:
        raise InvalidInput("the file holds no users", reason="BAD_FILE")
    roles = {role: name for name in reversed(columns) if (role := _ROLE_OF.get(name.strip().lower()))}
    if "ordered" not in roles or not roles.keys() & {"held_out", "treated"}:
        raise InvalidInput(
            f"wanted are the columns holdout (or treated) and ordered, got {', '.join(columns) or 'none'}",
            reason="BAD_FILE",
        )
    held_out = _flags(columns, roles["held_out"]) if "held_out" in roles else ~_flags(columns, roles["treated"])
    eligible = _flags(columns, roles["eligible"]) if "eligible" in roles else np.ones(count, dtype=bool)
    exposed = _flags(columns, roles["exposed"]) if "exposed" in roles else eligible & ~held_out
    refuse_contamination(int((held_out & eligible & exposed).sum()), int((held_out & eligible).sum()))
    candidates = {name: values for name, values in columns.items() if name not in roles.values()}
    names, features, left_out = _features(candidates, eligible, held_out)
    return Holdout(
        users=tuple(columns[roles["user"]])
        if "user" in roles
        else tuple(str(number) for number in range(1, count + 1)),
        eligible=eligible,
        held_out=held_out,
        exposed=exposed & ~held_out,
        ordered=_flags(columns, roles["ordered"]),
        amount=_numbers(columns, roles["amount"]) if "amount" in roles else np.zeros(count),
        names=names,
        features=features,
        left_out=left_out,
    )


def _features(
    candidates: Mapping[str, list[str]], eligible: Flags, held_out: Flags
) -> tuple[tuple[str, ...], Floats, tuple[tuple[str, str], ...]]:
    kept: dict[str, Floats] = {}
    left_out: list[tuple[str, str]] = []
    for name, values in candidates.items():
        try:
            numbers = np.array([float(value or 0) for value in values])
        except ValueError:
            left_out.append((name, "it is not numeric"))
            continue
        reason = feature_objection(numbers, eligible & ~held_out, eligible & held_out)
        if reason:
            left_out.append((name, reason))
        else:
            kept[name] = numbers
    matrix = np.column_stack(list(kept.values())) if kept else np.zeros((len(eligible), 0))
    return tuple(kept), matrix, tuple(left_out)


def feature_objection(numbers: Floats, treated: Flags, held_out: Flags, weights: Floats | None = None) -> str:
    """Why this is no feature from before any ad; empty when nothing speaks against it. `weights`: users per row."""
    if not np.isfinite(numbers).all():
        return "it is not finite"
    with_ads, without = numbers[treated], numbers[held_out]
    if not len(with_ads) or not len(without) or np.ptp(numbers[treated | held_out]) == 0:
        return "it does not vary among eligible users"
    each = np.ones(len(numbers)) if weights is None else weights
    ours, our_error = _mean_and_variance(with_ads, each[treated])
    theirs, their_error = _mean_and_variance(without, each[held_out])
    if abs(ours - theirs) > _IMBALANCE * math.sqrt(our_error + their_error):
        return f"ads changed it: {ours:.4g} with ads, {theirs:.4g} held out"
    return ""


def _mean_and_variance(numbers: Floats, weights: Floats) -> tuple[float, float]:
    """The mean, and its variance."""
    users = float(weights.sum())
    mean = float(weights @ numbers) / users
    return mean, float(weights @ (numbers - mean) ** 2) / users / users


def refuse_contamination(exposed: int, held_out: int) -> None:
    """Raises InvalidInput where more than 5 % of the held-out users were exposed."""
    if exposed > _CONTAMINATION * max(held_out, 1):
        raise InvalidInput(
            f"{exposed} of {held_out} held-out users were exposed: this is no hold-out", reason="BAD_HOLDOUT"
        )


def _flags(columns: Mapping[str, list[str]], name: str) -> Flags:
    known = {"1": True, "true": True, "yes": True, "1.0": True, "0": False, "false": False, "no": False, "0.0": False}
    found = [known.get(value.lower()) for value in columns[name]]
    if None in found:
        line = found.index(None) + 2
        raise InvalidInput(f"line {line}: {name} is 0 or 1, got {columns[name][line - 2]!r}", reason="BAD_FILE")
    return np.array(found, dtype=bool)


def _numbers(columns: Mapping[str, list[str]], name: str) -> Floats:
    found = np.zeros(len(columns[name]))
    for row, value in enumerate(columns[name]):
        try:
            found[row] = float(value or 0)
        except ValueError:
            raise InvalidInput(f"line {row + 2}: {name} is a number, got {value!r}", reason="BAD_FILE") from None
    if not np.isfinite(found).all():
        line = int(np.flatnonzero(~np.isfinite(found))[0]) + 2
        raise InvalidInput(f"line {line}: {name} is a finite number", reason="BAD_FILE")
    return found
