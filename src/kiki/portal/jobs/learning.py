"""Learning the attribution model from a store's own experiment: a candidate that runs in the shadow before it bills."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from kiki.commerce.attribution_models import FittedRow, put_fitted
from kiki.commerce.stores import StoreRepository
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.sealing import Sealer
from kiki.orchestrator.attribution.registry import CANDIDATE
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.orchestrator.experiments import outcomes, repository
from kiki.orchestrator.experiments.assignment import TREATED
from kiki.orchestrator.experiments.outcomes import Question, SampleRow
from kiki.orchestrator.experiments.service import question_of
from kiki.portal.jobs.computing import Computing
from kiki.portal.jobs.repository import Job
from kiki.portal.jobs.runner import Progress, Work

if TYPE_CHECKING:  # numpy is loaded where a fit wants it
    from kiki.orchestrator.attribution.from_experiment import Lesson


@dataclass(frozen=True, slots=True)
class Learning:
    """What the work needs."""

    database: Database
    sealer: Sealer
    clock: Clock


def learn_work(learning: Learning) -> Work:
    """One look at the experiment's people, then the fit in a process of its own. Begins anew when interrupted."""

    async def work(job: Job, progress: Progress) -> str:
        question, rows = await _ask(learning, job)
        async with progress.step():
            progress.total, progress.done = sum(row.people for row in rows), 0
        async with Computing.open() as computing:
            lesson = await computing.run(_learn, (rows, question))
        async with progress.step() as connection:
            row = _fitted(job.store_id, lesson, learning.clock.now())
            await put_fitted(connection, row)
            shadow = await _run_in_shadow(learning, connection, job.store_id)
            await _audit(learning, connection, job, row)
            progress.done = lesson.people
            progress.result = _result(row, shadow)
        ran = "runs in the shadow" if shadow == CANDIDATE else f"waits, for {shadow} is the store's second model"
        return f"learned from {lesson.people} people of {question.experiment.experiment_id}; the candidate {ran}"

    return work


async def _ask(learning: Learning, job: Job) -> tuple[Question, list[SampleRow]]:
    now = learning.clock.now()
    told = job.parameters.get("as_of")
    as_of = min(now, dt.datetime.fromisoformat(told)) if told else now
    async with learning.database.transaction() as connection:
        store = await StoreRepository(learning.sealer).get(connection, job.store_id)
        experiment = await repository.get(connection, job.store_id, job.parameters["experiment_id"])
        question = question_of(experiment, store, as_of)
        return question, await outcomes.samples(connection, question, treated=TREATED)


def _learn(given: tuple[list[SampleRow], Question]) -> Lesson:
    """Numpy is loaded on the way, which takes a while: in a process of its own."""
    from kiki.orchestrator.attribution.from_experiment import learn_from

    return learn_from(*given)


def _fitted(store_id: int, lesson: Lesson, now: dt.datetime) -> FittedRow:
    return FittedRow(
        store_id=store_id,
        name=CANDIDATE,
        fingerprint=lesson.parameters.fingerprint,
        fitted_at=now,
        source="experiment",
        size=lesson.people,
        parameters=lesson.parameters.to_plain(),
        report=lesson.report,
    )


async def _run_in_shadow(learning: Learning, connection: Connection, store_id: int) -> str:
    """Name the candidate as the second model where there is none; who is the second model now."""
    stores = StoreRepository(learning.sealer)
    settings = (await stores.get(connection, store_id)).settings
    if settings.attribution_shadow:
        return settings.attribution_shadow
    named = msgspec.structs.replace(settings, attribution_shadow=CANDIDATE)
    await stores.change_settings(connection, store_id, named)
    return CANDIDATE


def _result(row: FittedRow, shadow: str) -> dict[str, Any]:
    report = row.report
    shown = (
        "users",
        "features",
        "left_out",
        "order_rate_treated",
        "order_rate_held_out",
        "exposed_orders",
        "mean_confidence_exposed",
        "standard_error",
        "caused_orders",
        "caused_revenue",
        "revenue",
    )
    scores = {name: value for name, value in report["cross_validated"].items() if name != "bins"}
    return {
        "model": row.name,
        "version": f"1:{row.fingerprint}",
        "second_model": shadow,
        **{name: report[name] for name in shown},
        "cross_validated": scores,
        "learned_from": report["learned_from"],
    }


async def _audit(learning: Learning, connection: Connection, job: Job, row: FittedRow) -> None:
    intent = access_intent(
        store_id=job.store_id,
        actor=job.requested_by,
        action="attribution.learn",
        resource_type="attribution_model",
        resource_id=f"{row.name}:{row.fingerprint}",
        purpose=f"experiment {job.parameters['experiment_id']}",
        occurred_at=row.fitted_at,
    )
    await enqueue(connection, learning.sealer, [intent])
