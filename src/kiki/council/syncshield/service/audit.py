"""Appending to the audit log, reading it, and checking it.

The log row is the receipt: its event id is unique per store, and a repetition is answered from it. While a batch is
appended, the head rows of its stores are locked, so that indexes have no gaps and repetitions find each other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import asyncpg

from kiki.council.syncshield.chain import GENESIS, ChainCheck, extend
from kiki.council.syncshield.domain import Appended, AuditEntry, AuditKind, AuditQuery, Head, Link, Verification
from kiki.council.syncshield.errors import BadField, EventIdReused
from kiki.council.syncshield.repository import audit as rows
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.errors import KikiError

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class AuditService:
    """The audit log."""

    def __init__(self, database: Database, clock: Clock, *, verify_page: int) -> None:
        self._database = database
        self._clock = clock
        self._verify_page = verify_page

    async def append(self, entries: Sequence[AuditEntry]) -> list[Appended | KikiError]:
        """Append in one transaction; an outcome per entry, in order."""
        if not entries:
            return []
        if len({(entry.store_id, entry.event_id) for entry in entries}) == len(entries):
            try:
                async with self._database.transaction() as connection:
                    return await append(connection, entries, self._clock.now(), new=True)
            except asyncpg.UniqueViolationError:
                pass  # One of them is a repetition after all: nothing was written, and now they are looked up.
        async with self._database.transaction() as connection:
            return await append(connection, entries, self._clock.now())

    async def list_events(self, query: AuditQuery) -> list[Link]:
        """A page of a store's log."""
        async with self._database.connection() as connection:
            return await rows.list_events(connection, query)

    async def verify(
        self, store_id: int, *, from_index: int, to_index: int | None, previous_hash: bytes | None
    ) -> Verification:
        """Compute the chain anew over a range. What is appended meanwhile does not disturb it.

        With `previous_hash`, the link before the range has to have that hash; otherwise its stored one is trusted.
        """
        async with self._database.connection() as connection:
            head, uncounted = await rows.find_head(connection, store_id)
            if uncounted is not None:
                return _refuted("UNCOUNTED_LINK", uncounted, head)
            if from_index > head.length:
                if previous_hash is None:
                    told = f"the chain has {head.length} links, got first index {from_index}"
                    raise BadField(told, reason="BAD_RANGE")
                return _refuted("TRUNCATED", head.length, head)
            previous = await self._previous(connection, store_id, from_index)
            if previous_hash is not None and previous != previous_hash:
                return _refuted("CHECKPOINT_MISMATCH", max(from_index - 1, 0), head)
            check = ChainCheck(first_index=from_index, previous_hash=previous)
            last = head.length - 1 if to_index is None else min(to_index, head.length - 1)
            for first in range(from_index, last + 1, self._verify_page):
                page = await rows.list_range(connection, store_id, first, min(first + self._verify_page - 1, last))
                if not check.feed(page):
                    break
            return check.verdict(head, to_index=to_index)

    async def count(self, store_id: int) -> dict[str, int]:
        """Effects of the methods whose receipt is the log row."""
        async with self._database.connection() as connection:
            kinds = await rows.count_by_kind(connection, store_id)
        names = {AuditKind.DATA_ACCESS: "LogDataAccess", AuditKind.WEBHOOK: "LogWebhookEvent"}
        return {name: kinds[kind] for kind, name in names.items() if kinds.get(kind)}

    async def _previous(self, connection: Connection, store_id: int, from_index: int) -> bytes:
        if from_index == 0:
            return GENESIS
        before = await rows.list_range(connection, store_id, from_index - 1, from_index - 1)
        return before[0].hash if before else b""


def _refuted(reason: str, index: int, head: Head) -> Verification:
    """A finding before any link was computed."""
    return Verification(checked=0, head=head, last_hash=b"", reason=reason, first_bad_index=index)


async def append(
    connection: Connection, entries: Sequence[AuditEntry], now: dt.datetime, *, new: bool = False
) -> list[Appended | KikiError]:
    """Append inside the caller's transaction: new entries extend their chains, repeated ones get their first place.

    With `new`, repetitions are not looked up, and one breaks the log's key (`asyncpg.UniqueViolationError`).
    """
    now_us = (now - _EPOCH) // _MICROSECOND
    heads = await rows.lock_heads(connection, [entry.store_id for entry in entries])
    keys = [(entry.store_id, entry.event_id) for entry in entries]
    known = {} if new else await rows.find_links(connection, keys)
    fresh: dict[int, dict[str, AuditEntry]] = {}
    for entry, key in zip(entries, keys, strict=True):
        if key not in known:
            fresh.setdefault(entry.store_id, {}).setdefault(entry.event_id, entry)
    added: list[Link] = []
    for store_id in sorted(fresh):
        added.extend(extend(heads[store_id], list(fresh[store_id].values()), now_us))
    if added:
        await _store(connection, added)
    known.update(zip(((link.entry.store_id, link.entry.event_id) for link in added), added, strict=True))
    return [_outcome(entry, known[key]) for entry, key in zip(entries, keys, strict=True)]


async def append_one(connection: Connection, entry: AuditEntry, now: dt.datetime) -> Appended:
    """`append` of one entry; raises what `append` would return as an error."""
    (outcome,) = await append(connection, [entry], now)
    if isinstance(outcome, KikiError):
        raise outcome
    return outcome


async def _store(connection: Connection, links: list[Link]) -> None:
    await rows.add_links(connection, links)
    ends = {link.entry.store_id: Head(link.index + 1, link.hash, link.logged_us) for link in links}
    await rows.move_heads(connection, sorted(ends.items(), key=lambda item: item[0]))


def _outcome(entry: AuditEntry, link: Link) -> Appended | KikiError:
    first = link.entry
    if first is not entry and not _same(entry, first):
        return EventIdReused("this event_id was used before with other content")
    return Appended(first.store_id, link.index, link.logged_us)


def _same(entry: AuditEntry, first: AuditEntry) -> bool:
    """Whether a repetition says what the first said; a time that was not given is any time."""
    return _fields(entry) == _fields(first) and entry.occurred_us in (None, first.occurred_us)


def _fields(entry: AuditEntry) -> tuple[object, ...]:
    return (
        entry.kind,
        entry.actor,
        entry.action,
        entry.resource_type,
        entry.resource_id,
        entry.purpose,
        entry.platform,
        entry.topic,
        entry.payload_digest,
        entry.signature_digest,
        entry.verified,
        entry.count,
    )
