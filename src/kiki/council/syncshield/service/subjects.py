"""The register of data-subject requests."""

from __future__ import annotations

import datetime as dt

from kiki.council.syncshield.domain import (
    AuditEntry,
    AuditKind,
    Closing,
    NewSubjectRequest,
    SubjectRequest,
    SubjectRequestState,
)
from kiki.council.syncshield.errors import SubjectRequestClosed, SubjectRequestNotFound
from kiki.council.syncshield.repository import subjects as rows
from kiki.council.syncshield.service.audit import append_one
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database


class SubjectRequestService:
    """Data-subject requests: opened, closed once, listed by urgency; each step stands in the audit log."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def open(
        self, connection: Connection, store_id: int, new: NewSubjectRequest, *, event_id: str
    ) -> SubjectRequest:
        """Record a request."""
        request = await rows.add_request(connection, store_id, new)
        await self._log(
            connection, request, event_id=event_id, actor="data-subject", action=f"subject_request.{new.kind}"
        )
        return request

    async def close(self, connection: Connection, store_id: int, closing: Closing, *, event_id: str) -> SubjectRequest:
        """Record the end of a request. Closing it twice in the same way is harmless, in another way refused."""
        known = await rows.find_request(connection, store_id, closing.request_id)
        if known is None:
            raise SubjectRequestNotFound("the store has no such data-subject request")
        if known.state is not SubjectRequestState.OPEN:
            if known.state is closing.state:
                return known
            raise SubjectRequestClosed(f"the data-subject request is {known.state} already")
        closed = await rows.close_request(connection, store_id, closing, self._clock.now())
        await self._log(
            connection, closed, event_id=event_id, actor=closing.actor, action=f"subject_request.{closing.state}"
        )
        return closed

    async def list_requests(
        self,
        *,
        store_id: int | None,
        state: SubjectRequestState | None,
        after: tuple[dt.datetime, int] | None,
        limit: int,
    ) -> list[SubjectRequest]:
        """A page, the most urgent first."""
        async with self._database.connection() as connection:
            return await rows.list_requests(connection, store_id=store_id, state=state, after=after, limit=limit)

    async def _log(
        self, connection: Connection, request: SubjectRequest, *, event_id: str, actor: str, action: str
    ) -> None:
        entry = AuditEntry(
            store_id=request.store_id,
            event_id=event_id,
            kind=AuditKind.SUBJECT_REQUEST,
            actor=actor,
            action=action,
            resource_type="subject_request",
            resource_id=str(request.request_id),
            purpose=request.reason,
        )
        await append_one(connection, entry, self._clock.now())
