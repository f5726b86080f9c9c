"""What is read about flows and messages: pages and counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from kiki.council.syncengage.errors import FlowNotFound
from kiki.council.syncengage.repository.bounces import BounceRepository, BounceRow
from kiki.council.syncengage.repository.flows import FlowRepository, FlowRow, MessageRow
from kiki.kit.database import Database
from kiki.kit.errors import InvalidInput

_T = TypeVar("_T")
_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """Rows and where the next page starts."""

    rows: Sequence[_T]
    next_token: str


class QueryService:
    """Read models; each is one statement on a connection of its own."""

    def __init__(self, database: Database, flows: FlowRepository) -> None:
        self._database = database
        self._flows = flows
        self._bounces = BounceRepository()

    async def flow(self, store_id: int, flow_id: int) -> tuple[FlowRow, list[MessageRow]]:
        """One flow with its messages, in the order in which they leave."""
        async with self._database.connection() as connection:
            flow = await self._flows.find(connection, store_id, flow_id)
            if flow is None:
                raise FlowNotFound("no flow of this store has this id")
            messages = await self._flows.list_messages(
                connection, store_id, customer_key=flow.customer_key, flow_id=flow_id
            )
        return flow, sorted(messages, key=lambda row: (row.send_at, row.message_id))

    async def flows(self, store_id: int, kind: int, status: int, page_size: int, page_token: str) -> Page[FlowRow]:
        """Newest first."""
        limit, before = _size(page_size), _before(page_token)
        async with self._database.connection() as connection:
            rows = await self._flows.list_flows(
                connection, store_id, kind=kind, status=status, before=before, limit=limit + 1
            )
        return Page(rows[:limit], str(rows[limit - 1].flow_id) if len(rows) > limit else "")

    async def messages(
        self, store_id: int, status: int, customer_key: str, page_size: int, page_token: str
    ) -> Page[MessageRow]:
        """Newest first."""
        limit, before = _size(page_size), _before(page_token)
        async with self._database.connection() as connection:
            rows = await self._flows.list_messages(
                connection, store_id, status=status, customer_key=customer_key, before=before, limit=limit + 1
            )
        return Page(rows[:limit], str(rows[limit - 1].message_id) if len(rows) > limit else "")

    async def bounces(self, store_id: int, page_size: int, page_token: str) -> Page[BounceRow]:
        """Refused addresses, newest first."""
        limit, before = _size(page_size), _place(page_token)
        async with self._database.connection() as connection:
            rows = await self._bounces.list(connection, store_id, before, limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        token = f"{last.refused_at.isoformat()}.{last.email_index.hex()}" if last else ""
        return Page(rows[:limit], token)

    async def statistics(
        self, store_id: int, start: dt.datetime | None, end: dt.datetime | None
    ) -> tuple[list[tuple[int, bool, int, int]], list[tuple[int, int, str, int]]]:
        """Counts of flows (kind, held out, status) and messages (channel, status, reason)."""
        async with self._database.connection() as connection:
            flows, messages = await self._flows.statistics(connection, store_id, start, end)
        return [tuple(row) for row in flows], [tuple(row) for row in messages]


def _size(page_size: int) -> int:
    if not 0 <= page_size <= 200:
        raise InvalidInput(f"page_size lies between 1 and 200, got {page_size}", reason="BAD_PAGE")
    return page_size or 50


def _before(token: str) -> int:
    if not token:
        return _LAST
    if not (token.isascii() and token.isdecimal() and len(token) < 20):
        raise InvalidInput("the page token is not one of ours", reason="BAD_PAGE")
    return min(int(token), _LAST)


def _place(token: str) -> tuple[dt.datetime, bytes] | None:
    if not token:
        return None
    at, _, index = token.rpartition(".")
    try:
        place = dt.datetime.fromisoformat(at), bytes.fromhex(index)
    except ValueError:
        place = None
    if place is None or place[0].tzinfo is None:
        raise InvalidInput("the page token is not one of ours", reason="BAD_PAGE")
    return place
