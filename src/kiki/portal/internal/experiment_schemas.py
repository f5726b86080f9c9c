"""What the routes of experiments take."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.assignment import share_in_ppm
from kiki.orchestrator.experiments.plans import Expected, check_name, default_salt
from kiki.orchestrator.experiments.registration import Metric, Registration
from kiki.portal.internal.schemas import Instant, StrictBody, with_example

_Share = Annotated[Decimal, Field(gt=0, lt=1, max_digits=7, decimal_places=6)]
_Amount = Annotated[Decimal, Field(gt=0, le=10**12, max_digits=18, decimal_places=6)]
_Number = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1e12)]
Subject = Annotated[str, Field(min_length=1, max_length=200)]


class RegistrationBody(StrictBody):
    """What is fixed before an experiment starts."""

    model_config = with_example(
        {
            "experiment_id": "autumn",
            "holdout": "0.1",
            "starts_at": "2026-09-01T00:00:00Z",
            "ends_at": "2026-09-30T00:00:00Z",
            "minimum_effect": "1.50",
            "planned_users": 20000,
            "expected_mean": 20.0,
            "expected_deviation": 40.0,
        }
    )

    experiment_id: Annotated[str, Field(min_length=1, max_length=64, description="1 to 64 of a-z 0-9 . _ -")]
    name: Annotated[str, Field(max_length=200, description="Left out: the id.")] = ""
    metric: Literal["order_rate", "revenue_per_user", "net_revenue_per_user"] = Field(
        default="net_revenue_per_user", description="What is compared; net is after refunds."
    )
    holdout: _Share = Field(default=Decimal("0.1"), description="Share held out, in whole millionths.")
    starts_at: Instant = Field(description="From when subjects are dealt.")
    ends_at: Instant = Field(description="Until when; outcomes count for `window_days` more.")
    window_days: int = Field(default=30, ge=1, le=400, description="How long a subject's orders count.")
    alpha: _Share = Field(default=Decimal("0.05"), description="How often an effect may be shown where none is.")
    power: _Share = Field(default=Decimal("0.8"), description="How often the smallest effect that matters is shown.")
    minimum_effect: _Amount = Field(description="Smallest effect per user that matters: a rate, or major units.")
    planned_users: int = Field(ge=2, le=10**10, description="In all arms.")
    salt: Annotated[str, Field(max_length=200, description="Left out: made of store and id.")] = ""
    version: int = Field(default=1, ge=1, lt=2**31, description="Of the way in which subjects are dealt.")
    expected_rate: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="Of held-out users; for `order_rate`."
    )
    expected_mean: _Number | None = Field(default=None, description="Of held-out users, in major units.")
    expected_deviation: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)] | None = Field(
        default=None, description="Of held-out users, in major units."
    )

    def plan(self, store_id: int) -> tuple[Registration, Expected]:
        """The plan. Raises `InvalidInput` when it is not one."""
        name = check_name(self.experiment_id)
        plan = Registration(
            name=self.name or name,
            salt=self.salt or default_salt(store_id, name),
            metric=Metric(self.metric),
            holdout_ppm=share_in_ppm(float(self.holdout)),
            starts_at=_moment(self.starts_at),
            ends_at=_moment(self.ends_at),
            window_days=self.window_days,
            alpha=self.alpha,
            power=self.power,
            minimum_effect=self.minimum_effect,
            planned_users=self.planned_users,
            version=self.version,
        )
        return plan, Expected(self.expected_rate, self.expected_mean, self.expected_deviation)


class AssignmentBody(StrictBody):
    """Subjects to deal."""

    model_config = with_example({"kind": "visitor", "subjects": ["Zm9vYmFyYmF6cXV4MTIzNA"]})

    kind: Literal["customer", "visitor"] = Field(
        default="visitor", description="A customer is named by our opaque key, a visitor by the first-party id."
    )
    subjects: list[Subject] = Field(min_length=1, max_length=1000, description="Each keeps its arm for ever.")


class ReadingBody(StrictBody):
    """Which month's reading is recorded."""

    model_config = with_example({"month": "2026-09"})

    month: Annotated[str, Field(pattern=r"^2[0-9]{3}-(0[1-9]|1[0-2])$", description="YYYY-MM")] | None = Field(
        default=None, description="Left out: the running one."
    )


def _moment(at: dt.datetime) -> dt.datetime:
    """In UTC, and within what a calendar can be counted on by."""
    if not 2000 <= at.year < 2900:
        raise InvalidInput(f"a year from 2000 to 2899 is wanted, got {at.year}", reason="BAD_TIME")
    return at.astimezone(dt.UTC)
