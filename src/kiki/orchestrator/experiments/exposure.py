"""Which outcomes count: those of subjects whose assignment was logged before anything was shown or bought."""

from __future__ import annotations

import datetime as dt
import enum
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiki.kit.errors import Conflict, FailedPrecondition
from kiki.orchestrator.experiments.assignment import HOLDOUT, Assignment, Split
from kiki.orchestrator.experiments.registration import Metric


class Refusal(enum.Enum):
    """Why an outcome does not count."""

    NOT_ASSIGNED = "not_assigned"
    """No assignment of the subject is logged."""
    BEFORE_ASSIGNMENT = "before_assignment"
    """It happened before the assignment was logged."""
    AFTER_WINDOW = "after_window"
    """It happened after the subject's window."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a subject did: an amount in minor units, and when. A refund is a negative amount at its order's time."""

    subject: str
    at: dt.datetime
    value: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Per arm, one value per logged subject, zeros included, in the order of the log; and what was refused."""

    values: dict[str, NDArray[np.float64]]
    refused: Counter[Refusal]

    def per_user(self, arm: str, metric: Metric) -> NDArray[np.float64]:
        """The metric of each subject of an arm: its sum, or for a rate whether the sum is over 0."""
        sums = self.values[arm]
        return (sums > 0).astype(np.float64) if metric is Metric.ORDER_RATE else sums


class ExposureLog:
    """Assignments in the order in which they were logged. Appended only; nothing is ever moved or taken out."""

    def __init__(self, split: Split, window: dt.timedelta) -> None:
        self._split, self._window = split, window
        self._assigned: dict[str, tuple[Assignment, dt.datetime]] = {}
        self._contaminated: set[str] = set()

    def __len__(self) -> int:
        return len(self._assigned)

    @property
    def split(self) -> Split:
        """Who deals."""
        return self._split

    @property
    def window(self) -> dt.timedelta:
        """How long outcomes count."""
        return self._window

    @property
    def contaminated(self) -> frozenset[str]:
        """Held-out subjects who were shown something all the same. They stay in their arm: analysis is by intention."""
        return frozenset(self._contaminated)

    def record(self, assignment: Assignment, at: dt.datetime) -> bool:
        """Log an assignment; whether it is new. One that the split does not deal is a `Conflict`."""
        if assignment != self._split.assign(assignment.subject):
            raise Conflict("the assignment is not the one that the experiment deals", reason="FOREIGN_ASSIGNMENT")
        known = self._assigned.get(assignment.subject)
        if known is None:
            self._assigned[assignment.subject] = (assignment, at)
        return known is None

    def expose(self, subject: str, at: dt.datetime) -> bool:
        """Note that something is shown; whether it may be. A subject that was not logged before may never be shown."""
        known = self._assigned.get(subject)
        if known is None or at < known[1]:
            raise FailedPrecondition("an assignment is logged before exposure; got none", reason="NOT_ASSIGNED")
        if known[0].arm == HOLDOUT:
            self._contaminated.add(subject)
            return False
        return True

    def refusal(self, outcome: Outcome) -> Refusal | None:
        """Why an outcome does not count; `None` when it does."""
        known = self._assigned.get(outcome.subject)
        if known is None:
            return Refusal.NOT_ASSIGNED
        if outcome.at < known[1]:
            return Refusal.BEFORE_ASSIGNMENT
        return Refusal.AFTER_WINDOW if outcome.at > known[1] + self._window else None

    def count(self, outcomes: Iterable[Outcome]) -> Counted:
        """Sum the outcomes that count, per subject."""
        sums = dict.fromkeys(self._assigned, 0)
        refused: Counter[Refusal] = Counter()
        for outcome in outcomes:
            why = self.refusal(outcome)
            if why is None:
                sums[outcome.subject] += outcome.value
            else:
                refused[why] += 1
        per_arm: dict[str, list[int]] = {name: [] for name, _ in self._split.arms}
        for subject, (assignment, _) in self._assigned.items():
            per_arm[assignment.arm].append(sums[subject])
        return Counted({arm: np.array(values, dtype=np.float64) for arm, values in per_arm.items()}, refused)
