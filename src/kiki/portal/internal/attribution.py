"""Attribution models of a store: what is fitted, what they would bill, and why an order was decided as it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from typing import Annotated, cast

import msgspec
from fastapi import Path
from starlette.status import HTTP_202_ACCEPTED

from kiki.commerce.attribution_models import (
    FittedRow,
    ShadowRow,
    list_fitted,
    list_shadows,
    newest_fitted,
    put_fitted,
    shadow_run,
)
from kiki.commerce.campaigns import TouchpointRow
from kiki.commerce.history import orders_by_key
from kiki.commerce.orders import OrderRow
from kiki.commerce.stores import StoreSettings
from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.orchestrator.attribution.model import Case, Decision, Signal
from kiki.orchestrator.attribution.registry import (
    CANDIDATE,
    FITTED,
    available_models,
    check_parameters,
    read_parameters,
)
from kiki.orchestrator.attribution.speaking import all_facts
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.orchestrator.experiments import repository as experiments
from kiki.orchestrator.workflows.attributing import channel_of, leads_to
from kiki.orchestrator.workflows.batch import StoreView
from kiki.orchestrator.workflows.caches import naming_of
from kiki.orchestrator.workflows.reading import case_in, read_order, read_shelf
from kiki.orchestrator.workflows.trails import Trail
from kiki.portal.access import documented_key
from kiki.portal.audit import note_alone
from kiki.portal.internal.answers.jobs import AddedJob, AdoptedModel, AttributionModels, FittedModel, ListedModel
from kiki.portal.internal.answers.shop import Explained, ModelSays, ShadowDecision, ShownTouchpoint
from kiki.portal.internal.answers.shop import Signal as SignalAnswer
from kiki.portal.internal.attribution_schemas import FittedBody, LearnBody, SpanBody
from kiki.portal.internal.jobs import job_json
from kiki.portal.internal.pages import StoreId
from kiki.portal.jobs.kinds import COMPARE_ATTRIBUTION, FIT_ATTRIBUTION, LEARN_ATTRIBUTION
from kiki.portal.queries import shop
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected, Services

router = AnswerRouter(prefix="/internal/attribution", tags=["attribution"], dependencies=[documented_key])

_Name = Annotated[str, Path(min_length=1, max_length=40)]
_OrderId = Annotated[str, Path(min_length=1, max_length=200)]
_SHOWN_TOUCHPOINTS = 200
_LEAST_SHADOWED = 30
"""Orders that a candidate decides beside the store's own model before it may bill."""


@router.post(
    "/fit/{store_id}",
    operation_id="fit_attribution",
    status_code=HTTP_202_ACCEPTED,
    summary="Fit models on the store's own history",
)
async def fit(services: Injected, actor: Actor, store_id: StoreId, body: SpanBody | None = None) -> AddedJob:
    """A background job: the Markov chain of every path. From its end on the model speaks by the new parameters."""
    return await _add(services, store_id, FIT_ATTRIBUTION, body, actor)


@router.post(
    "/compare/{store_id}",
    operation_id="compare_attribution",
    status_code=HTTP_202_ACCEPTED,
    summary="Set all models side by side",
)
async def compare(services: Injected, actor: Actor, store_id: StoreId, body: SpanBody | None = None) -> AddedJob:
    """A background job; its result says what each model would have billed, by currency and arm."""
    return await _add(services, store_id, COMPARE_ATTRIBUTION, body, actor)


@router.post(
    "/learn/{store_id}",
    operation_id="learn_attribution",
    status_code=HTTP_202_ACCEPTED,
    summary="Learn from the store's own experiment",
)
async def learn(services: Injected, actor: Actor, store_id: StoreId, body: LearnBody) -> AddedJob:
    """A background job: what a hold-out taught becomes the model `candidate`, which runs beside the store's own one.

    It is recorded and never billed until it is adopted as `learned`.
    """
    async with services.database.connection() as connection:
        experiment = await experiments.get(connection, store_id, body.experiment_id)
    experiment.check_readable()
    return await _add(services, store_id, LEARN_ATTRIBUTION, body, actor)


@router.post(
    "/models/{store_id}/candidate/adopt",
    operation_id="adopt_candidate",
    summary="Let what ran in the shadow speak as learned",
)
async def adopt(services: Injected, actor: Actor, store_id: StoreId) -> AdoptedModel:
    """The candidate's newest version becomes that of `learned`; refused before it has decided 30 orders beside.

    Its shadow run ends. Whether `learned` bills is for the store's rules to say.
    """
    now = services.clock.now()
    async with services.database.transaction() as connection:
        store = await services.stores.get(connection, store_id)
        candidate = await newest_fitted(connection, store_id, CANDIDATE)
        if candidate is None:
            raise FailedPrecondition("the store has no candidate: learn one from an experiment", reason="NOT_FITTED")
        run = await shadow_run(connection, store_id, CANDIDATE, f"1:{candidate.fingerprint}")
        if run.orders < _LEAST_SHADOWED:
            raise FailedPrecondition(
                f"a candidate decides {_LEAST_SHADOWED} orders in the shadow before it is adopted; version"
                f" 1:{candidate.fingerprint} has decided {run.orders}",
                reason="NOT_SHADOWED",
            )
        told = msgspec.to_builtins(dataclasses.asdict(run))
        row = dataclasses.replace(
            candidate, name="learned", fitted_at=now, report={**candidate.report, "shadow_run": told}
        )
        await put_fitted(connection, row)
        if store.settings.attribution_shadow == CANDIDATE:
            await services.stores.change_settings(
                connection, store_id, msgspec.structs.replace(store.settings, attribution_shadow="")
            )
        intent = access_intent(
            store_id=store_id,
            actor=actor,
            action="attribution.adopt_candidate",
            resource_type="attribution_model",
            resource_id=f"learned:{row.fingerprint}",
            occurred_at=now,
        )
        await enqueue(connection, services.sealer, [intent])
    return {**_fit_json(row), "store_model": store.settings.attribution_model}


@router.get("/models/{store_id}", operation_id="list_attribution_models", summary="The store's models, and every fit")
async def models(services: Injected, store_id: StoreId) -> AttributionModels:
    """The newest fit of a name is the one that it speaks by."""
    async with services.database.connection() as connection:
        store = await services.stores.get(connection, store_id)
        rows = await list_fitted(connection, store_id)
    newest: set[str] = set()
    fits: list[ListedModel] = []
    for row in rows:
        fits.append({**_fit_json(row), "in_use": row.name not in newest})
        newest.add(row.name)
    naming = naming_of(store.settings)
    return {
        "store_id": store_id,
        "model": naming.model,
        "second_model": naming.shadow,
        "ab_share_ppm": naming.share_ppm,
        "fits": fits,
    }


@router.put(
    "/models/{store_id}/{name}",
    operation_id="put_attribution_model",
    summary="Put parameters that were fitted elsewhere",
)
async def put_model(services: Injected, actor: Actor, store_id: StoreId, name: _Name, body: FittedBody) -> FittedModel:
    """From now on the model speaks by them. The same parameters have the same fingerprint."""
    if name not in FITTED:
        raise InvalidInput(f"a fitted model is one of {', '.join(FITTED)}, got {name!r}", reason="UNKNOWN_MODEL")
    parameters = read_parameters(name, body.parameters)
    assert parameters is not None
    check_parameters(parameters)
    row = FittedRow(
        store_id=store_id,
        name=name,
        fingerprint=parameters.fingerprint,
        fitted_at=services.clock.now(),
        source="upload",
        size=body.size,
        parameters=parameters.to_plain(),
        report=body.report,
    )
    async with services.database.transaction() as connection:
        await services.stores.get(connection, store_id)
        await put_fitted(connection, row)
        intent = access_intent(
            store_id=store_id,
            actor=actor,
            action="attribution.put_model",
            resource_type="attribution_model",
            resource_id=f"{name}:{row.fingerprint}",
            occurred_at=row.fitted_at,
        )
        await enqueue(connection, services.sealer, [intent])
    return _fit_json(row)


@router.get(
    "/explain/{store_id}/{order_id}", operation_id="explain_order", summary="Why an order was decided as it was"
)
async def explain(services: Injected, store_id: StoreId, order_id: _OrderId) -> Explained:
    """Every decision with its signals, what the confidence would be without each, the raw evidence, and the review.

    `models` is what each model says of the evidence as it is known now.
    """
    async with services.database.connection() as connection:
        store = await services.stores.get(connection, store_id)
        shown = await shop.get_order(connection, store_id, order_id)
        shelf = await read_shelf(connection, store)
        order = (await orders_by_key(connection, [(store_id, order_id)]))[store_id, order_id]
        page = await read_order(connection, shelf, order, now=services.clock.now(), sealer=services.sealer)
        shadows = await list_shadows(connection, store_id, order_id)
    wide = dataclasses.replace(shelf.view, speakers=all_facts(shelf.view.speakers.model))
    case = case_in(page, wide, order)
    decisions = [model.decide(case) for model in available_models(shelf.fitted)]
    return {
        "store_id": store_id,
        "order_id": shown["order_id"],
        "number": shown["number"],
        "placed_at": shown["placed_at"],
        "paid_at": shown["paid_at"],
        "verdict": shown["verdict"],
        "confidence": shown["confidence"],
        "campaign_id": shown["campaign_id"],
        "arm": shelf.view.speakers.arm(order.customer_key),
        "decisions": shown["attributions"],
        "review": shown["review"],
        "touchpoints": _touchpoints(page.batch.trail(store_id, order.customer_key), case, wide, order),
        "facts": dict(case.facts),
        "models": [_says(decision) for decision in decisions],
        "second_model": [_shadow(row) for row in shadows],
    }


def check_models(settings: StoreSettings, known: Container[str]) -> None:
    """Refuse models that do not exist, or that want a fit and have none."""
    naming = naming_of(settings)
    naming.check()
    for name in naming.wanting_fit():
        if name not in known:
            raise FailedPrecondition(
                f"the model {name} has not been fitted for this store: fit it first", reason="NOT_FITTED"
            )


def _touchpoints(trail: Trail, case: Case, view: StoreView, order: OrderRow) -> list[ShownTouchpoint]:
    """The buyer's contacts around the order, those that do not count for it included, the newest last."""
    counting = {touch.touchpoint_id: touch.campaign_id for touch in case.touches}
    elsewhere = {touch.touchpoint_id: touch.campaign_id for touch in case.others}
    found = []
    for row in trail.rows[-_SHOWN_TOUCHPOINTS:]:
        in_window = case.placed_at - case.rules.window <= row.at <= case.placed_at
        campaign_id, channel = counting.get(row.touchpoint_id), elsewhere.get(row.touchpoint_id)
        if not in_window:
            campaign_id = leads_to(view, order, row)
            channel = channel_of(row) or None if campaign_id is None and row.kind != "view" else None
        found.append(_touchpoint(row, campaign_id, channel, in_window=in_window))
    return found


def _touchpoint(
    row: TouchpointRow, campaign_id: str | None, channel: str | None, *, in_window: bool
) -> ShownTouchpoint:
    """A contact as raw evidence; nothing of a person stands in it."""
    return {
        "touchpoint_id": row.touchpoint_id,
        "at": row.at,
        "kind": row.kind,
        "source": row.source,
        "campaign_id": campaign_id,
        "channel": channel,
        "in_window": in_window,
        "utm_source": row.utm_source,
        "utm_medium": row.utm_medium,
        "utm_campaign": row.utm_campaign,
        "utm_id": row.utm_id,
        "landing": row.landing,
        "referrer": row.referrer,
        "consent": row.consent,
        "recorded_at": row.recorded_at,
    }


def _says(decision: Decision) -> ModelSays:
    return {
        "model": decision.model,
        "version": decision.version,
        "verdict": decision.verdict.value,
        "confidence": float(decision.confidence),
        "billed_share": float(decision.billed_share) if decision.billed(1_000_000) else 0.0,
        "campaign_id": decision.campaign_id,
        "signals": [_signal(signal) for signal in decision.signals],
    }


def _shadow(row: ShadowRow) -> ShadowDecision:
    return cast("ShadowDecision", {**dataclasses.asdict(row), "confidence": float(row.confidence)})


def _signal(signal: Signal) -> SignalAnswer:
    return {
        "name": signal.name,
        "weight": float(signal.weight),
        "without": None if signal.without is None else float(signal.without),
        "campaign_ids": list(signal.campaign_ids),
        "touchpoint_ids": list(signal.touchpoint_ids),
        "product_ids": list(signal.product_ids),
        "order_id": signal.order_id,
    }


def _fit_json(row: FittedRow) -> FittedModel:
    fields = dataclasses.asdict(row)
    del fields["store_id"]
    return cast("FittedModel", {**fields, "version": f"1:{row.fingerprint}"})


async def _add(services: Services, store_id: int, kind: str, body: SpanBody | LearnBody | None, actor: str) -> AddedJob:
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
    parameters = (body or SpanBody()).model_dump(mode="json", exclude_none=True)
    job = await services.jobs.add(store_id=store_id, kind=kind, parameters=parameters, requested_by=actor)
    await note_alone(services, store_id=store_id, actor=actor, action=f"job.{kind}", resource=("job", job.job_id))
    return {**job_json(job), "job_url": f"/internal/jobs/{job.job_id}"}
