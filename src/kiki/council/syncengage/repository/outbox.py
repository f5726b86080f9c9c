"""Messages that are due: taken under a lease, marked before they are handed over, settled once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from kiki.council.syncengage.domain import Channel, FlowKind, MessageStatus
from kiki.council.syncengage.repository.contacts import _NAMES, Contact
from kiki.kit.database import Connection, Record

_ADDRESS_UNSUBSCRIBED = (
    "(CASE m.channel"
    " WHEN 1 THEN EXISTS (SELECT FROM syncengage.contacts o WHERE o.store_id = c.store_id"
    "  AND o.email_index = c.email_index AND o.email_unsubscribed_at > coalesce(c.email_consent_at, '-infinity'))"
    " ELSE EXISTS (SELECT FROM syncengage.contacts o WHERE o.store_id = c.store_id"
    "  AND o.phone_index = c.phone_index AND o.sms_unsubscribed_at > coalesce(c.sms_consent_at, '-infinity')) END)"
)
"""People come as guests and with accounts: who leaves as one is not written to as the other."""

_ADDRESS_BOUNCED = (
    "(m.channel = 1 AND EXISTS (SELECT FROM syncengage.bounces b WHERE b.store_id = c.store_id"
    " AND b.email_index = c.email_index AND b.suppressed))"
)

_ORDERED_AGAIN = (
    "(f.kind = 2 AND EXISTS (SELECT FROM syncengage.flows o WHERE o.store_id = m.store_id AND o.customer_key ="
    " m.customer_key AND o.kind = 1 AND o.status <> 5 AND o.created_at > f.created_at))"
)
_ALLOWED = (
    "CASE m.channel WHEN 1 THEN c.email_consent AND c.email_unsubscribed_at IS NULL"
    " ELSE c.sms_consent AND c.sms_unsubscribed_at IS NULL END"
)


@dataclass(frozen=True, slots=True)
class Due:
    """A message that was taken, with what sending it needs."""

    store_id: int
    message_id: int
    flow_id: int
    channel: Channel
    template: str
    marketing: bool
    send_at: dt.datetime
    expires_at: dt.datetime
    attempts: int
    kind: FlowKind
    campaign_id: str
    sealed_facts: bytes | None
    """Opened when the message is composed: one that does not open fails alone."""
    contact: Contact | None
    sent_in_period: int
    """Marketing messages that this contact got on this channel within the cap's period."""
    address_unsubscribed: bool
    """Whether another contact with the same address unsubscribed since this one consented."""

    address_bounced: bool
    """Whether a mail server refused the address for good."""

    ordered_again: bool
    """Whether the customer of a win-back came back by themselves meanwhile."""

    @property
    def key(self) -> tuple[int, int]:
        return self.store_id, self.message_id


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a message; a time to try again when it is scheduled anew."""

    due: Due
    status: MessageStatus
    reason: str = ""
    send_at: dt.datetime | None = None


class OutboxRepository:
    """The sender's view of `messages`. The database's rows decide; a lost lease settles nothing."""

    async def take(
        self,
        connection: Connection,
        *,
        token: int,
        now: dt.datetime,
        lease: dt.timedelta,
        limit: int,
        channels: Sequence[int],
        cap_since: dt.datetime,
    ) -> list[Due]:
        """Lease due messages, oldest first.

        What another sender had handed over when its lease ended is settled `unknown`.
        """
        await connection.execute(
            "UPDATE syncengage.messages SET status = 6, settled_at = $1, lease_token = NULL, lease_until = NULL,"
            " reason = 'sender_lost' WHERE (store_id, message_id) IN (SELECT store_id, message_id FROM"
            " syncengage.messages"
            " WHERE status = 2 AND lease_until < $1 AND handed_at IS NOT NULL FOR UPDATE SKIP LOCKED)",
            now,
        )
        taken = await connection.fetch(
            "UPDATE syncengage.messages SET status = 2, lease_token = $1, lease_until = $2, handed_at = NULL,"
            " attempts = attempts + 1"
            " WHERE (store_id, message_id) IN (SELECT store_id, message_id FROM syncengage.messages"
            "  WHERE status <= 2 AND send_at <= $3 AND channel = ANY($5::smallint[])"
            "  AND (status = 1 OR (lease_until < $3 AND handed_at IS NULL))"
            "  ORDER BY send_at LIMIT $4 FOR UPDATE SKIP LOCKED) RETURNING store_id, message_id",
            token,
            now + lease,
            now,
            limit,
            list(channels),
        )
        if not taken:
            return []
        columns = ", ".join(f"c.{name}" for name in _NAMES)
        rows = await connection.fetch(
            "SELECT m.store_id, m.message_id, m.flow_id, m.channel, m.template, m.marketing, m.send_at, m.expires_at,"
            " m.attempts, f.kind, f.campaign_id, f.sealed_facts,"
            " (SELECT count(*) FROM syncengage.messages o WHERE o.store_id = m.store_id AND o.customer_key ="
            " m.customer_key"
            "  AND o.channel = m.channel AND o.marketing AND (o.settled_at > $3 AND o.status IN (3, 6)"
            "   OR o.status = 2 AND o.lease_token <> $4)),"
            f" {_ADDRESS_UNSUBSCRIBED}, {_ADDRESS_BOUNCED}, {_ORDERED_AGAIN}, c.customer_key IS NOT NULL, {columns}"
            " FROM unnest($1::bigint[], $2::bigint[]) AS k(s, i)"
            " JOIN syncengage.messages m ON m.store_id = k.s AND m.message_id = k.i"
            " JOIN syncengage.flows f ON f.store_id = m.store_id AND f.flow_id = m.flow_id"
            " LEFT JOIN syncengage.contacts c ON c.store_id = m.store_id AND c.customer_key = m.customer_key"
            " ORDER BY m.send_at, m.message_id",
            [row[0] for row in taken],
            [row[1] for row in taken],
            cap_since,
            token,
        )
        return [self._due(row) for row in rows]

    def _due(self, row: Record) -> Due:
        return Due(
            store_id=row[0],
            message_id=row[1],
            flow_id=row[2],
            channel=Channel(row[3]),
            template=row[4],
            marketing=row[5],
            send_at=row[6],
            expires_at=row[7],
            attempts=row[8],
            kind=FlowKind(row[9]),
            campaign_id=row[10],
            sealed_facts=row[11],
            sent_in_period=row[12],
            address_unsubscribed=row[13],
            address_bounced=row[14],
            ordered_again=row[15],
            contact=Contact(*row[17:]) if row[16] else None,
        )

    async def mark_handed(
        self, connection: Connection, due: Due, token: int, now: dt.datetime, until: dt.datetime
    ) -> bool:
        """Write ahead that the contents are about to be handed over, which may take until then.

        False when the lease was lost, the message taken back or too late by now, the consent withdrawn or the
        address refused since it was taken.
        """
        answer = await connection.execute(
            "UPDATE syncengage.messages m SET handed_at = $4, lease_until = greatest(m.lease_until, $5)"
            " FROM syncengage.contacts c WHERE m.store_id = $1 AND m.message_id = $2 AND m.lease_token = $3"
            " AND m.status = 2 AND m.lease_until > $4 AND m.expires_at >= $4"
            " AND c.store_id = m.store_id AND c.customer_key = m.customer_key"
            f" AND c.erased_at IS NULL AND (NOT m.marketing OR ({_ALLOWED} AND NOT {_ADDRESS_UNSUBSCRIBED} AND NOT"
            f" {_ADDRESS_BOUNCED}))",
            due.store_id,
            due.message_id,
            token,
            now,
            until,
        )
        return bool(answer.endswith(" 1"))

    async def settle(
        self, connection: Connection, settlements: Sequence[Settlement], token: int, now: dt.datetime
    ) -> None:
        """Write what became of messages that are still ours."""
        ordered = sorted(settlements, key=lambda item: item.due.key)
        await connection.execute(
            "UPDATE syncengage.messages m SET status = u.st, reason = u.r, lease_token = NULL, lease_until = NULL,"
            " handed_at = CASE WHEN u.st = 1 THEN NULL ELSE m.handed_at END, send_at = coalesce(u.a, m.send_at),"
            " attempts = CASE WHEN u.st = 1 AND u.r = '' THEN m.attempts - 1 ELSE m.attempts END,"
            " settled_at = CASE WHEN u.st = 1 THEN NULL ELSE $7::timestamptz END"
            " FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::text[], $5::timestamptz[]) AS u(s, i, st,"
            " r, a)"
            " WHERE m.store_id = u.s AND m.message_id = u.i AND m.lease_token = $6 AND m.status = 2",
            [item.due.store_id for item in ordered],
            [item.due.message_id for item in ordered],
            [item.status for item in ordered],
            [item.reason for item in ordered],
            [item.send_at for item in ordered],
            token,
            now,
        )
