"""A store's experiment: its plan, where it stands, and what may happen to it next. Pure."""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from kiki.kit.errors import Conflict, FailedPrecondition, InvalidInput
from kiki.orchestrator.experiments.assignment import HOLDOUT
from kiki.orchestrator.experiments.power import Design, Mean, Rate, Usual, minimum_effect, standard_error, users_needed
from kiki.orchestrator.experiments.registration import Metric, Phase, Registration

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Status(enum.StrEnum):
    """What was done to an experiment; `Phase` says where its calendar stands."""

    DRAFT = "draft"
    RUNNING = "running"
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Expected:
    """What held-out users are thought to do: an order rate, or a mean per user with its standard deviation."""

    rate: float | None = None
    mean: float | None = None
    deviation: float | None = None

    @property
    def usual(self) -> Usual | None:
        """For the calculation of power; `InvalidInput` for half a mean, or for a rate and a mean together."""
        if self.rate is None and self.mean is None and self.deviation is None:
            return None
        if (self.rate is None) == (self.mean is None) or (self.mean is None) != (self.deviation is None):
            raise InvalidInput("wanted: expected_rate, or expected_mean with expected_deviation", reason="BAD_EXPECTED")
        return Rate(self.rate) if self.rate is not None else Mean(self.mean or 0.0, self.deviation or 0.0)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A registration as it stands."""

    store_id: int
    experiment_id: str
    plan: Registration
    expected: Expected
    status: Status
    registered_at: dt.datetime
    registered_by: str
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    cancelled_at: dt.datetime | None = None

    @property
    def assigns_until(self) -> dt.datetime:
        """When assigning ends, or ended early."""
        return min(self.plan.ends_at, self.ended_at or self.plan.ends_at)

    @property
    def closes_at(self) -> dt.datetime:
        """When the last subject's window has closed."""
        return self.assigns_until + dt.timedelta(days=self.plan.window_days)

    def is_final(self, as_of: dt.datetime) -> bool:
        """Whether the registered analysis is due. One that was ended early never is: only look at any time."""
        return self.assigns_until == self.plan.ends_at and self.plan.phase(as_of) is Phase.COMPLETE

    def changed(self, plan: Registration, expected: Expected, now: dt.datetime) -> Experiment:
        """Another plan in place of this one: `Conflict` from the start on, unless it says the same."""
        if plan.digest() == self.plan.digest() and (expected == self.expected or self.status is not Status.DRAFT):
            return self
        if self.status is not Status.DRAFT:
            raise Conflict(
                f"experiment {self.experiment_id} is {self.status}; its plan cannot change any more",
                reason="REGISTRATION_FROZEN",
            )
        return replace(self, plan=plan.changed(self.plan, now), expected=expected, registered_at=now)

    def start(self, now: dt.datetime) -> Experiment:
        """Freeze the plan; subjects are dealt from the planned start on. Started twice is started once."""
        if self.status is Status.RUNNING:
            return self
        self._check(Status.DRAFT, "start")
        if now >= self.plan.ends_at:
            raise FailedPrecondition(
                f"experiment {self.experiment_id} was to end at {self.plan.ends_at.isoformat()}", reason="ALREADY_OVER"
            )
        return replace(self, status=Status.RUNNING, started_at=now)

    def end(self, now: dt.datetime) -> Experiment:
        """Deal nobody any more. Before the planned end, the registered interval and p-value are given up."""
        if self.status is Status.ENDED:
            return self
        self._check(Status.RUNNING, "end")
        return replace(self, status=Status.ENDED, ended_at=now)

    def cancel(self, now: dt.datetime, *, readings: int) -> Experiment:
        """Take it back; one that was read is ended instead, so that no result can be thrown away."""
        if self.status is Status.CANCELLED:
            return self
        if self.status is Status.ENDED or readings:
            raise FailedPrecondition(
                f"experiment {self.experiment_id} has {readings} readings and is {self.status}: it can only be ended",
                reason="ALREADY_READ",
            )
        return replace(self, status=Status.CANCELLED, cancelled_at=now)

    def check_assigning(self, now: dt.datetime) -> None:
        """Whether new subjects may be dealt now, else `FailedPrecondition`."""
        if self.status is Status.RUNNING and self.plan.starts_at <= now < self.plan.ends_at:
            return
        raise FailedPrecondition(
            f"experiment {self.experiment_id} is {self.status} and deals subjects from "
            f"{self.plan.starts_at.isoformat()} to {self.assigns_until.isoformat()}",
            reason="NOT_ASSIGNING",
        )

    def check_readable(self) -> None:
        """Whether there is something to read, else `FailedPrecondition`."""
        if self.status in (Status.DRAFT, Status.CANCELLED):
            raise FailedPrecondition(
                f"experiment {self.experiment_id} is {self.status}; there is nothing to read", reason="NOT_STARTED"
            )

    def _check(self, wanted: Status, what: str) -> None:
        if self.status is not wanted:
            raise FailedPrecondition(
                f"experiment {self.experiment_id} is {self.status}; only one that is {wanted} can {what}",
                reason="WRONG_STATUS",
            )


def check_name(experiment_id: str) -> str:
    """The name, if it can be one."""
    if not _NAME.fullmatch(experiment_id):
        raise InvalidInput(
            f"an experiment's id has 1 to 64 of a-z 0-9 . _ -, got {experiment_id[:70]!r}", reason="BAD_EXPERIMENT_ID"
        )
    return experiment_id


def default_salt(store_id: int, experiment_id: str) -> str:
    """The salt of an experiment that names none: no two of all stores share one."""
    return f"store-{store_id}/{experiment_id}"


def plan_values(plan: Registration, expected: Expected) -> dict[str, Any]:
    """A plan as it is stored and shown."""
    return {
        "name": plan.name,
        "salt": plan.salt,
        "version": plan.version,
        "metric": plan.metric.value,
        "holdout_ppm": plan.holdout_ppm,
        "starts_at": plan.starts_at.astimezone(dt.UTC).isoformat(),
        "ends_at": plan.ends_at.astimezone(dt.UTC).isoformat(),
        "window_days": plan.window_days,
        "alpha": format(plan.alpha, "f"),
        "power": format(plan.power, "f"),
        "minimum_effect": format(plan.minimum_effect, "f"),
        "planned_users": plan.planned_users,
        "expected_rate": expected.rate,
        "expected_mean": expected.mean,
        "expected_deviation": expected.deviation,
    }


def read_plan(values: Mapping[str, Any]) -> tuple[Registration, Expected]:
    """`plan_values` back again."""
    plan = Registration(
        name=values["name"],
        salt=values["salt"],
        version=values["version"],
        metric=Metric(values["metric"]),
        holdout_ppm=values["holdout_ppm"],
        starts_at=dt.datetime.fromisoformat(values["starts_at"]),
        ends_at=dt.datetime.fromisoformat(values["ends_at"]),
        window_days=values["window_days"],
        alpha=Decimal(values["alpha"]),
        power=Decimal(values["power"]),
        minimum_effect=Decimal(values["minimum_effect"]),
        planned_users=values["planned_users"],
    )
    return plan, Expected(values["expected_rate"], values["expected_mean"], values["expected_deviation"])


def power_of(plan: Registration, expected: Expected) -> dict[str, Any] | None:
    """What the plan can show: None while nothing is said about held-out users.

    `minimum_effect` is the smallest effect that the planned users show with the planned power; `users_needed`, and the
    `power` reached, are for the effect that the plan calls the smallest that matters.
    """
    usual = expected.usual
    if usual is None:
        return None
    design = Design(plan.split().share_of(HOLDOUT), float(plan.alpha), float(plan.power))
    wanted = float(plan.minimum_effect)
    needed = users_needed(usual, design, wanted)
    error = standard_error(usual, wanted, plan.planned_users, design.share)
    return {
        "minimum_effect": minimum_effect(usual, design, plan.planned_users),
        "users_needed": needed,
        "power": design.power_at(wanted, error),
        "enough": needed <= plan.planned_users,
    }
