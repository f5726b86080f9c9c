"""Background jobs, what they came to, and attribution models."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from msgspec import Meta

from kiki.portal.internal.answers.shared import (
    Confidence,
    Count,
    CurrencyCode,
    InstantText,
    Minor,
    Month,
    Page,
    RowId,
    StoreNumber,
    Time,
    Verdict,
    said,
)
from kiki.portal.message_schemas import REF, message
from kiki.rpc.v1 import syncvalue_pb2 as value

Kind = Literal[
    "sync_products",
    "sync_orders",
    "recalculate_attribution",
    "attribution_fit",
    "attribution_compare",
    "attribution_learn",
]


class ComparedModel(TypedDict):
    """What a model would have billed of one currency and arm."""

    currency: CurrencyCode
    arm: Annotated[str, said("Of the A/B test; empty without one.")]
    model: Annotated[str, said("The model by its name.")]
    version: Annotated[str, said("The model and its parameters, as decisions name them.")]
    orders: Annotated[Count, said("How many orders.")]
    touched: Annotated[Count, said("Orders with any signal, incremental ones included.")]
    in_review: Annotated[Count, said("Orders that would wait for a person.")]
    billed_orders: Annotated[Count, said("Orders that would be billed.")]
    billed_minor: Minor
    fee_minor: Minor
    expected_minor: Minor
    mean_confidence: Annotated[float, said("Over all orders.")]
    agreement: Annotated[float, said("Part of the orders on which it decides as the store's own model.")]


class ChangedMonth(TypedDict):
    """What a recalculation would change of a month, before refunds."""

    month: Month
    currency: CurrencyCode
    orders: Annotated[Count, said("How many orders.")]
    then_minor: Minor
    now_minor: Minor


class ComputedUnder(TypedDict):
    """What a diff rests on; applied under anything else it would come to something else."""

    rules: Annotated[dict[str, str], said("Settings of the store that decide or bill.")]
    models: Annotated[str, said("Models and the versions by which they speak.")]
    campaigns: Annotated[str, said("A digest of the registered campaigns.")]
    position: Annotated[int, said("How far the store's history had come.")]


class LearnedFrom(TypedDict):
    """The experiment that taught, and whom it was learned from."""

    experiment_id: Annotated[str, said("The experiment.")]
    plan_digest: Annotated[str, said("Of its plan, in hexadecimal.")]
    metric: Annotated[str, said("What it compares.")]
    as_of: InstantText
    starts_at: InstantText
    outcome_window_days: Annotated[int, said("How long an outcome counted.")]
    attribution_window_days: Annotated[int, said("How long a contact counted.")]
    currency: CurrencyCode
    treated: Annotated[Count, said("Treated people.")]
    held_out: Annotated[Count, said("Held-out people.")]
    treated_buyers: Annotated[Count, said("Treated people who ordered.")]
    held_out_buyers: Annotated[Count, said("Held-out people who ordered.")]
    held_out_exposed: Annotated[Count, said("Held-out people who were exposed all the same.")]
    sample_ratio_p_value: Annotated[float, said("Of the arms having filled as planned.")]
    rows: Annotated[Count, said("Groups of people who are alike.")]


class ProductsSynced(TypedDict, total=False):
    """What came of `sync_products`; a field is there once it is known."""

    read: Annotated[bool, said("The shop was read to its end.")]
    new_deliveries: Annotated[Count, said("What was not known yet.")]
    notes: Annotated[list[str], said("For people.")]


class OrdersSynced(ProductsSynced, total=False):
    """What came of `sync_orders`; a field is there once it is known."""

    history_from: Annotated[str, said("From when on revenue is known, ISO 8601.")]
    asked: Annotated[bool, said("SyncValue was asked for the baseline.")]
    baseline: Annotated[dict[str, Any], message(value.Baseline)]
    contract: Annotated[str, said("`told`, or why the baseline is not in the contract.")]
    dead_letters: Annotated[Count, said("What the baseline misses.")]


class AttributionRecalculated(TypedDict, total=False):
    """What came of `recalculate_attribution`; a field is there once it is known."""

    computed_under: Annotated[ComputedUnder, said("What the diff rests on.")]
    computed_anew: Annotated[Count, said("How often that changed while it was computed.")]
    model: Annotated[str, said("The model that would decide.")]
    dry_run: Annotated[bool, said("Whether nothing was to be changed.")]
    orders: Annotated[Count, said("Orders that were looked at.")]
    changed: Annotated[Count, said("Orders that would be decided otherwise.")]
    months: Annotated[list[ChangedMonth], said("By month and currency.")]
    causes: Annotated[dict[str, int], said("Orders by what changes about them.")]
    moved: Annotated[Count, said("Orders that were decided anew since the diff was computed.")]
    round: Annotated[int, said("Which look at whether all was decided so.")]
    behind: Annotated[Count, said("Orders that were not decided so yet.")]
    again: Annotated[Count, said("Orders that were handed over once more.")]


class AttributionFitted(TypedDict, total=False):
    """What came of `attribution_fit`; a field is there once it is known."""

    model: Annotated[str, said("The model that was fitted.")]
    fingerprint: Annotated[str, said("Of the parameters.")]
    orders: Annotated[Count, said("Orders that it was fitted on.")]
    visitors: Annotated[Count, said("People who never ordered.")]
    channels: Annotated[Count, said("How many channels the paths are made of.")]


class AttributionCompared(TypedDict, total=False):
    """What came of `attribution_compare`; a field is there once it is known."""

    store_model: Annotated[str, said("The model that bills.")]
    second_model: Annotated[str, said("Recorded and never billed; empty: none.")]
    ab_share_ppm: Annotated[int, said("Customers, in parts per million.")]
    fee_rate: Annotated[str, said("Decimal text, 0 to 1.")]
    basis: Annotated[Literal["net_sales", "total"], said("Which amount of an order the fee is taken on.")]
    models: Annotated[list[ComparedModel], said("By currency, arm and model.")]


class AttributionLearned(TypedDict, total=False):
    """What came of `attribution_learn`; a field is there once it is known."""

    model: Annotated[str, said("The model that learned.")]
    version: Annotated[str, said("The model and its parameters, as decisions name them.")]
    second_model: Annotated[str, said("Recorded and never billed; empty: none.")]
    users: Annotated[Count, said("People that it was learned from.")]
    features: Annotated[list[str], said("What the model looks at.")]
    left_out: Annotated[dict[str, str], said("What was not used, and why.")]
    order_rate_treated: Annotated[float, said("Of treated people.")]
    order_rate_held_out: Annotated[float, said("Of held-out people.")]
    exposed_orders: Annotated[Count, said("Orders of people who were exposed.")]
    mean_confidence_exposed: Annotated[float, said("Over these orders.")]
    standard_error: Annotated[float, said("Of what was caused.")]
    caused_orders: Annotated[float, said("What the experiment shows was caused.")]
    caused_revenue: Annotated[float, said("What the experiment shows was caused, in major units.")]
    revenue: Annotated[float, said("In major units.")]
    cross_validated: Annotated[dict[str, Any], said("Scores on people whom the model had not seen.")]
    learned_from: LearnedFrom


RESULTS: dict[str, Any] = {
    "sync_products": ProductsSynced,
    "sync_orders": OrdersSynced,
    "recalculate_attribution": AttributionRecalculated,
    "attribution_fit": AttributionFitted,
    "attribution_compare": AttributionCompared,
    "attribution_learn": AttributionLearned,
}
"""What comes of each kind of job."""
JobResult = Annotated[
    dict[str, Any],
    Meta(
        description="What came of it, by its kind: "
        + ", ".join(f"`{kind}`: {result.__name__}" for kind, result in RESULTS.items())
        + ". Empty while nothing is known.",
        extra_json_schema={"anyOf": [{"$ref": f"{REF}{result.__name__}"} for result in RESULTS.values()]},
    ),
]


class Job(TypedDict):
    """A background job and how far it is."""

    store_id: StoreNumber
    job_id: Annotated[RowId, said("Counts the jobs.")]
    kind: Annotated[Kind, said("What it does.")]
    parameters: Annotated[dict[str, Any], said("As they were asked for.")]
    status: Annotated[Literal["queued", "running", "succeeded", "failed"], said("How it stands.")]
    requested_by: Annotated[str, said("Who asked for it.")]
    done: Annotated[Count, said("How much is done; of `total`.")]
    total: Annotated[int | None, said("Null while it is not known.")]
    reason: Annotated[str, said("Why it waits or failed; otherwise empty.")]
    message: Annotated[str, said("For people.")]
    attempts: Annotated[Count, said("Since it last got on.")]
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    result: JobResult


class AddedJob(Job):
    """The job that was added, or the open one of the same kind."""

    job_url: Annotated[str, said("Where to look how far it is.")]


class JobPage(Page):
    """Jobs, newest first."""

    jobs: Annotated[list[Job], said("Newest first.")]


class ChangedOrder(TypedDict):
    """What a recalculation would change about an order; amounts are before refunds."""

    order_id: Annotated[str, said("As the shop names the order.")]
    month: Annotated[Month, said("Of its payment in the store's time zone; of its placing while unpaid.")]
    cause: Annotated[str, said("Why.")]
    currency: CurrencyCode
    then_model: Annotated[str, said("What decided before.")]
    then_verdict: Verdict
    then_confidence: Confidence
    then_minor: Minor
    now_model: Annotated[str, said("What would decide.")]
    now_verdict: Verdict
    now_confidence: Confidence
    now_minor: Minor


class ChangedOrderPage(Page):
    """A recalculation's diff, by order."""

    orders: Annotated[list[ChangedOrder], said("By order.")]


class FittedModel(TypedDict):
    """Parameters of an attribution model."""

    name: Annotated[str, said("The model that speaks by them.")]
    fingerprint: Annotated[str, said("Of the parameters: the same ones have the same.")]
    fitted_at: Time
    source: Annotated[
        Literal["history", "experiment", "upload"],
        said("`history`: the store's own touchpoints. `experiment`: its own hold-out. `upload`: told by this API."),
    ]
    size: Annotated[Count, said("Users or orders that they were fitted on.")]
    parameters: Annotated[dict[str, Any], said("As `kiki attribution learn --json` prints them.")]
    report: Annotated[dict[str, Any], said("How good they are, as the fit told.")]
    version: Annotated[str, said("How decisions name them.")]


class AdoptedModel(FittedModel):
    """What ran in the shadow and now speaks as `learned`."""

    store_model: Annotated[str, said("The model that bills.")]


class ListedModel(FittedModel):
    """One fit of a store."""

    in_use: Annotated[bool, said("Whether its model speaks by it now.")]


class AttributionModels(TypedDict):
    """The store's models, and every fit."""

    store_id: StoreNumber
    model: Annotated[str, said("The one that bills.")]
    second_model: Annotated[str, said("Recorded and never billed; empty: none.")]
    ab_share_ppm: Annotated[int, said("Customers, in parts per million, for whom the second model decides.")]
    fits: Annotated[list[ListedModel], said("Newest first.")]
