"""A gRPC server of our kind: API key checked, errors translated, health and reflection on, bounded stop."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from kiki.kit.clock import monotonic
from kiki.kit.errors import InvalidInput, KikiError, Unauthenticated, Unavailable
from kiki.kit.grpc.settings import RpcSettings, TlsSettings
from kiki.kit.grpc.status import to_status
from kiki.kit.logging import frames_of, get_logger, kinds_of

API_KEY_METADATA = "x-internal-api-key"
_OPEN_SERVICES = ("/grpc.health.v1.Health/",)
_BIND_SECONDS = 5.0
"""The default ports lie where Linux takes the local ports of outgoing connections from, so that one of these may hold
ours for a while; a process that was just ended may, too."""
_BIND_PAUSE_SECONDS = 0.1
_log = get_logger("rpc.server")

Handler = grpc.RpcMethodHandler
Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]


class RpcServer:
    """One listening address with any number of services."""

    def __init__(self, settings: RpcSettings) -> None:
        limit = settings.max_message_bytes
        self._settings = settings
        self._names: list[str] = []
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(
            interceptors=[_Edge(settings.api_keys)],
            options=[
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_send_message_length", limit),
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_time_ms", 30_000),
                ("grpc.keepalive_timeout_ms", 10_000),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.max_ping_strikes", 0),
            ],
        )

    def add(self, register: Callable[[Any, Any], None], servicer: object, service_name: str) -> None:
        """Register a servicer under its full service name; before `start`."""
        register(servicer, self._server)
        self._names.append(service_name)

    async def start(self) -> int:
        """Listen and serve; the bound port. Raises `Unavailable` when the address stays taken."""
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection([*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server)
        port = await self._bound()
        await self._server.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return port

    async def stop(self, grace_seconds: float = 5) -> None:
        """Say NOT_SERVING, finish what is under way within the grace, then close."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_seconds)

    async def _bound(self) -> int:
        """Take the address; one that is taken may be free in a moment: see `_BIND_SECONDS`."""
        give_up_at = monotonic() + _BIND_SECONDS
        waiting = False
        while True:
            try:
                return self._listen()
            except RuntimeError as error:
                if monotonic() >= give_up_at:
                    raise Unavailable(
                        f"cannot listen on {self._settings.address}: another program holds it", reason="ADDRESS_IN_USE"
                    ) from error
            if not waiting:
                waiting = True
                _log.warning("address_taken", address=self._settings.address, tries_for_seconds=_BIND_SECONDS)
            await asyncio.sleep(_BIND_PAUSE_SECONDS)

    def _listen(self) -> int:
        if self._settings.tls is None:
            return self._server.add_insecure_port(self._settings.address)
        return self._server.add_secure_port(self._settings.address, _credentials(self._settings.tls))


def _credentials(tls: TlsSettings) -> grpc.ServerCredentials:
    certificate, private_key, authority = tls.read()
    return grpc.ssl_server_credentials(
        [(private_key, certificate)], root_certificates=authority, require_client_auth=authority is not None
    )


class _Edge(grpc.aio.ServerInterceptor):
    """The one broad `except` of the RPC edge."""

    def __init__(self, api_keys: tuple[str, ...]) -> None:
        self._keys = tuple(key.encode() for key in api_keys)
        self._handlers: dict[str, Any] = {}

    async def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Any:
        handler = await continuation(details)
        method = str(details.method)
        if handler is None:
            return None
        if not method.startswith(_OPEN_SERVICES) and not self._knows(details):
            return _refusal(handler)
        if handler.unary_unary is None:
            return handler
        made = self._handlers.get(method)
        if made is None:
            made = self._handlers[method] = grpc.unary_unary_rpc_method_handler(
                _translated(handler.unary_unary, handler.request_deserializer, method),
                response_serializer=handler.response_serializer,
            )
        return made

    def _knows(self, details: grpc.HandlerCallDetails) -> bool:
        given = next((value for key, value in details.invocation_metadata or () if key == API_KEY_METADATA), None)
        if given is None:
            return False
        shown = given if isinstance(given, bytes) else str(given).encode()
        return sum(hmac.compare_digest(shown, key) for key in self._keys) > 0


def _translated(
    call: Callable[[Any, Any], Awaitable[Any]], read: Callable[[bytes], Any], method: str
) -> Callable[[Any, Any], Awaitable[Any]]:
    async def handle(request: bytes, context: Any) -> Any:
        try:
            return await call(read(request), context)
        except DecodeError:
            error = InvalidInput(f"{len(request)} bytes are no message that {method} takes", reason="BAD_MESSAGE")
            await context.abort_with_status(to_status(error))
        except KikiError as error:
            await context.abort_with_status(to_status(error))
        except (asyncio.CancelledError, grpc.aio.AbortError):
            raise
        except Exception as error:  # noqa: BLE001  The one place of the RPC edge.
            _log.error("rpc_failed", method=method, error=kinds_of(error), frames=frames_of(error))
            await context.abort_with_status(to_status(KikiError("the call failed inside the service")))

    return handle


def _refusal(handler: Any) -> Any:
    error = to_status(Unauthenticated(f"{API_KEY_METADATA} metadata is absent or wrong", reason="BAD_API_KEY"))

    async def refuse(_request: Any, context: Any) -> Any:
        await context.abort_with_status(error)

    async def refuse_stream(_request: Any, context: Any) -> Any:
        await context.abort_with_status(error)
        yield None

    make: dict[tuple[bool, bool], Any] = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    build = make[handler.request_streaming, handler.response_streaming]
    return build(refuse_stream if handler.response_streaming else refuse)
