"""A port that is taken for a moment is waited for; one that stays taken is told. A failure is told without its text."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.testing import capture_logs

from kiki.kit.errors import Unavailable
from kiki.kit.grpc import server as module
from kiki.kit.grpc.server import RpcServer
from kiki.kit.grpc.settings import RpcSettings

KEY = "a-key-for-tests-0123456789"


@contextmanager
def _listener() -> Iterator[int]:
    """Another server on a port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


@contextmanager
def _outgoing_connection() -> Iterator[int]:
    """A connection whose local port the kernel, or its owner, chose."""
    with socket.create_server(("127.0.0.1", 0)) as peer, socket.socket() as outgoing:
        outgoing.bind(("127.0.0.1", 0))
        outgoing.connect(peer.getsockname())
        # Whoever ends a connection last leaves no trace of it on its port.
        accepted, _ = peer.accept()
        with accepted:
            yield outgoing.getsockname()[1]


async def _serves(port: int) -> bool:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.mark.parametrize("holder", [_listener, _outgoing_connection])
async def test_a_port_that_is_held_for_a_moment_is_waited_for(holder: object) -> None:
    with ExitStack() as held, capture_logs() as logs:
        port = held.enter_context(holder())  # type: ignore[operator]  # One of the two above.
        server = RpcServer(RpcSettings(f"127.0.0.1:{port}", (KEY,)))
        starting = asyncio.create_task(server.start())
        async with asyncio.timeout(10):
            while not logs:
                await asyncio.sleep(0.01)
        held.close()
        try:
            assert await starting == port
            assert await _serves(port)
        finally:
            await server.stop(0.1)
    assert [(line["log_level"], line["event"]) for line in logs] == [("warning", "address_taken")]
    assert logs[0]["address"] == f"127.0.0.1:{port}"


async def test_a_port_that_stays_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BIND_SECONDS", 0.3)
    with _listener() as port:
        server = RpcServer(RpcSettings(f"127.0.0.1:{port}", (KEY,)))
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port}: another program holds it") as caught:
            await server.start()
        assert caught.value.reason == "ADDRESS_IN_USE"


async def test_a_free_port_is_taken_at_once_and_again_after_a_stop() -> None:
    first = RpcServer(RpcSettings("127.0.0.1:0", (KEY,)))
    port = await first.start()
    assert await _serves(port)
    await first.stop(0.1)
    second = RpcServer(RpcSettings(f"127.0.0.1:{port}", (KEY,)))
    try:
        assert await second.start() == port
    finally:
        await second.stop(0.1)


class _Failing(health_pb2_grpc.HealthServicer):
    async def Check(self, request: health_pb2.HealthCheckRequest, context: object) -> health_pb2.HealthCheckResponse:
        raise ValueError(f"invalid input: {request.service!r}")


async def _asked(message: bytes) -> tuple[grpc.aio.AioRpcError, list[dict[str, object]]]:
    """What a service answers, and logs, that fails with what it was sent."""
    with _listener() as taken:
        port = taken
    server = RpcServer(RpcSettings(f"127.0.0.1:{port}", (KEY,)))
    service = "kiki.test.Failing"
    handler = grpc.unary_unary_rpc_method_handler(
        _Failing().Check,
        request_deserializer=health_pb2.HealthCheckRequest.FromString,
        response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
    )
    server.add(
        lambda _servicer, grpc_server: grpc_server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"Check": handler}),)
        ),
        _Failing(),
        service,
    )
    await server.start()
    try:
        with capture_logs() as logs:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                call = channel.unary_unary(f"/{service}/Check")
                with pytest.raises(grpc.aio.AioRpcError) as failed:
                    await call(message, metadata=[("x-internal-api-key", KEY)], timeout=10)
        return failed.value, list(logs)
    finally:
        await server.stop(0)


async def test_a_failure_is_logged_by_kind_and_place_and_not_with_what_was_sent() -> None:
    told, logs = await _asked(health_pb2.HealthCheckRequest(service="ada@example.org").SerializeToString())
    assert told.code() is grpc.StatusCode.INTERNAL
    (line,) = logs
    assert (line["event"], line["error"]) == ("rpc_failed", "ValueError")
    assert str(line["frames"]).endswith(" Check']")
    assert "ada" not in f"{logs}{told}"


async def test_bytes_that_are_no_message_are_the_callers_fault() -> None:
    told, logs = await _asked(b"\x0a\xff\xff")
    assert (told.code(), logs) == (grpc.StatusCode.INVALID_ARGUMENT, [])
    assert "3 bytes" in str(told.details())
