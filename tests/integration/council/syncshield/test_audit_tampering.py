"""What somebody who can write to the database, or restore an old copy of it, cannot hide."""

from __future__ import annotations

import asyncio
import datetime as dt

import asyncpg
import grpc
import pytest

from kiki.kit.clock import FixedClock
from kiki.rpc.v1 import syncshield_pb2 as pb
from kiki.rpc.v1.syncshield_pb2_grpc import SyncShieldServiceStub

_OPEN = "ALTER TABLE syncshield.{} DISABLE TRIGGER ALL"
_TABLES = ("audit_events", "audit_heads")


def webhook(number: int, **fields: object) -> pb.LogWebhookEventRequest:
    values: dict[str, object] = {"store_id": 1, "platform": "shopify", "topic": "orders/create", **fields}
    return pb.LogWebhookEventRequest(event_id=f"event-{number}", **values)  # type: ignore[arg-type]


async def log(shield: SyncShieldServiceStub, numbers: range) -> None:
    request = pb.BatchLogWebhookEventsRequest(requests=[webhook(number) for number in numbers])
    assert not any(result.HasField("error") for result in (await shield.BatchLogWebhookEvents(request)).results)


async def tamper(dsn: str, *statements: str) -> None:
    """As one who may switch the guards off."""
    connection = await asyncpg.connect(dsn)
    for statement in (*(_OPEN.format(table) for table in _TABLES), *statements):
        await connection.execute(statement)
    for table in _TABLES:
        await connection.execute(f"ALTER TABLE syncshield.{table} ENABLE TRIGGER ALL")
    await connection.close()


async def verify(shield: SyncShieldServiceStub, **fields: object) -> pb.VerifyAuditChainResponse:
    return await shield.VerifyAuditChain(pb.VerifyAuditChainRequest(store_id=1, **fields))  # type: ignore[arg-type]


_CUT_HEAD = (
    "UPDATE syncshield.audit_heads SET length = 8,"
    " hash = (SELECT hash FROM syncshield.audit_events WHERE store_id = 1 AND index = 7)"
)
_COPY = (
    "INSERT INTO syncshield.audit_events SELECT (jsonb_populate_record(e,"
    """ jsonb_build_object('index', {}, 'event_id', 'forged'))).* FROM syncshield.audit_events e WHERE index = 3"""
)


@pytest.mark.parametrize(
    ("change", "index"),
    [
        (_CUT_HEAD, 8),
        ("DELETE FROM syncshield.audit_heads", 0),
        (_COPY.format(-1), -1),
        (_COPY.format(10), 10),
    ],
    ids=["head-moved-back", "head-removed", "before-the-first", "after-the-last"],
)
async def test_links_that_the_head_does_not_count_are_found(
    shield: SyncShieldServiceStub, dsn: str, change: str, index: int
) -> None:
    await log(shield, range(10))
    assert (await verify(shield)).ok
    await tamper(dsn, change)
    verdict = await verify(shield)
    assert (verdict.ok, verdict.reason, verdict.first_bad_index) == (False, "UNCOUNTED_LINK", index)


async def test_a_cut_or_rewritten_log_is_whole_by_itself_and_broken_against_a_checkpoint(
    shield: SyncShieldServiceStub, dsn: str
) -> None:
    await log(shield, range(10))
    kept = await verify(shield)
    assert kept.last_hash == kept.head_hash
    point: dict[str, object] = {"from_index": kept.length, "previous_hash": kept.head_hash}
    assert (await verify(shield, **point)).ok

    await tamper(dsn, "DELETE FROM syncshield.audit_events WHERE index >= 8", _CUT_HEAD)
    assert (await verify(shield)).ok
    cut = await verify(shield, **point)
    assert (cut.ok, cut.reason, cut.first_bad_index) == (False, "TRUNCATED", 8)

    await log(shield, range(20, 30))
    assert (await verify(shield)).ok
    forked = await verify(shield, **point)
    assert (forked.ok, forked.reason, forked.first_bad_index) == (False, "CHECKPOINT_MISMATCH", 9)


async def test_a_checkpoint_holds_while_the_log_grows(shield: SyncShieldServiceStub) -> None:
    await log(shield, range(10))
    first = await verify(shield, to_index=3)
    assert (first.checked, first.length) == (4, 10)
    rest = await verify(shield, from_index=4, previous_hash=first.last_hash)
    assert (rest.ok, rest.checked, rest.last_hash) == (True, 6, rest.head_hash)
    await log(shield, range(10, 15))
    assert (await verify(shield, from_index=10, previous_hash=rest.head_hash)).checked == 5


async def test_a_start_beyond_the_end_without_a_checkpoint_is_refused(shield: SyncShieldServiceStub) -> None:
    await log(shield, range(3))
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await verify(shield, from_index=4)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await verify(shield, from_index=1, previous_hash=b"short")
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM syncshield.audit_heads",
        "TRUNCATE syncshield.audit_heads",
        "UPDATE syncshield.audit_heads SET length = length - 1",
        "UPDATE syncshield.audit_heads SET hash = ''",
        "UPDATE syncshield.audit_heads SET store_id = 7, length = length + 1",
    ],
    ids=["delete", "truncate", "back", "other-hash", "other-store"],
)
async def test_the_database_refuses_to_move_a_head_back(
    shield: SyncShieldServiceStub, dsn: str, statement: str
) -> None:
    await log(shield, range(3))
    connection = await asyncpg.connect(dsn)
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute(statement)
    await connection.close()
    assert (await verify(shield)).ok


async def test_the_guards_stand_in_a_session_that_applies_changes_of_elsewhere(
    shield: SyncShieldServiceStub, dsn: str
) -> None:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT tgrelid::regclass::text || '.' || tgname AS name, tgenabled::text AS enabled FROM pg_trigger"
        " WHERE tgname LIKE 'audit_%' AND NOT tgisinternal"
    )
    await connection.close()
    assert len(rows) >= 3
    assert {row["enabled"] for row in rows} == {"A"}, rows


async def test_the_times_of_a_chain_never_go_back_when_the_clock_does(
    shield: SyncShieldServiceStub, clock: FixedClock
) -> None:
    await log(shield, range(2))
    clock.advance(dt.timedelta(seconds=-30))
    await log(shield, range(2, 4))
    clock.advance(dt.timedelta(seconds=60))
    await log(shield, range(4, 6))
    page = await shield.ListAuditEvents(pb.ListAuditEventsRequest(store_id=1))
    times = [event.logged_at.ToNanoseconds() for event in page.events]
    assert times == sorted(times)
    assert times[2] == times[1]
    assert times[4] > times[3]
    assert (await verify(shield)).ok


async def test_racing_writers_of_one_event_agree_on_its_place(shield: SyncShieldServiceStub) -> None:
    batch = pb.BatchLogWebhookEventsRequest(requests=[webhook(number) for number in (3, 1, 2, 1)])
    answers = await asyncio.gather(*(shield.BatchLogWebhookEvents(batch) for _ in range(6)))
    places = {tuple(result.response.log_id for result in answer.results) for answer in answers}
    assert len(places) == 1
    assert (await verify(shield)).length == 3


async def test_a_time_that_no_calendar_holds_fails_alone(shield: SyncShieldServiceStub) -> None:
    bad = [webhook(1), webhook(2), webhook(3)]
    bad[0].occurred_at.seconds, bad[0].occurred_at.nanos = 253_402_300_799, 2_000_000_000
    bad[1].occurred_at.nanos = -1
    answer = await shield.BatchLogWebhookEvents(pb.BatchLogWebhookEventsRequest(requests=bad))
    assert [result.error.reason for result in answer.results] == ["BAD_TIME", "BAD_TIME", ""]
