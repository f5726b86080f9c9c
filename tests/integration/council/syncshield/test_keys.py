"""Encryption, rotation and shredding over real gRPC and real PostgreSQL."""

from __future__ import annotations

import asyncio

import asyncpg
import grpc
import pytest

from kiki.rpc.v1 import common_pb2
from kiki.rpc.v1 import syncshield_pb2 as pb
from kiki.rpc.v1.syncshield_pb2_grpc import SyncShieldServiceStub

SECRET = "Ada Lovelace, شارع 7, 🚲"


async def encrypt(shield: SyncShieldServiceStub, store_id: int = 1) -> pb.EncryptCustomerDataResponse:
    request = pb.EncryptCustomerDataRequest(store_id=store_id, text=SECRET, purpose="customers.name")
    return await shield.EncryptCustomerData(request)


def wish(sealed: pb.EncryptCustomerDataResponse, **changes: object) -> pb.DecryptCustomerDataRequest:
    values: dict[str, object] = {
        "store_id": 1,
        "ciphertext": sealed.ciphertext,
        "key_id": sealed.key_id,
        "nonce": sealed.nonce,
        "purpose": "customers.name",
        "actor": "user:7",
        "resource_id": "customer:ab12",
        **changes,
    }
    return pb.DecryptCustomerDataRequest(**values)  # type: ignore[arg-type]


async def refused(shield: SyncShieldServiceStub, request: pb.DecryptCustomerDataRequest) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await shield.DecryptCustomerData(request)
    assert "Ada" not in str(error.value.details())
    return error.value.code()


async def actions(shield: SyncShieldServiceStub) -> list[str]:
    page = await shield.ListAuditEvents(pb.ListAuditEventsRequest(store_id=1))
    return [event.action for event in page.events]


async def test_text_comes_back_and_both_the_key_and_the_reading_are_audited(shield: SyncShieldServiceStub) -> None:
    sealed = await encrypt(shield)
    assert (sealed.key_id, len(sealed.nonce)) == ("1-1", 12)
    answer = await shield.DecryptCustomerData(wish(sealed))
    assert (answer.text, answer.audit_id) == (SECRET, "1-1")
    page = await shield.ListAuditEvents(pb.ListAuditEventsRequest(store_id=1, kind=pb.AUDIT_KIND_DECRYPTION))
    assert [(event.actor, event.resource_id) for event in page.events] == [("user:7", "customer:ab12")]


async def test_two_encryptions_share_no_nonce_and_racing_first_ones_share_one_key(
    shield: SyncShieldServiceStub,
) -> None:
    sealed = await asyncio.gather(*(encrypt(shield) for _ in range(8)))
    assert len({item.nonce for item in sealed}) == 8
    assert {item.key_id for item in sealed} == {"1-1"}


async def test_what_was_changed_or_belongs_elsewhere_is_refused_and_audited(shield: SyncShieldServiceStub) -> None:
    sealed, other = await encrypt(shield), await encrypt(shield, store_id=2)
    flipped = bytes([sealed.ciphertext[0] ^ 1]) + sealed.ciphertext[1:]
    cases = [
        wish(sealed, ciphertext=flipped),
        wish(sealed, nonce=bytes(12)),
        wish(sealed, nonce=b"short"),
        wish(sealed, purpose="customers.phone"),
        wish(other),
        wish(other, key_id="1-1"),
    ]
    for case in cases:
        assert await refused(shield, case) is grpc.StatusCode.INVALID_ARGUMENT
    assert (await actions(shield)).count("decrypt_refused") == len(cases)


async def test_old_versions_decrypt_after_rotation_and_a_repeated_rotation_makes_one_key(
    shield: SyncShieldServiceStub,
) -> None:
    old = await encrypt(shield)
    request = pb.RotateKeyRequest(store_id=1, event_id="rotate-1", actor="user:7")
    first, again = await shield.RotateKey(request), await shield.RotateKey(request)
    assert first == again
    assert first.key.key_id == "1-2"
    new = await encrypt(shield)
    assert new.key_id == "1-2"
    assert (await shield.DecryptCustomerData(wish(old))).text == SECRET
    assert (await shield.DecryptCustomerData(wish(new))).text == SECRET
    counts = await shield.CountEffects(common_pb2.CountEffectsRequest(store_id=1))
    assert {entry.method: entry.count for entry in counts.counts} == {"RotateKey": 1}
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await shield.RotateKey(pb.RotateKeyRequest(store_id=1, event_id="rotate-1", actor="user:8"))
    assert error.value.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_shredded_keys_are_gone_from_the_table_and_never_decrypt_again(
    shield: SyncShieldServiceStub, dsn: str
) -> None:
    sealed = await encrypt(shield)
    request = pb.ShredStoreKeysRequest(store_id=1, event_id="shred-1", actor="worker", reason="shop_redact")
    assert (await shield.ShredStoreKeys(request)).shredded == 1
    assert await refused(shield, wish(sealed)) is grpc.StatusCode.NOT_FOUND
    assert (await encrypt(shield)).key_id == "1-2"
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT count(*) FROM syncshield.data_keys WHERE wrapped IS NOT NULL") == 1
    await connection.close()
    verdict = await shield.VerifyAuditChain(pb.VerifyAuditChainRequest(store_id=1))
    assert verdict.ok


async def test_no_text_and_no_key_stands_in_clear_in_the_database(shield: SyncShieldServiceStub, dsn: str) -> None:
    sealed = await encrypt(shield)
    await shield.DecryptCustomerData(wish(sealed))
    connection = await asyncpg.connect(dsn)
    for table in ("audit_events", "data_keys", "receipts"):
        rows = await connection.fetch(f"SELECT t::text FROM syncshield.{table} t")
        assert not any("Ada" in row[0] or SECRET.encode().hex() in row[0] for row in rows)
    await connection.close()


async def test_a_subject_request_is_opened_once_listed_by_urgency_and_closed(shield: SyncShieldServiceStub) -> None:
    request = pb.OpenSubjectRequestRequest(
        store_id=1, event_id="gdpr-1", kind=pb.SUBJECT_REQUEST_KIND_ERASURE, subject_key="ab12"
    )
    opened = (await shield.OpenSubjectRequest(request)).subject_request
    assert (await shield.OpenSubjectRequest(request)).subject_request == opened
    assert opened.due_at.seconds - opened.received_at.seconds == 30 * 86_400
    open_ones = await shield.ListSubjectRequests(pb.ListSubjectRequestsRequest(state=pb.SUBJECT_REQUEST_STATE_OPEN))
    assert [item.request_id for item in open_ones.subject_requests] == [opened.request_id]
    close = pb.CloseSubjectRequestRequest(
        store_id=1,
        event_id="gdpr-1-done",
        request_id=opened.request_id,
        state=pb.SUBJECT_REQUEST_STATE_FULFILLED,
        actor="user:7",
    )
    closed = (await shield.CloseSubjectRequest(close)).subject_request
    assert closed.state == pb.SUBJECT_REQUEST_STATE_FULFILLED
    assert await actions(shield) == ["subject_request.erasure", "subject_request.fulfilled"]
