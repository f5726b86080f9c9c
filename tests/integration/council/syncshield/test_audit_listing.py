"""Who did what, and when: the filters of the audit log."""

from __future__ import annotations

import base64
import datetime as dt

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from kiki.rpc.v1 import syncshield_pb2 as pb
from kiki.rpc.v1.syncshield_pb2_grpc import SyncShieldServiceStub

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def stamp(hours: float) -> Timestamp:
    at = Timestamp()
    at.FromDatetime(NOON + dt.timedelta(hours=hours))
    return at


@pytest.fixture
async def written(shield: SyncShieldServiceStub) -> SyncShieldServiceStub:
    """Webhooks at 0, 1, …, 4 o'clock past noon, and between them what two people did."""
    webhooks = [
        pb.LogWebhookEventRequest(
            store_id=1, event_id=f"w-{hour}", platform="shopify", topic="orders/create", occurred_at=stamp(hour)
        )
        for hour in range(5)
    ]
    await shield.BatchLogWebhookEvents(pb.BatchLogWebhookEventsRequest(requests=webhooks))
    accesses = [
        pb.LogDataAccessRequest(
            store_id=1,
            event_id=f"a-{number}",
            actor=actor,
            action="campaign.hold",
            resource_type=kind,
            resource_id=str(number),
            occurred_at=stamp(number + 0.5),
        )
        for number, (actor, kind) in enumerate(
            [("user:7", "campaign"), ("user:8", "campaign"), ("user:7", "order"), ("user:7", "campaign")]
        )
    ]
    await shield.BatchLogDataAccess(pb.BatchLogDataAccessRequest(requests=accesses))
    return shield


async def listed(shield: SyncShieldServiceStub, **fields: object) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        request = pb.ListAuditEventsRequest(store_id=1, page_token=token, page_size=2, **fields)  # type: ignore[arg-type]
        page = await shield.ListAuditEvents(request)
        found += [event.event_id for event in page.events]
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"actor": "user:7"}, ["a-0", "a-2", "a-3"]),
        ({"actor": "user:7", "descending": True}, ["a-3", "a-2", "a-0"]),
        ({"actor": "nobody"}, []),
        ({"occurred_from": stamp(1.5), "occurred_to": stamp(3)}, ["w-2", "a-1", "a-2"]),
        ({"occurred_from": stamp(2), "kind": pb.AUDIT_KIND_WEBHOOK}, ["w-2", "w-3", "w-4"]),
        ({"occurred_to": stamp(1), "kind": pb.AUDIT_KIND_DATA_ACCESS}, ["a-0"]),
        ({"resource_type": "campaign"}, ["a-0", "a-1", "a-3"]),
        ({"resource_type": "campaign", "resource_id": "3", "actor": "user:7"}, ["a-3"]),
    ],
    ids=["actor", "actor-newest-first", "nobody", "times", "since", "until", "type", "resource"],
)
async def test_filters_find_what_they_say_over_pages(
    written: SyncShieldServiceStub, fields: dict[str, object], wanted: list[str]
) -> None:
    assert await listed(written, **fields) == wanted


@pytest.mark.parametrize(
    "fields",
    [
        {"resource_id": "3"},
        {"actor": "a\x00b"},
        {"resource_type": "a\x00b"},
        {"resource_type": "x" * 201},
        {"occurred_from": Timestamp(seconds=253_402_300_800)},
        {"kind": 99},
    ],
    ids=["id-without-type", "actor-nul", "type-nul", "long", "time", "kind"],
)
async def test_what_cannot_be_looked_for_is_refused(shield: SyncShieldServiceStub, fields: dict[str, object]) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await listed(shield, **fields)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "told",
    ["2026-11-23|1", "2026-11-23T12:00:00+00:00|" + "9" * 19, "2026-11-23T12:00:00+00:00|-1", "never|1", "|", "\x00"],
    ids=["naive", "beyond-64-bits", "negative", "no-time", "empty", "nul"],
)
async def test_a_page_token_that_is_not_ours_is_refused(shield: SyncShieldServiceStub, told: str) -> None:
    token = base64.urlsafe_b64encode(told.encode()).decode()
    for call, request in (
        (shield.ListSubjectRequests, pb.ListSubjectRequestsRequest(page_token=token)),
        (shield.ListAuditEvents, pb.ListAuditEventsRequest(store_id=1, page_token=token)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call(request)
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
