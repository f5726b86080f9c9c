"""Experiments: their plans, what they can show, and readings."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from kiki.portal.internal.answers.shared import (
    Count,
    DecimalFraction,
    Fraction,
    InstantText,
    MoneyText,
    Month,
    Page,
    StoreNumber,
    Time,
    said,
)

Metric = Annotated[
    Literal["order_rate", "revenue_per_user", "net_revenue_per_user"],
    said("Per user: a rate, or major units of the settlement currency; net is after refunds."),
]
_Status = Annotated[Literal["draft", "running", "ended", "cancelled"], said("What was done to the experiment.")]
_Decision = Annotated[
    Literal["too_few_users", "suspect", "effect", "harm", "nothing_shown"],
    said("What the registered metric says; `suspect`: the arms did not fill as planned, nothing of it is billed."),
]
_Interval = Annotated[list[float], Meta(min_length=2, max_length=2, description="Lower and upper end.")]
ArmName = Literal["treated", "holdout"]
_Id = Annotated[str, said("The experiment's id.")]


class ExperimentPlan(TypedDict):
    """What was fixed before the start."""

    name: Annotated[str, said("For people.")]
    salt: Annotated[str, said("Deals subjects into arms, together with their ids.")]
    version: Annotated[int, said("Of the way in which subjects are dealt.")]
    metric: Metric
    holdout_ppm: Annotated[int, said("Subjects held out, in parts per million.")]
    starts_at: InstantText
    ends_at: InstantText
    window_days: Annotated[int, said("How long a subject's orders count.")]
    alpha: DecimalFraction
    power: DecimalFraction
    minimum_effect: Annotated[str, said("Decimal text, per user: a rate, or major units.")]
    planned_users: Annotated[int, said("In all arms.")]
    expected_rate: Annotated[float | None, said("Of held-out users.")]
    expected_mean: Annotated[float | None, said("Of held-out users, in major units.")]
    expected_deviation: Annotated[float | None, said("Of held-out users, in major units.")]


class Power(TypedDict):
    """What a plan can show."""

    minimum_effect: Annotated[float | None, said("The smallest effect that the planned users show.")]
    users_needed: Annotated[int | None, said("To show the effect that the plan calls the smallest that matters.")]
    power: Annotated[Fraction, said("Reached for that effect.")]
    enough: Annotated[bool, said("Whether as many users are planned as are needed.")]


class Experiment(TypedDict):
    """An experiment and how it stands."""

    store_id: StoreNumber
    experiment_id: _Id
    status: Annotated[_Status, said("How it stands.")]
    plan: ExperimentPlan
    digest: Annotated[str, said("Of the plan, in hexadecimal.")]
    registered_at: Time
    registered_by: Annotated[str, said("Who registered it.")]
    started_at: Time | None
    ended_at: Time | None
    cancelled_at: Time | None
    complete_at: Annotated[Time, said("When the last subject's window closes. UTC.")]


class RegisteredExperiment(Experiment):
    """An experiment, with what its plan can show."""

    power: Annotated[Power | None, said("Null while nothing is said about held-out users.")]


class ArmExposure(TypedDict):
    """What the log holds of an arm's contacts with our campaigns."""

    subjects: Annotated[Count, said("People dealt into the arm who were exposed.")]
    contacts: Annotated[Count, said("Contacts of theirs with our campaigns.")]
    first_at: Time
    last_at: Time


class ReadingRevenue(TypedDict):
    """Incremental net revenue since the start."""

    estimate: MoneyText
    standard_error: Annotated[float, said("Major units.")]
    interval: Annotated[list[MoneyText], Meta(min_length=2, max_length=2, description="Lower and upper end.")]
    lower_bound: Annotated[MoneyText, said("One-sided and always valid.")]


class RecordedReading(TypedDict):
    """A month's reading as it was recorded."""

    month: Month
    revision: Annotated[int, said("A later one takes the place of an earlier one while the month is open.")]
    as_of: Time
    decision: _Decision
    final: Annotated[bool, said("Whether the registered analysis was due.")]
    told: Annotated[bool, said("Whether it was handed to SyncLedger.")]
    users: Annotated[Count, said("People who count.")]
    recorded_at: Time
    recorded_by: Annotated[str, said("Who recorded it; the worker does so by itself.")]
    compliance: Annotated[float | None, said("Part of treated people who were exposed.")]
    contamination: Annotated[float | None, said("Part of held-out people who were exposed.")]
    incremental_revenue: ReadingRevenue | None


class ExperimentDetails(RegisteredExperiment):
    """An experiment with its log and its readings."""

    assigned: Annotated[dict[str, int], said("Subjects by arm.")]
    exposed: Annotated[dict[str, ArmExposure], said("By arm; arms without any contact are absent.")]
    readings: Annotated[list[RecordedReading], said("Newest month first, at most 100.")]


class ExperimentPage(Page):
    """Experiments by their id."""

    experiments: Annotated[list[Experiment], said("By their id.")]


class Assignment(TypedDict):
    """Where a subject was dealt."""

    subject: Annotated[str, said("As it was given.")]
    arm: Annotated[ArmName, said("Where it belongs.")]
    logged_at: Time
    new: Annotated[bool, said("False: it had its arm before.")]


class Assignments(TypedDict):
    """Every subject of the request, in its order."""

    store_id: StoreNumber
    experiment_id: _Id
    assignments: Annotated[list[Assignment], said("In the order of the request.")]


class ArmFigures(TypedDict):
    """What people of an arm did."""

    users: Annotated[Count, said("People who count.")]
    buyers: Annotated[Count, said("People who ordered.")]
    orders: Annotated[Count, said("How many orders.")]
    order_rate: Annotated[Fraction, said("Buyers as a part of users.")]
    revenue_per_user: Annotated[float, said("Major units of the settlement currency.")]
    net_revenue_per_user: Annotated[float, said("After refunds, in major units.")]


class NotCounted(TypedDict):
    """What was left out, and how often."""

    before_assignment: Annotated[Count, said("Orders placed before their person was dealt.")]
    after_window: Annotated[Count, said("Orders placed after their person's window.")]
    unpriced: Annotated[Count, said("Orders in a currency without a rate; they count as nothing.")]
    people_in_two_arms: Annotated[Count, said("People whom two of their devices put into two arms; they are left out.")]


class SampleRatio(TypedDict):
    """Whether the arms filled as planned."""

    users: Annotated[Count, said("People who count.")]
    held_out: Annotated[Count, said("People in the hold-out.")]
    planned_share: Annotated[Fraction, said("Of the hold-out.")]
    p_value: Annotated[Fraction, said("Of there being no difference.")]
    suspect: Annotated[bool, said("Whether chance does not explain it.")]


class Effect(TypedDict):
    """A difference between the arms, per user: a rate, or major units."""

    difference: Annotated[float, said("Treated less held out.")]
    standard_error: Annotated[float, said("Of the estimate, in its own unit.")]
    interval: _Interval
    lift: Annotated[float | None, said("The difference as a part of what held-out users did.")]
    lift_interval: Annotated[_Interval | None, said("At the registered end alone.")]
    p_value: Annotated[float | None, said("At the registered end alone.")]


class SameBefore(TypedDict):
    """A/A: the same arms before anything was done to anybody."""

    difference: Annotated[float, said("Treated less held out.")]
    interval: _Interval
    p_value: Annotated[Fraction, said("Of there being no difference.")]
    alike: Annotated[bool, said("Whether the arms cannot be told apart.")]


class ExposureRate(TypedDict):
    """Who of an arm was exposed."""

    users: Annotated[Count, said("People who count.")]
    exposed: Annotated[Count, said("People who were exposed.")]
    contacts: Annotated[Count, said("Contacts of theirs with our campaigns.")]
    rate: Annotated[Fraction, said("Exposed people as a part of users.")]
    interval: _Interval


class ComplierEffect(TypedDict):
    """The effect on those whom being treated exposed."""

    effect: Annotated[float, said("Per complier: a rate, or major units.")]
    standard_error: Annotated[float, said("Of the estimate, in its own unit.")]
    interval: _Interval | None
    compliers: Annotated[float, said("Their part of all people.")]


class CampaignReach(TypedDict):
    """Whom a campaign reached."""

    campaign_id: Annotated[str, said("Our name of it.")]
    holdout: Annotated[Count, said("Held-out people whom it reached.")]
    treated: Annotated[Count, said("Treated people whom it reached.")]


class ComplierEffects(TypedDict):
    """By metric; null where it cannot be said."""

    order_rate: ComplierEffect | None
    revenue_per_user: ComplierEffect | None
    net_revenue_per_user: ComplierEffect | None


class Exposure(TypedDict):
    """Compliance and contamination."""

    compliance: Annotated[ExposureRate, said("Of treated people.")]
    contamination: Annotated[ExposureRate, said("Of held-out people.")]
    complier_effect: ComplierEffects
    campaigns: Annotated[list[CampaignReach], said("Those that reached most held-out people first, at most 20.")]


class Reading(TypedDict):
    """What an experiment shows, by intention to treat."""

    store_id: StoreNumber
    experiment_id: _Id
    status: Annotated[_Status, said("How it stands.")]
    plan_digest: Annotated[str, said("Of the plan, in hexadecimal.")]
    as_of: InstantText
    metric: Metric
    phase: Annotated[Literal["planned", "running", "ripening", "complete"], said("Where its calendar stands.")]
    is_final: Annotated[bool, said("Whether the registered analysis is due.")]
    interval_kind: Annotated[
        Literal["registered", "always_valid"], said("`always_valid` until the registered analysis is due.")
    ]
    decision: _Decision
    arms: Annotated[dict[str, ArmFigures], said("By arm; arms without people are absent.")]
    not_counted: NotCounted
    sample_ratio: SampleRatio | None
    order_rate: Effect | None
    revenue_per_user: Effect | None
    net_revenue_per_user: Effect | None
    incremental_revenue: Annotated[ReadingRevenue | None, said("Null with too few people.")]
    same_before: Annotated[SameBefore | None, said("Null where nobody bought anything then.")]
    exposure: Exposure | None
    warnings: Annotated[list[str], said("For people.")]


class RecordedReadingDetails(RecordedReading):
    """A recorded reading with its document."""

    new: Annotated[bool, said("False: it said nothing new and was not kept again.")]
    reading: Annotated[Reading, said("As it was kept.")]
