"""Recalculations: their parameters, checked before a job is queued, and the rows of their diffs."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from kiki.commerce.attribution_models import DiffRow, count_diff
from kiki.kit.database import Connection
from kiki.kit.errors import Conflict, InvalidInput
from kiki.orchestrator.workflows.reading import Shelf, read_shelf
from kiki.orchestrator.workflows.recalculating import speakers_of
from kiki.portal.internal.answers.jobs import ChangedOrder
from kiki.portal.internal.attribution_schemas import RecalculationBody
from kiki.portal.jobs.kinds import RECALCULATE
from kiki.portal.jobs.recalculation import check_grounds, check_in_force
from kiki.portal.jobs.repository import get_job
from kiki.portal.services import Services


async def recalculation_parameters(services: Services, store_id: int, body: RecalculationBody) -> dict[str, Any]:
    """A job's parameters, checked as far as they can be now."""
    parameters = body.model_dump(mode="json", exclude_none=True)
    async with services.database.connection() as connection:
        shelf = await read_shelf(connection, await services.stores.get(connection, store_id))
        if body.diff_job is not None:
            return await _diff_parameters(connection, shelf, store_id, body)
    if body.model is not None:
        speakers_of(shelf, body.model)
        parameters.setdefault("dry_run", True)
    if parameters.get("dry_run") is False:
        if body.model is None:
            del parameters["dry_run"]
        else:
            check_in_force(shelf, body.model)
    return parameters


async def _diff_parameters(
    connection: Connection, shelf: Shelf, store_id: int, body: RecalculationBody
) -> dict[str, Any]:
    """Of a job that applies a diff: only one that is complete, of this store, and of the model that it says."""
    if body.dry_run or body.placed_from or body.placed_to or body.model:
        raise InvalidInput("a diff is applied as it is: diff_job goes alone", reason="BAD_RECALCULATION")
    assert body.diff_job is not None
    job = await get_job(connection, body.diff_job)
    if job.store_id != store_id or job.kind != RECALCULATE or "months" not in job.result:
        raise Conflict(f"job {body.diff_job} has no diff of store {store_id} to apply", reason="NO_DIFF")
    if await count_diff(connection, store_id, job.job_id) != job.result["changed"]:
        raise Conflict(f"the diff of job {body.diff_job} is no longer kept: compute it again", reason="NO_DIFF")
    await check_grounds(connection, shelf.view.store, job)
    return {"diff_job": body.diff_job, "model": job.result["model"]}


def diff_json(row: DiffRow) -> ChangedOrder:
    """A row of a diff."""
    fields = dataclasses.asdict(row)
    for name in ("store_id", "job_id"):
        del fields[name]
    told = {name: float(value) if name.endswith("_confidence") else value for name, value in fields.items()}
    return cast("ChangedOrder", told)
