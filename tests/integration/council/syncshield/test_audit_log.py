"""The audit log over real gRPC and real PostgreSQL."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib

import asyncpg
import grpc
import pytest

from kiki.kit.clock import FixedClock
from kiki.rpc.v1 import common_pb2
from kiki.rpc.v1 import syncshield_pb2 as pb
from kiki.rpc.v1.syncshield_pb2_grpc import SyncShieldServiceStub

DIGEST = hashlib.sha256(b"body").digest()


def webhook(number: int, *, store_id: int = 1, **fields: object) -> pb.LogWebhookEventRequest:
    values: dict[str, object] = {
        "platform": "shopify",
        "topic": "orders/create",
        "payload_digest": DIGEST,
        "signature_digest": DIGEST,
        "verified": True,
        **fields,
    }
    return pb.LogWebhookEventRequest(store_id=store_id, event_id=f"event-{store_id}-{number}", **values)  # type: ignore[arg-type]


def access(number: int, **fields: object) -> pb.LogDataAccessRequest:
    values: dict[str, object] = {
        "actor": "user:7",
        "action": "read",
        "resource_type": "order",
        "resource_id": "99",
        **fields,
    }
    return pb.LogDataAccessRequest(event_id=f"access-{number}", **{"store_id": 1, **values})  # type: ignore[arg-type]


async def log(shield: SyncShieldServiceStub, *requests: pb.LogWebhookEventRequest) -> list[pb.LogWebhookEventResult]:
    return list((await shield.BatchLogWebhookEvents(pb.BatchLogWebhookEventsRequest(requests=requests))).results)


async def test_a_batch_extends_the_chain_of_each_store_without_gaps(shield: SyncShieldServiceStub) -> None:
    results = await log(shield, webhook(1), webhook(1, store_id=2), webhook(2), webhook(1, store_id=0, verified=False))
    assert [result.response.log_id for result in results] == ["1-0", "2-0", "1-1", "0-0"]
    page = await shield.ListAuditEvents(pb.ListAuditEventsRequest(store_id=1))
    first, second = page.events
    assert first.previous_hash == bytes(32)
    assert second.previous_hash == first.hash
    assert (first.topic, first.payload_digest, first.verified, first.count) == ("orders/create", DIGEST, True, 1)
    for store_id in (0, 1, 2):
        verdict = await shield.VerifyAuditChain(pb.VerifyAuditChainRequest(store_id=store_id))
        assert verdict.ok, verdict


async def test_a_repeated_event_gets_its_first_place_and_is_counted_once(
    shield: SyncShieldServiceStub, clock: FixedClock
) -> None:
    (first,) = await log(shield, webhook(1))
    clock.advance(dt.timedelta(minutes=5))
    again, twin, new = await log(shield, webhook(1), webhook(2), webhook(2))
    assert again.response == first.response
    assert twin.response == new.response
    counts = await shield.CountEffects(common_pb2.CountEffectsRequest(store_id=1))
    assert {entry.method: entry.count for entry in counts.counts} == {"LogWebhookEvent": 2}


async def test_an_event_id_with_other_content_is_refused_alone(shield: SyncShieldServiceStub) -> None:
    await log(shield, webhook(1))
    reused, fine, unreadable = await log(
        shield, webhook(1, topic="orders/paid"), webhook(2), webhook(3, payload_digest=b"x")
    )
    assert (reused.error.reason, reused.error.code) == ("EVENT_ID_REUSED", grpc.StatusCode.ALREADY_EXISTS.value[0])
    assert fine.response.log_id == "1-1"
    assert unreadable.error.reason == "BAD_FIELD"


async def test_concurrent_batches_of_one_store_leave_one_whole_chain(shield: SyncShieldServiceStub) -> None:
    batches = [[webhook(number) for number in range(start, start + 30)] for start in range(0, 200, 10)]
    await asyncio.gather(*(log(shield, *batch) for batch in batches))
    verdict = await shield.VerifyAuditChain(pb.VerifyAuditChainRequest(store_id=1))
    assert (verdict.ok, verdict.checked, verdict.length) == (True, 220, 220)


async def test_what_a_stranger_wrote_is_clipped_not_refused(shield: SyncShieldServiceStub) -> None:
    (result,) = await log(shield, webhook(1, topic="x\x00" * 500))
    assert result.response.log_id
    page = await shield.ListAuditEvents(pb.ListAuditEventsRequest(store_id=1))
    assert page.events[0].topic == "x\ufffd" * 100


async def test_data_access_is_listed_by_resource_and_an_address_is_refused(shield: SyncShieldServiceStub) -> None:
    await shield.LogDataAccess(access(1))
    await shield.LogDataAccess(access(2, resource_id="100"))
    await log(shield, webhook(1))
    query = pb.ListAuditEventsRequest(store_id=1, resource_type="order", resource_id="100", descending=True)
    page = await shield.ListAuditEvents(query)
    assert [event.event_id for event in page.events] == ["access-2"]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await shield.LogDataAccess(access(3, actor="ada@example.com"))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "ada" not in str(refused.value.details())


async def test_what_concerns_the_whole_installation_has_a_chain_of_its_own(shield: SyncShieldServiceStub) -> None:
    told = {"store_id": 0, "action": "exchange_rates.set", "resource_type": "exchange_rates"}
    for number in (1, 2):
        await shield.LogDataAccess(access(number, **told, purpose="manual 0.8662 -> 0.87"))
    await shield.LogDataAccess(access(3))
    events = (await shield.ListAuditEvents(pb.ListAuditEventsRequest(store_id=0))).events
    assert [event.purpose for event in events] == ["manual 0.8662 -> 0.87"] * 2
    verdict = await shield.VerifyAuditChain(pb.VerifyAuditChainRequest(store_id=0))
    assert (verdict.ok, verdict.checked) == (True, 2)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await shield.LogDataAccess(access(4, store_id=-1))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_pages_follow_the_chain_in_both_directions(shield: SyncShieldServiceStub) -> None:
    await log(shield, *(webhook(number) for number in range(5)))
    for descending, expected in ((False, [0, 1, 2, 3, 4]), (True, [4, 3, 2, 1, 0])):
        seen: list[int] = []
        token = ""
        for _ in range(3):
            query = pb.ListAuditEventsRequest(store_id=1, page_size=2, descending=descending, page_token=token)
            page = await shield.ListAuditEvents(query)
            seen += [event.index for event in page.events]
            token = page.next_page_token
        assert (seen, token) == (expected, "")


@pytest.mark.parametrize(
    ("change", "index", "reason"),
    [
        ("UPDATE syncshield.audit_events SET topic = 'orders/paid' WHERE index = 3", 3, "HASH_MISMATCH"),
        ("UPDATE syncshield.audit_events SET occurred_at = occurred_at + '1 µs' WHERE index = 2", 2, "HASH_MISMATCH"),
        ("DELETE FROM syncshield.audit_events WHERE index = 4", 4, "MISSING_LINK"),
        ("DELETE FROM syncshield.audit_events WHERE index = 9", 9, "MISSING_LINK"),
        ("UPDATE syncshield.audit_events SET previous_hash = hash WHERE index = 5", 5, "BROKEN_LINK"),
        ("UPDATE syncshield.audit_heads SET hash = sha256(hash)", 10, "HEAD_MISMATCH"),
    ],
    ids=["field", "time", "removed", "last-removed", "relinked", "cut-head"],
)
async def test_a_changed_chain_is_found_out(
    shield: SyncShieldServiceStub, dsn: str, change: str, index: int, reason: str
) -> None:
    await log(shield, *(webhook(number) for number in range(10)))
    connection = await asyncpg.connect(dsn)
    for table in ("audit_events", "audit_heads"):
        await connection.execute(f"ALTER TABLE syncshield.{table} DISABLE TRIGGER ALL")
    await connection.execute(change.replace("µs", "microsecond"))
    await connection.close()
    verdict = await shield.VerifyAuditChain(pb.VerifyAuditChainRequest(store_id=1))
    assert (verdict.ok, verdict.reason, verdict.first_bad_index) == (False, reason, index)


@pytest.mark.parametrize("statement", ["UPDATE {} SET topic = ''", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_database_refuses_changes_of_the_log(shield: SyncShieldServiceStub, dsn: str, statement: str) -> None:
    await log(shield, webhook(1))
    connection = await asyncpg.connect(dsn)
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute(statement.format("syncshield.audit_events"))
    await connection.close()
