"""Experiments of a store: registered before they start, logged before exposure, read by intention to treat."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from fastapi import Path, Query
from starlette.status import HTTP_201_CREATED

from kiki.kit.database import Connection
from kiki.kit.errors import InvalidInput
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.orchestrator.experiments import repository, service
from kiki.orchestrator.experiments.plans import Experiment, plan_values, power_of
from kiki.orchestrator.experiments.repository import Exposed, ReadingRow
from kiki.portal.access import documented_key
from kiki.portal.internal.answers.experiments import (
    ArmExposure,
    ArmName,
    Assignments,
    ExperimentDetails,
    ExperimentPage,
    ExperimentPlan,
    Power,
    Reading,
    RecordedReading,
    RecordedReadingDetails,
    RegisteredExperiment,
)
from kiki.portal.internal.answers.experiments import Experiment as ExperimentAnswer
from kiki.portal.internal.experiment_schemas import AssignmentBody, ReadingBody, RegistrationBody
from kiki.portal.internal.pages import Cursor, Limit, StoreId, decode_cursor, encode_cursor
from kiki.portal.internal.schemas import Instant
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected, Services

router = AnswerRouter(prefix="/internal/experiments", tags=["experiments"], dependencies=[documented_key])

_Id = Annotated[str, Path(min_length=1, max_length=64, description="The experiment's id.")]
_ROW = ("month", "revision", "as_of", "decision", "final", "told", "users", "recorded_at", "recorded_by")


@router.post(
    "/{store_id}", operation_id="register_experiment", status_code=HTTP_201_CREATED, summary="Register an experiment"
)
async def register(services: Injected, actor: Actor, store_id: StoreId, body: RegistrationBody) -> RegisteredExperiment:
    """Metric, hold-out, window, times, alpha, power and effect, fixed beforehand; answers what the plan can show.

    While it is a draft, the same id with another plan replaces it; once it has started, that is refused.
    """
    plan, expected = body.plan(store_id)
    power = power_of(plan, expected)
    async with services.database.transaction() as connection:
        await services.stores.get(connection, store_id)
        experiment = await service.register(
            connection,
            store_id=store_id,
            experiment_id=body.experiment_id,
            plan=plan,
            expected=expected,
            actor=actor,
            now=services.clock.now(),
        )
        await _audit(services, connection, experiment, actor, "experiment.register")
    return {**_shown(experiment), "power": cast("Power | None", power)}


@router.get("/{store_id}", operation_id="list_experiments", summary="List a store's experiments")
async def list_all(services: Injected, store_id: StoreId, limit: Limit = 100, cursor: Cursor = "") -> ExperimentPage:
    after = decode_cursor(cursor, (str,))
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
        found = await repository.list_experiments(connection, store_id, after[0] if after else "", limit)
    last = encode_cursor(found[-1].experiment_id) if len(found) == limit else ""
    return {"experiments": [_shown(one) for one in found], "next_cursor": last}


@router.get("/{store_id}/{experiment_id}", operation_id="get_experiment", summary="Show an experiment")
async def show(services: Injected, store_id: StoreId, experiment_id: _Id) -> ExperimentDetails:
    """The plan with its digest, what it can show, subjects dealt and exposed, and the recorded readings."""
    async with services.database.connection() as connection:
        experiment = await repository.get(connection, store_id, experiment_id)
        logged = await repository.count_logged(connection, experiment)
        exposed = await repository.count_exposures(connection, experiment)
        readings = await repository.list_readings(connection, experiment, 100)
    return {
        **_shown(experiment),
        "power": cast("Power | None", power_of(experiment.plan, experiment.expected)),
        "assigned": logged,
        "exposed": {one.arm: _exposed(one) for one in exposed},
        "readings": [_row(row) for row in readings],
    }


@router.post("/{store_id}/{experiment_id}/assign", operation_id="assign_subjects", summary="Deal subjects into arms")
async def assign(
    services: Injected, actor: Actor, store_id: StoreId, experiment_id: _Id, body: AssignmentBody
) -> Assignments:
    """Each is logged before this answers; show nothing to anybody before. A subject keeps its arm for ever."""
    async with services.database.transaction(durable=True) as connection:
        experiment = await repository.get(connection, store_id, experiment_id, lock="FOR SHARE")
        dealt = await service.assign(
            connection, services.sealer, experiment, body.kind, body.subjects, services.clock.now()
        )
        new = sum(one.new for one in dealt)
        if new:
            await _audit(services, connection, experiment, actor, "experiment.assign", f"{new} new")
    return {
        "store_id": store_id,
        "experiment_id": experiment_id,
        "assignments": [
            {"subject": one.subject, "arm": cast("ArmName", one.arm), "logged_at": one.logged_at, "new": one.new}
            for one in dealt
        ],
    }


@router.get("/{store_id}/{experiment_id}/reading", operation_id="read_experiment", summary="Read an experiment now")
async def read(
    services: Injected,
    store_id: StoreId,
    experiment_id: _Id,
    as_of: Annotated[Instant | None, Query(description="Up to when outcomes count; left out: now.")] = None,
) -> Reading:
    """By intention to treat, from the shop's own live and paid orders: order rate, revenue, lift, sample ratio, A/A.

    Beside it who was exposed: compliance, contamination, and the effect on those whom being treated exposed.

    The interval is always valid until the registered analysis is due; looking often does no harm. Nothing is recorded.
    """
    now = services.clock.now()
    moment = now if as_of is None or as_of > now else as_of
    async with services.database.connection() as connection:
        store = await services.stores.get(connection, store_id)
        experiment = await repository.get(connection, store_id, experiment_id)
    if as_of is not None and as_of < service.begins_at(experiment):
        began = service.begins_at(experiment).isoformat()
        raise InvalidInput(
            f"nothing can be read from before the experiment began ({began}), got {as_of.isoformat()}",
            reason="BEFORE_EXPERIMENT",
        )
    reading = await service.read_now(services.database, experiment, store, moment)
    return cast("Reading", service.document_of(reading, experiment))


@router.post("/{store_id}/{experiment_id}/readings", operation_id="record_reading", summary="Record a month's reading")
async def record(
    services: Injected, actor: Actor, store_id: StoreId, experiment_id: _Id, body: ReadingBody | None = None
) -> RecordedReadingDetails:
    """Kept for ever, and handed to SyncLedger where a contract may bill on it. One that says nothing new is not kept.

    The worker records each month by itself six hours after its end.
    """
    now = services.clock.now()
    async with services.database.connection() as connection:
        store = await services.stores.get(connection, store_id)
        experiment = await repository.get(connection, store_id, experiment_id)
    month = (body.month if body else None) or service.month_at(now, store.timezone)
    experiment.check_readable()
    moment = service.reading_time(experiment, store, month, now)
    reading = await service.read_now(services.database, experiment, store, moment)
    async with services.database.transaction() as connection:
        row, new = await service.record(
            connection, services.sealer, experiment, reading, month=month, actor=actor, now=now
        )
        if new:
            await _audit(services, connection, experiment, actor, "experiment.record", f"{month} rev {row.revision}")
    return {**_row(row), "new": new, "reading": cast("Reading", row.document)}


@router.post(
    "/{store_id}/{experiment_id}/{command}",
    operation_id="command_experiment",
    summary="Start, end or cancel an experiment",
)
async def command(
    services: Injected,
    actor: Actor,
    store_id: StoreId,
    experiment_id: _Id,
    command: Literal["start", "end", "cancel"],
) -> ExperimentAnswer:
    """A start freezes the plan. An early end gives up the registered interval. What was read can only be ended."""
    async with services.database.transaction() as connection:
        experiment, changed = await service.move(connection, store_id, experiment_id, command, services.clock.now())
        if changed:
            await _audit(services, connection, experiment, actor, f"experiment.{command}")
    return _shown(experiment)


def _shown(experiment: Experiment) -> ExperimentAnswer:
    return {
        "store_id": experiment.store_id,
        "experiment_id": experiment.experiment_id,
        "status": experiment.status.value,
        "plan": cast("ExperimentPlan", plan_values(experiment.plan, experiment.expected)),
        "digest": experiment.plan.digest(),
        "registered_at": experiment.registered_at,
        "registered_by": experiment.registered_by,
        "started_at": experiment.started_at,
        "ended_at": experiment.ended_at,
        "cancelled_at": experiment.cancelled_at,
        "complete_at": experiment.closes_at,
    }


def _exposed(one: Exposed) -> ArmExposure:
    return {
        "subjects": one.subjects,
        "contacts": one.contacts,
        "first_at": one.first_at,
        "last_at": one.last_at,
    }


def _row(row: ReadingRow) -> RecordedReading:
    told = row.document.get("exposure")
    rates = {name: told[name]["rate"] if told else None for name in ("compliance", "contamination")}
    revenue = row.document["incremental_revenue"]
    fields = {name: getattr(row, name) for name in _ROW}
    return cast("RecordedReading", {**fields, **rates, "incremental_revenue": revenue})


async def _audit(
    services: Services, connection: Connection, experiment: Experiment, actor: str, action: str, purpose: str = ""
) -> None:
    intent = access_intent(
        store_id=experiment.store_id,
        actor=actor,
        action=action,
        resource_type="experiment",
        resource_id=experiment.experiment_id,
        purpose=purpose,
        occurred_at=services.clock.now(),
    )
    await enqueue(connection, services.sealer, [intent])
