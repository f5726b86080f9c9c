"""`CouncilClients`: the way from SyncPortal to its six agents."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

import grpc
import grpc.aio
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from kiki.clients.methods import AGENTS, BATCH_METHODS
from kiki.kit.errors import InvalidInput, InvariantBroken, KikiError, Unavailable
from kiki.kit.grpc.channel import open_channel
from kiki.kit.grpc.settings import TlsSettings
from kiki.kit.grpc.status import error_from_item, from_rpc_error

API_KEY_METADATA = "x-internal-api-key"
MAX_CALLS_IN_FLIGHT = 200
_SINGLES_AT_ONCE = 8
_READ_PREFIXES = ("Get", "List", "Calculate", "Verify", "Count")
M = TypeVar("M", bound=Message)


class CallOutcome(NamedTuple):
    """What became of one item of a batch: its serialized response, or its error."""

    response: bytes | None
    error: KikiError | None


class AgentClient:
    """One agent over one reused channel."""

    def __init__(self, agent: str, address: str, *, api_key: str, tls: TlsSettings | None = None) -> None:
        self.agent = agent
        self.address = address
        self._service = _service(agent)
        reads = [
            (self._service.full_name, name) for name in self._service.methods_by_name if name.startswith(_READ_PREFIXES)
        ]
        self._channel = open_channel(address, tls=tls, read_methods=reads)
        self._metadata = ((API_KEY_METADATA, api_key),)
        self._in_flight = asyncio.Semaphore(MAX_CALLS_IN_FLIGHT)
        self._calls: dict[str, Any] = {}

    async def close(self) -> None:
        """Give up the channel; calls under way are cancelled."""
        await self._channel.close()

    async def call(self, method: str, request: Message, response_type: type[M], *, timeout_seconds: float = 10) -> M:
        """One unary call. Raises the `KikiError` that the agent's status stands for."""
        answer = await self._send(method, request.SerializeToString(), timeout_seconds)
        if not isinstance(answer, response_type):
            raise InvariantBroken(f"{method} answers {type(answer).__name__}, not {response_type.__name__}")
        return answer

    async def call_batch(
        self, method: str, requests: Sequence[bytes], *, timeout_seconds: float = 10
    ) -> list[CallOutcome]:
        """Serialized single requests in, one outcome each in order.

        Raises a `KikiError` when the batch as a whole failed; whether items took effect is then unknown.
        """
        batch = BATCH_METHODS.get((self.agent, method))
        if batch is None:
            return await self._one_by_one(method, requests, timeout_seconds)
        answer = await self._send(batch.batch, _batch_request(requests), timeout_seconds)
        results = answer.results
        if len(results) != len(requests):
            raise InvariantBroken(f"{batch.batch} answered {len(results)} of {len(requests)} items")
        return [_outcome(result) for result in results]

    async def healthy(self, *, timeout_seconds: float = 1) -> bool:
        """Whether the agent's health service says SERVING."""
        return not await self.trouble(timeout_seconds=timeout_seconds)

    async def trouble(self, *, timeout_seconds: float = 1) -> str:
        """Why the agent cannot be called, in the words of the connection; empty where its health says SERVING."""
        stub: Any = health_pb2_grpc.HealthStub(self._channel)
        try:
            request = health_pb2.HealthCheckRequest(service=self._service.full_name)
            answer = await stub.Check(request, timeout=timeout_seconds)
        except grpc.RpcError as error:
            return from_rpc_error(error).message
        serving = answer.status == health_pb2.HealthCheckResponse.SERVING
        return "" if serving else "its health service does not say SERVING"

    async def _one_by_one(self, method: str, requests: Sequence[bytes], timeout_seconds: float) -> list[CallOutcome]:
        bound = asyncio.Semaphore(_SINGLES_AT_ONCE)

        async def one(request: bytes) -> CallOutcome:
            async with bound:
                try:
                    answer = await self._send(method, request, timeout_seconds)
                except KikiError as error:
                    return CallOutcome(None, error)
                return CallOutcome(answer.SerializeToString(), None)

        outcomes = list(await asyncio.gather(*(one(request) for request in requests)))
        away = [outcome.error for outcome in outcomes if isinstance(outcome.error, Unavailable)]
        if away and len(away) == len(outcomes):
            raise away[0]
        return outcomes

    async def _send(self, method: str, request: bytes, timeout_seconds: float) -> Any:
        call = self._calls.get(method) or self._prepare(method)
        async with self._in_flight:
            try:
                return await call(request, timeout=timeout_seconds, metadata=self._metadata)
            except grpc.RpcError as error:
                raise from_rpc_error(error) from None

    def _prepare(self, method: str) -> Any:
        found: MethodDescriptor | None = self._service.methods_by_name.get(method)
        if found is None:
            raise InvalidInput(f"{self._service.full_name} has no method {method}", reason="UNKNOWN_METHOD")
        response = message_factory.GetMessageClass(found.output_type)
        self._calls[method] = self._channel.unary_unary(
            f"/{self._service.full_name}/{method}",
            request_serializer=None,
            response_deserializer=response.FromString,
        )
        return self._calls[method]


class CouncilClients:
    """A client per agent."""

    def __init__(self, clients: Mapping[str, AgentClient]) -> None:
        self._clients = dict(clients)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, addresses: Mapping[str, str], *, api_key: str, tls: TlsSettings | None = None
    ) -> AsyncIterator[CouncilClients]:
        """Clients for the time of the block. No connection is made before the first call."""
        unknown = set(addresses) ^ set(AGENTS)
        if unknown:
            raise InvalidInput(
                f"an address for each of {', '.join(AGENTS)} is wanted; off: {', '.join(sorted(unknown))}"
            )
        clients = {agent: AgentClient(agent, address, api_key=api_key, tls=tls) for agent, address in addresses.items()}
        try:
            yield cls(clients)
        finally:
            await asyncio.gather(*(client.close() for client in clients.values()))

    def __getitem__(self, agent: str) -> AgentClient:
        return self._clients[agent]

    @property
    def syncvalue(self) -> AgentClient:
        return self._clients["syncvalue"]

    @property
    def syncflow(self) -> AgentClient:
        return self._clients["syncflow"]

    @property
    def syncledger(self) -> AgentClient:
        return self._clients["syncledger"]

    @property
    def synccreate(self) -> AgentClient:
        return self._clients["synccreate"]

    @property
    def syncengage(self) -> AgentClient:
        return self._clients["syncengage"]

    @property
    def syncshield(self) -> AgentClient:
        return self._clients["syncshield"]

    async def call_batch(
        self, agent: str, method: str, requests: Sequence[bytes], *, timeout_seconds: float = 10
    ) -> list[CallOutcome]:
        """`AgentClient.call_batch` of the named agent."""
        return await self._clients[agent].call_batch(method, requests, timeout_seconds=timeout_seconds)


def _service(agent: str) -> ServiceDescriptor:
    module = importlib.import_module(f"kiki.rpc.v1.{agent}_pb2")
    service: ServiceDescriptor = module.DESCRIPTOR.services_by_name[AGENTS[agent].rpartition(".")[2]]
    return service


def _outcome(result: Any) -> CallOutcome:
    if result.HasField("response"):
        return CallOutcome(result.response.SerializeToString(), None)
    error = result.error
    return CallOutcome(None, error_from_item(error.code, error.reason, error.message))


def _batch_request(requests: Sequence[bytes]) -> bytes:
    """`repeated … requests = 1` put together from serialized items: tag 0x0A, length, bytes (protobuf wire format)."""
    parts: list[bytes] = []
    for request in requests:
        parts += (b"\x0a", _varint(len(request)), request)
    return b"".join(parts)


def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
