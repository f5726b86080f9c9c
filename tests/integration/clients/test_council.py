"""Clients and servers agree: keys, errors, batches, health, reflection, TLS."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from kiki.clients import council
from kiki.clients.council import AgentClient, CouncilClients
from kiki.clients.methods import AGENTS, BATCH_METHODS
from kiki.kit.errors import Conflict, DeadlineExceeded, InvalidInput, KikiError, NotFound, Unauthenticated, Unavailable
from kiki.kit.grpc.server import RpcServer
from kiki.kit.grpc.settings import RpcSettings, TlsSettings
from kiki.rpc.v1 import synccreate_pb2 as pb
from kiki.rpc.v1 import synccreate_pb2_grpc

KEY = "a-key-for-tests-0123456789"
SERVICE = AGENTS["synccreate"]


class Probe(synccreate_pb2_grpc.SyncCreateServiceServicer):
    """Answers by what the product's id says."""

    def __init__(self) -> None:
        self.calls = 0

    async def GenerateProductCreative(self, request: Any, _context: Any) -> pb.GenerateProductCreativeResponse:
        self.calls += 1
        match request.product.product_id:
            case "missing":
                raise NotFound("no such product", reason="NO_PRODUCT", data={"product_id": "missing"})
            case "broken":
                raise RuntimeError("secret detail")
            case "slow":
                await asyncio.sleep(5)
        return pb.GenerateProductCreativeResponse(creative_id=request.product.product_id)

    async def BatchGenerateCreatives(self, request: Any, _context: Any) -> pb.BatchGenerateCreativesResponse:
        answer = pb.BatchGenerateCreativesResponse()
        for one in request.requests:
            result = answer.results.add()
            if one.product.product_id == "bad":
                result.error.code, result.error.reason, result.error.message = 6, "EVENT_ID_REUSED", "reused"
            else:
                result.response.creative_id = one.product.product_id
        return answer


@asynccontextmanager
async def served(tls: TlsSettings | None = None) -> AsyncIterator[str]:
    server = RpcServer(RpcSettings("localhost:0", (KEY, "an-older-key-0123456789"), tls))
    server.add(synccreate_pb2_grpc.add_SyncCreateServiceServicer_to_server, Probe(), SERVICE)
    port = await server.start()
    try:
        yield f"localhost:{port}"
    finally:
        await server.stop(0.1)


@asynccontextmanager
async def client(address: str, key: str = KEY, tls: TlsSettings | None = None) -> AsyncIterator[AgentClient]:
    agent = AgentClient("synccreate", address, api_key=key, tls=tls)
    try:
        yield agent
    finally:
        await agent.close()


def creative(product_id: str) -> pb.GenerateProductCreativeRequest:
    return pb.GenerateProductCreativeRequest(store_id=1, event_id="e", product={"product_id": product_id})


async def generate(agent: AgentClient, product_id: str, timeout_seconds: float = 5) -> str:
    answer = await agent.call(
        "GenerateProductCreative",
        creative(product_id),
        pb.GenerateProductCreativeResponse,
        timeout_seconds=timeout_seconds,
    )
    return answer.creative_id


async def test_a_call_is_answered() -> None:
    async with served() as address, client(address) as agent:
        assert await generate(agent, "9007199254740993") == "9007199254740993"


@pytest.mark.parametrize("key", ["", "wrong", KEY + "x"])
async def test_a_wrong_key_is_unauthenticated(key: str) -> None:
    async with served() as address, client(address, key) as agent:
        with pytest.raises(Unauthenticated):
            await generate(agent, "1")


async def test_the_older_key_still_works_during_a_rotation() -> None:
    async with served() as address, client(address, "an-older-key-0123456789") as agent:
        assert await generate(agent, "1") == "1"


async def test_an_error_arrives_with_kind_reason_and_data() -> None:
    async with served() as address, client(address) as agent:
        with pytest.raises(NotFound) as caught:
            await generate(agent, "missing")
    assert (caught.value.reason, caught.value.data) == ("NO_PRODUCT", {"product_id": "missing"})


async def test_a_fault_inside_the_service_tells_no_detail() -> None:
    async with served() as address, client(address) as agent:
        with pytest.raises(KikiError) as caught:
            await generate(agent, "broken")
    assert "secret" not in caught.value.message


async def test_a_deadline_is_kept() -> None:
    async with served() as address, client(address) as agent:
        with pytest.raises(DeadlineExceeded):
            await generate(agent, "slow", timeout_seconds=0.2)


async def test_an_agent_that_is_down_is_unavailable() -> None:
    async with client("localhost:1") as agent:
        with pytest.raises(Unavailable):
            await generate(agent, "1", timeout_seconds=2)
        assert "Connection refused" in await agent.trouble()


async def test_a_batch_gives_an_outcome_per_item_in_order() -> None:
    requests = [creative(name).SerializeToString() for name in ("a", "bad", "c" * 300)]
    async with served() as address, client(address) as agent:
        outcomes = await agent.call_batch("GenerateProductCreative", requests)
    assert [pb.GenerateProductCreativeResponse.FromString(o.response or b"").creative_id for o in outcomes] == [
        "a",
        "",
        "c" * 300,
    ]
    assert isinstance(outcomes[1].error, Conflict)


async def test_a_method_without_a_batch_form_travels_alone() -> None:
    requests = [creative("ignored").SerializeToString()]
    async with served() as address, client(address) as agent:
        outcomes = await agent.call_batch("ListCreatives", requests)
    assert isinstance(outcomes[0].error, KikiError)


async def test_an_unknown_method_is_refused_before_it_is_sent() -> None:
    async with client("localhost:1") as agent:
        outcome = (await agent.call_batch("Nonsense", [b""]))[0]
    assert isinstance(outcome.error, InvalidInput)
    assert "no method Nonsense" in outcome.error.message


async def test_health_needs_no_key_and_reflection_does() -> None:
    async with served() as address, client(address, "wrong") as agent:
        assert await agent.trouble() == ""
        async with grpc.aio.insecure_channel(address) as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async for _ in stub.ServerReflectionInfo(
                    iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=5
                ):
                    pass
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
            metadata = (("x-internal-api-key", KEY),)
            names = []
            request = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
            async for answer in stub.ServerReflectionInfo(request, timeout=5, metadata=metadata):
                names += [service.name for service in answer.list_services_response.service]
            assert SERVICE in names


async def test_calls_travel_over_mutual_tls(tmp_path: Path) -> None:
    tls = _certificates(tmp_path)
    async with served(tls) as address:
        async with client(address, tls=tls) as agent:
            assert await generate(agent, "1") == "1"
        async with client(address) as agent:
            with pytest.raises(Unavailable):
                await generate(agent, "1", timeout_seconds=2)


async def test_clients_want_an_address_for_every_agent() -> None:
    with pytest.raises(InvalidInput, match="synccreate"):
        async with CouncilClients.open({"syncvalue": "localhost:1"}, api_key=KEY):
            pass


def test_every_batch_method_stands_in_the_contract() -> None:
    for (agent, single), batch in BATCH_METHODS.items():
        service = council._service(agent)
        assert {single, batch.batch} <= set(service.methods_by_name)
        items = service.methods_by_name[batch.batch].input_type.fields_by_number[1].message_type
        if single == batch.batch:
            singles = {method.input_type for method in service.methods_by_name.values()}
            assert {field.message_type for field in items.fields} <= singles
        else:
            assert items is service.methods_by_name[single].input_type


def _certificates(folder: Path) -> TlsSettings:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return TlsSettings(folder / "cert.pem", folder / "key.pem", folder / "cert.pem")
