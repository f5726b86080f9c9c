"""What is fixed before an experiment starts, so that nobody, ourselves included, can choose afterwards."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal

from kiki.kit.errors import Conflict, InvalidInput
from kiki.orchestrator.experiments.assignment import Split, holdout_split

_LONGEST_WINDOW = 400
_LARGEST_ALPHA = Decimal("0.2")
_SMALLEST_POWER = Decimal("0.5")


class Metric(enum.Enum):
    """What is counted per assigned user, zeros included."""

    ORDER_RATE = "order_rate"
    """Users with at least one paid order."""
    REVENUE = "revenue_per_user"
    """Paid revenue on the contract's basis."""
    NET_REVENUE = "net_revenue_per_user"
    """The same after refunds."""


class Phase(enum.Enum):
    """Where an experiment stands at a moment."""

    PLANNED = "planned"
    RUNNING = "running"
    RIPENING = "ripening"
    """Assignments have ended, the last users' windows have not."""
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Registration:
    """The plan. Raises `InvalidInput` when it is not one."""

    name: str
    salt: str
    metric: Metric
    holdout_ppm: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    """When assigning ends; outcomes count for `window_days` more."""
    window_days: int
    alpha: Decimal
    power: Decimal
    minimum_effect: Decimal
    """The smallest effect per user that matters, in the metric's unit (a rate, or major units of money)."""
    planned_users: int
    version: int = 1

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise InvalidInput(f"an experiment cannot be registered: {problem}", reason="BAD_REGISTRATION")
        self.split()

    def split(self) -> Split:
        """Who is held out."""
        return holdout_split(self.salt, self.holdout_ppm, self.version)

    def digest(self) -> str:
        """SHA-256 over all fields, in hex: store it at the start, and compare it ever after."""
        plain = {name: _plain(value) for name, value in asdict(self).items()}
        return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def changed(self, registered: Registration, now: dt.datetime) -> Registration:
        """This plan in place of the registered one; once that has started, any difference is a `Conflict`."""
        if self.digest() != registered.digest() and now >= registered.starts_at:
            different = ", ".join(self._differences(registered))
            raise Conflict(
                f"the experiment has started at {registered.starts_at.isoformat()}; {different} cannot change any more",
                reason="REGISTRATION_FROZEN",
            )
        return self

    def phase(self, now: dt.datetime) -> Phase:
        """Where the experiment stands."""
        if now < self.starts_at:
            return Phase.PLANNED
        if now < self.ends_at:
            return Phase.RUNNING
        return Phase.RIPENING if now < self.complete_at else Phase.COMPLETE

    @property
    def complete_at(self) -> dt.datetime:
        """When the last user's window has closed."""
        return self.ends_at + dt.timedelta(days=self.window_days)

    def _problem(self) -> str:
        checks: Mapping[str, bool] = {
            "a name is wanted": bool(self.name.strip()),
            "start and end carry a time zone": self.starts_at.tzinfo is not None and self.ends_at.tzinfo is not None,
            f"the window is 1 to {_LONGEST_WINDOW} days, got {self.window_days}": 1
            <= self.window_days
            <= _LONGEST_WINDOW,
            f"alpha lies over 0 and up to {_LARGEST_ALPHA}, got {self.alpha}": 0 < self.alpha <= _LARGEST_ALPHA,
            f"power lies from {_SMALLEST_POWER} and under 1, got {self.power}": _SMALLEST_POWER <= self.power < 1,
            f"the minimum effect is over 0, got {self.minimum_effect}": self.minimum_effect > 0,
            f"at least 2 users are planned, got {self.planned_users}": self.planned_users >= 2,
        }
        wrong = [what for what, right in checks.items() if not right]
        if not wrong and self.ends_at <= self.starts_at:
            wrong = ["it ends after its start"]
        return "; ".join(wrong)

    def _differences(self, other: Registration) -> list[str]:
        mine, theirs = asdict(self), asdict(other)
        return [name for name in mine if _plain(mine[name]) != _plain(theirs[name])]


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.value if isinstance(value, enum.Enum) else value
