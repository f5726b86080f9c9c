"""Flows, their messages, and what is read about them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kiki.council.syncengage.domain import (
    Channel,
    Facts,
    FlowKind,
    FlowStatus,
    MessageStatus,
    Plan,
    PlannedMessage,
    Suppressed,
)
from kiki.kit.bulk import Append, Rows, append_rows
from kiki.kit.database import Connection, Record
from kiki.kit.sealing import Sealer

_FACTS = "flows.facts"
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Facts)


class NewFlow(msgspec.Struct, frozen=True, gc=False):
    """A planned flow with what it belongs to."""

    store_id: int
    customer_key: str
    subject: str
    plan: Plan
    facts: Facts
    holdout_share: float


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A flow as it is kept."""

    store_id: int
    flow_id: int
    kind: FlowKind
    status: FlowStatus
    held_out: bool
    customer_key: str
    subject: str
    campaign_id: str
    suppressed: tuple[Suppressed, ...]
    created_at: dt.datetime
    sealed_facts: bytes | None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as it is kept."""

    store_id: int
    message_id: int
    flow_id: int
    customer_key: str
    channel: Channel
    template: str
    marketing: bool
    status: MessageStatus
    send_at: dt.datetime
    settled_at: dt.datetime | None
    reason: str
    attempts: int


_FLOW = (
    "store_id, flow_id, kind, status, held_out, customer_key, subject, campaign_id, suppressed, created_at,"
    " sealed_facts"
)
_MESSAGE = (
    "store_id, message_id, flow_id, customer_key, channel, template, marketing, status, send_at, settled_at,"
    " reason, attempts"
)

_NOT_HANDED = "(status = 1 OR (status = 2 AND handed_at IS NULL))"
"""Messages that can still be taken back; one that a sender holds too, because it asks before it hands over."""

_NEW_FLOWS = Append(
    "syncengage",
    "flows",
    {
        "store_id": "bigint",
        "flow_id": "bigint",
        "kind": "smallint",
        "status": "smallint",
        "held_out": "boolean",
        "holdout_share": "float8",
        "customer_key": "text",
        "subject": "text",
        "campaign_id": "text",
        "sealed_facts": "bytea",
        "suppressed": "text",
        "code_wanted_by": "timestamptz",
        "created_at": "timestamptz",
    },
)
_NEW_MESSAGES = Append(
    "syncengage",
    "messages",
    {
        "store_id": "bigint",
        "message_id": "bigint",
        "flow_id": "bigint",
        "customer_key": "text",
        "channel": "smallint",
        "template": "text",
        "marketing": "boolean",
        "status": "smallint",
        "send_at": "timestamptz",
        "expires_at": "timestamptz",
    },
)


class FlowRepository:
    """Reads and writes flows, set-based."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def new_rows(self, flows: Sequence[NewFlow], now: dt.datetime) -> list[tuple[Append, Rows]]:
        """The rows of flows and of their messages, to be appended; identifiers are in the plans."""
        seal, encode = self._sealer.seal, _encoder.encode
        rows = [
            (
                flow.store_id,
                flow.plan.flow_id,
                flow.plan.kind,
                flow.plan.status,
                flow.plan.held_out,
                flow.holdout_share,
                flow.customer_key,
                flow.subject,
                flow.plan.campaign_id,
                seal(encode(flow.facts), store_id=flow.store_id, purpose=_FACTS),
                _joined(flow.plan.suppressed),
                flow.plan.code_wanted_by,
                now,
            )
            for flow in flows
        ]
        messages = [
            (flow.store_id, flow.plan.flow_id, flow.customer_key, message)
            for flow in flows
            for message in flow.plan.messages
        ]
        return [(_NEW_FLOWS, rows), (_NEW_MESSAGES, _message_rows(messages))]

    async def recently_started(
        self, connection: Connection, kind: FlowKind, keys: Sequence[tuple[int, str]], since: dt.datetime
    ) -> set[tuple[int, str]]:
        """Which customers have a flow of a kind since a time that was not wholly withheld."""
        ordered = sorted(set(keys))
        rows = await connection.fetch(
            "SELECT DISTINCT f.store_id, f.customer_key FROM unnest($1::bigint[], $2::text[]) AS k(s, e)"
            " JOIN syncengage.flows f ON f.store_id = k.s AND f.customer_key = k.e"
            " WHERE f.kind = $3 AND f.created_at > $4 AND f.status IN (1, 2, 4)",
            [key[0] for key in ordered],
            [key[1] for key in ordered],
            int(kind),
            since,
        )
        return {(row[0], row[1]) for row in rows}

    async def find(self, connection: Connection, store_id: int, flow_id: int, *, lock: bool = False) -> FlowRow | None:
        """One flow."""
        row = await connection.fetchrow(
            f"SELECT {_FLOW} FROM syncengage.flows WHERE store_id = $1 AND flow_id = $2{' FOR UPDATE' if lock else ''}",
            store_id,
            flow_id,
        )
        return _flow(row) if row else None

    def facts(self, flow: FlowRow) -> Facts:
        """What its messages speak about; empty after an erasure."""
        return self.open_facts(flow.store_id, flow.sealed_facts)

    def open_facts(self, store_id: int, sealed: bytes | None) -> Facts:
        """Facts in clear."""
        return _decoder.decode(self._sealer.open(sealed, store_id=store_id, purpose=_FACTS)) if sealed else Facts()

    async def release(self, connection: Connection, flow: FlowRow, plan: Plan, facts: Facts) -> None:
        """Give a waiting flow its code: new status, facts and messages."""
        sealed = self._sealer.seal(_encoder.encode(facts), store_id=flow.store_id, purpose=_FACTS)
        await connection.execute(
            "UPDATE syncengage.flows SET status = $3, sealed_facts = $4, code_wanted_by = NULL, campaign_id = $5,"
            " suppressed = $6 WHERE store_id = $1 AND flow_id = $2",
            flow.store_id,
            flow.flow_id,
            int(plan.status),
            sealed,
            plan.campaign_id,
            _joined(plan.suppressed),
        )
        rows = [(flow.store_id, flow.flow_id, flow.customer_key, message) for message in plan.messages]
        await append_rows(connection, [(_NEW_MESSAGES, _message_rows(rows))])

    async def cancel_waiting(self, connection: Connection, now: dt.datetime, reason: str) -> int:
        """Cancel flows whose code never came."""
        answer = await connection.execute(
            "UPDATE syncengage.flows SET status = 5, code_wanted_by = NULL,"
            " suppressed = concat_ws(',', nullif(suppressed, ''), '1:winback:' || $2::text)"
            " WHERE status = 4 AND code_wanted_by < $1",
            now,
            reason,
        )
        return int(answer.rsplit(" ", 1)[1])

    async def cancel_messages(
        self,
        connection: Connection,
        store_id: int,
        customer_key: str,
        *,
        channel: Channel | None,
        reason: str,
        now: dt.datetime,
    ) -> int:
        """Take back what was not handed over: on one channel only marketing, without a channel everything."""
        answer = await connection.execute(
            "UPDATE syncengage.messages SET status = 7, reason = $4, settled_at = $5, lease_token = NULL,"
            " lease_until = NULL WHERE store_id = $1 AND customer_key = $2"
            f" AND {_NOT_HANDED}"
            " AND ($3::smallint IS NULL OR (channel = $3 AND marketing))",
            store_id,
            customer_key,
            None if channel is None else int(channel),
            reason,
            now,
        )
        return int(answer.rsplit(" ", 1)[1])

    async def forget(self, connection: Connection, store_id: int, customer_key: str) -> None:
        """Remove what flows of a contact speak about, and cancel those that wait."""
        await connection.execute(
            "UPDATE syncengage.flows SET sealed_facts = NULL, code_wanted_by = NULL,"
            " status = CASE WHEN status = 4 THEN 5 ELSE status END WHERE store_id = $1 AND customer_key = $2",
            store_id,
            customer_key,
        )

    async def forget_after(self, connection: Connection, store_id: int, flow_id: int) -> int | None:
        """Remove what up to two thousand flows of a store after one speak about; the last one, None at the end."""
        rows = await connection.fetch(
            "UPDATE syncengage.flows f SET sealed_facts = NULL FROM (SELECT flow_id FROM syncengage.flows"
            "  WHERE store_id = $1 AND flow_id > $2 AND sealed_facts IS NOT NULL"
            "  ORDER BY flow_id LIMIT 2000 FOR UPDATE) AS k"
            " WHERE f.store_id = $1 AND f.flow_id = k.flow_id RETURNING f.flow_id",
            store_id,
            flow_id,
        )
        return max([row[0] for row in rows], default=None)

    async def cancel_order(
        self, connection: Connection, store_id: int, customer_key: str, order_id: str, reason: str, now: dt.datetime
    ) -> int:
        """End an order's flows; how many messages were taken back."""
        answer = await connection.execute(
            "WITH whose AS (SELECT flow_id FROM syncengage.flows WHERE store_id = $1 AND customer_key = $2"
            "  AND subject = $3), ended AS (UPDATE syncengage.flows SET status = 5 WHERE store_id = $1"
            "  AND flow_id IN (SELECT flow_id FROM whose) AND status = 1)"
            " UPDATE syncengage.messages SET status = 7, reason = $4, settled_at = $5, lease_token = NULL,"
            " lease_until = NULL WHERE store_id = $1 AND customer_key = $2 AND flow_id IN (SELECT flow_id FROM whose)"
            f" AND {_NOT_HANDED}",
            store_id,
            customer_key,
            order_id,
            reason,
            now,
        )
        return int(answer.rsplit(" ", 1)[1])

    async def cancel_all(self, connection: Connection, store_id: int, reason: str, now: dt.datetime) -> int:
        """End all flows of a store that are under way; how many messages were taken back."""
        await connection.execute(
            "UPDATE syncengage.flows SET status = 5, code_wanted_by = NULL WHERE store_id = $1 AND status = 4", store_id
        )
        answer = await connection.execute(
            "UPDATE syncengage.messages SET status = 7, reason = $2, settled_at = $3, lease_token = NULL,"
            f" lease_until = NULL WHERE store_id = $1 AND {_NOT_HANDED}",
            store_id,
            reason,
            now,
        )
        return int(answer.rsplit(" ", 1)[1])

    async def list_flows(
        self, connection: Connection, store_id: int, *, kind: int, status: int, before: int, limit: int
    ) -> list[FlowRow]:
        """Newest first, below an identifier."""
        rows = await connection.fetch(
            f"SELECT {_FLOW} FROM syncengage.flows WHERE store_id = $1 AND flow_id < $2"
            " AND ($3 = 0 OR kind = $3) AND ($4 = 0 OR status = $4) ORDER BY flow_id DESC LIMIT $5",
            store_id,
            before,
            kind,
            status,
            limit,
        )
        return [_flow(row) for row in rows]

    async def list_messages(
        self,
        connection: Connection,
        store_id: int,
        *,
        status: int = 0,
        customer_key: str = "",
        flow_id: int = 0,
        before: int = 2**63 - 1,
        limit: int = 200,
    ) -> list[MessageRow]:
        """Newest first, below an identifier."""
        conditions = ["store_id = $1", "message_id < $2"]
        values: list[object] = [store_id, before]
        for column, value in (("status", status), ("customer_key", customer_key), ("flow_id", flow_id)):
            if value:
                values.append(value)
                conditions.append(f"{column} = ${len(values)}")
        values.append(limit)
        rows = await connection.fetch(
            f"SELECT {_MESSAGE} FROM syncengage.messages WHERE {' AND '.join(conditions)}"
            f" ORDER BY message_id DESC LIMIT ${len(values)}",
            *values,
        )
        return [_message(row) for row in rows]

    async def statistics(
        self, connection: Connection, store_id: int, start: dt.datetime | None, end: dt.datetime | None
    ) -> tuple[list[Record], list[Record]]:
        """(kind, held out, status, count) of flows and (channel, status, reason, count) of their messages."""
        span = "($2::timestamptz IS NULL OR f.created_at >= $2) AND ($3::timestamptz IS NULL OR f.created_at < $3)"
        flows = await connection.fetch(
            f"SELECT kind, held_out, status, count(*) FROM syncengage.flows f WHERE store_id = $1 AND {span}"
            " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            store_id,
            start,
            end,
        )
        messages = await connection.fetch(
            "SELECT m.channel, m.status, m.reason, count(*) FROM syncengage.messages m"
            f" JOIN syncengage.flows f USING (store_id, flow_id) WHERE m.store_id = $1 AND {span}"
            " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            store_id,
            start,
            end,
        )
        return flows, messages


def _message_rows(messages: Sequence[tuple[int, int, str, PlannedMessage]]) -> list[tuple[object, ...]]:
    """Scheduled messages, from (store, flow, customer key, message)."""
    return [
        (
            store_id,
            message.message_id,
            flow_id,
            customer_key,
            message.channel,
            message.template,
            message.marketing,
            1,
            message.send_at,
            message.expires_at,
        )
        for store_id, flow_id, customer_key, message in messages
    ]


def _flow(row: Record) -> FlowRow:
    return FlowRow(
        row[0],
        row[1],
        FlowKind(row[2]),
        FlowStatus(row[3]),
        row[4],
        row[5],
        row[6],
        row[7],
        tuple(Suppressed.parse(text) for text in row[8].split(",") if text),
        row[9],
        row[10],
    )


def _message(row: Record) -> MessageRow:
    store_id, message_id, flow_id, customer_key, channel, template, marketing, status, *rest = row
    send_at, settled_at, reason, attempts = rest
    return MessageRow(
        store_id, message_id, flow_id, customer_key, Channel(channel), template, marketing, MessageStatus(status),
        send_at, settled_at, reason, attempts,
    )  # fmt: skip


def _joined(suppressed: Sequence[Suppressed]) -> str:
    return ",".join([item.text() for item in suppressed])
