"""Background jobs: sync, recalculation, and how far they are."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, cast

from fastapi import Path, Query
from starlette.status import HTTP_202_ACCEPTED

from kiki.commerce.attribution_models import list_diff
from kiki.portal.access import documented_key
from kiki.portal.audit import note_alone
from kiki.portal.internal.answers.jobs import AddedJob, ChangedOrderPage, JobPage
from kiki.portal.internal.answers.jobs import Job as JobAnswer
from kiki.portal.internal.attribution_schemas import RecalculationBody
from kiki.portal.internal.pages import Cursor, Limit, StoreFilter, StoreId, decode_cursor, encode_cursor
from kiki.portal.internal.recalculations import diff_json, recalculation_parameters
from kiki.portal.jobs.kinds import RECALCULATE, SYNC_ORDERS, SYNC_PRODUCTS
from kiki.portal.jobs.repository import Job, get_job, list_jobs
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected, Services

router = AnswerRouter(prefix="/internal", tags=["jobs"], dependencies=[documented_key])


@router.post(
    "/sync/products/{store_id}",
    operation_id="sync_products",
    status_code=HTTP_202_ACCEPTED,
    summary="Read the catalogue",
)
async def sync_products(services: Injected, actor: Actor, store_id: StoreId) -> AddedJob:
    """A background job; one that is open already is answered instead of a second."""
    return await _add(services, store_id, SYNC_PRODUCTS, {}, actor)


@router.post(
    "/sync/orders/{store_id}",
    operation_id="sync_orders",
    status_code=HTTP_202_ACCEPTED,
    summary="Read the order history",
)
async def sync_orders(
    services: Injected,
    actor: Actor,
    store_id: StoreId,
    days: Annotated[
        int | None,
        Query(
            ge=1,
            le=3650,
            description="How far back. Left out: thirteen months before the connection, as the baseline wants.",
        ),
    ] = None,
) -> AddedJob:
    """History feeds lifetime value and baseline; it never bills and never mails.

    The job ends when every order is decided and the baseline is computed and in the contract; `result` shows it.
    """
    return await _add(services, store_id, SYNC_ORDERS, {} if days is None else {"days": days}, actor)


@router.post(
    "/attribution/recalculate/{store_id}",
    operation_id="recalculate_attribution",
    status_code=HTTP_202_ACCEPTED,
    summary="Decide orders anew",
)
async def recalculate(
    services: Injected, actor: Actor, store_id: StoreId, body: RecalculationBody | None = None
) -> AddedJob:
    """Never reopens a closed month: what changes lands in the next open one.

    A dry run decides by a model and keeps what would change (`GET /internal/jobs/{id}/diff`); the store's settings have
    to name the model before its diff is applied.
    """
    wanted = body or RecalculationBody()
    parameters = await recalculation_parameters(services, store_id, wanted)
    return await _add(services, store_id, RECALCULATE, parameters, actor)


@router.get("/jobs", operation_id="list_jobs", summary="List jobs, newest first")
async def list_all(
    services: Injected,
    store_id: StoreFilter = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> JobPage:
    before = decode_cursor(cursor, (int,))
    async with services.database.connection() as connection:
        await services.check_store(connection, store_id)
        found = await list_jobs(connection, store_id=store_id, before_id=before[0] if before else None, limit=limit)
    last = encode_cursor(found[-1].job_id) if len(found) == limit else ""
    return {"jobs": [job_json(job) for job in found], "next_cursor": last}


@router.get("/jobs/{job_id}", operation_id="get_job", summary="Show a job")
async def show(services: Injected, job_id: Annotated[int, Path(ge=1, lt=2**63)]) -> JobAnswer:
    async with services.database.connection() as connection:
        return job_json(await get_job(connection, job_id))


@router.get(
    "/jobs/{job_id}/diff", operation_id="get_job_diff", summary="What a recalculation would change, order by order"
)
async def show_diff(
    services: Injected, job_id: Annotated[int, Path(ge=1, lt=2**63)], limit: Limit = 100, cursor: Cursor = ""
) -> ChangedOrderPage:
    """Amounts are what fees are measured on, before refunds, in minor units."""
    after = decode_cursor(cursor, (str,))
    async with services.database.connection() as connection:
        job = await get_job(connection, job_id)
        rows = await list_diff(connection, job.store_id, job_id, after[0] if after else "", limit)
    last = encode_cursor(rows[-1].order_id) if len(rows) == limit else ""
    return {"orders": [diff_json(row) for row in rows], "next_cursor": last}


def job_json(job: Job) -> JobAnswer:
    """A job with its progress; `total` is null while it is not known."""
    fields = dataclasses.asdict(job)
    del fields["cursor"]
    return cast("JobAnswer", fields)


async def _add(services: Services, store_id: int, kind: str, parameters: dict[str, Any], actor: str) -> AddedJob:
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
    job = await services.jobs.add(store_id=store_id, kind=kind, parameters=parameters, requested_by=actor)
    await note_alone(services, store_id=store_id, actor=actor, action=f"job.{kind}", resource=("job", job.job_id))
    return {**job_json(job), "job_url": f"/internal/jobs/{job.job_id}"}
