"""`GET /reports/oaas/monthly/{store_id}`: one statement, three forms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Header, Path, Query
from starlette.responses import JSONResponse, Response, StreamingResponse

from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import find_month
from kiki.orchestrator.closing.requests import find_request
from kiki.portal.access import documented_key
from kiki.portal.audit import note_alone
from kiki.portal.reports import spreadsheet
from kiki.portal.reports.answers import MonthlyStatement
from kiki.portal.reports.local_times import localized
from kiki.portal.reports.statement import StatementPage, read_pages, read_statement
from kiki.portal.routing import AnswerRouter, answers
from kiki.portal.services import Actor, Injected

router = AnswerRouter(prefix="/reports", tags=["reports"], dependencies=[documented_key])

_PAGE = 1000
_PDF_LINES = 2000
_CSV = "text/csv"
_PDF = "application/pdf"


@router.get(
    "/oaas/monthly/{store_id}",
    operation_id="get_monthly_statement",
    summary="A store's monthly statement",
    response_class=Response,
    responses={200: {"content": {_CSV: {}, _PDF: {}}}},
)
@answers(MonthlyStatement)
async def monthly(
    services: Injected,
    actor: Actor,
    store_id: Annotated[int, Path(ge=1, lt=2**63)],
    year: Annotated[int, Query(ge=2000, le=9999)],
    month: Annotated[int, Query(ge=1, le=12)],
    wanted_format: Annotated[
        Literal["json", "csv", "pdf"] | None, Query(alias="format", description="Wins over `Accept`.")
    ] = None,
    part: Annotated[Literal["orders", "figures"], Query(description="Which table, for CSV.")] = "orders",
    page_size: Annotated[int, Query(ge=1, le=5000, description="Orders in the JSON form.")] = _PAGE,
    page_token: Annotated[str, Query(max_length=200)] = "",
    accept: Annotated[str, Header()] = "",
) -> Response:
    """Figures, fee, and every order with its confidence, campaign and evidence; frozen once the month is closed.

    `closing` says how far that is: `open`, `held` with what is missing, `asked`, or `closed`. Times are UTC in JSON; in
    CSV and PDF they are the store's, as `time_zone` names it.
    """
    wanted, now = Month(year, month), services.clock.now()
    async with services.database.connection() as connection:
        store = await services.stores.get(connection, store_id)
        row = await find_month(connection, store_id, wanted)
        request = await find_request(connection, store_id, wanted)
    chosen = wanted_format or _of_accept(accept)
    name = f"statement-{store_id}-{year:04d}-{month:02d}"
    if chosen != "json":
        about = ("statement", wanted.text)
        await note_alone(
            services, store_id=store_id, actor=actor, action="statement.export", resource=about, purpose=chosen
        )
    if chosen == "csv":
        pages = read_pages(services.clients, store, wanted, now=now, page_size=5000)
        first = await anext(pages)
        closing = localized(first.closing(row, request), first.time_zone)
        if part == "figures":
            stated, baseline = localized([first.statement, first.baseline], first.time_zone)
            figures = spreadsheet.summary(stated, baseline, closing, first.digest)
            return _file(figures.encode(), _CSV, f"{name}-figures.csv")
        return StreamingResponse(_csv(first, pages, closing), media_type=_CSV, headers=_attachment(f"{name}.csv"))
    size = _PDF_LINES if chosen == "pdf" else page_size
    page = await read_statement(services.clients, store, wanted, now=now, page_size=size, page_token=page_token)
    closing = page.closing(row, request)
    if chosen == "pdf":
        return _file(await services.printer.print(page.printable(store, closing), now), _PDF, f"{name}.pdf")
    return JSONResponse(page.document(store, closing))


async def _csv(first: StatementPage, rest: AsyncIterator[StatementPage], closing: dict[str, Any]) -> AsyncIterator[str]:
    yield spreadsheet.header() + spreadsheet.lines(localized(first.lines, first.time_zone))
    async for page in rest:
        yield spreadsheet.lines(localized(page.lines, page.time_zone))
    yield spreadsheet.total(first.statement, closing, first.digest)


def _of_accept(accept: str) -> str:
    """The first form that is named; JSON when none is."""
    for kind in accept.split(","):
        name = kind.partition(";")[0].strip().lower()
        if name in (_CSV, _PDF, "application/json"):
            return name.rpartition("/")[2]
    return "json"


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers=_attachment(name))


def _attachment(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}
