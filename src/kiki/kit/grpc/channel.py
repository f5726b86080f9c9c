"""Channels to agents: keepalive, quick reconnects, bounded messages; retries by service config on read calls only."""

from __future__ import annotations

import json
from collections.abc import Sequence

import grpc
import grpc.aio

from kiki.kit.grpc.settings import DEFAULT_MAX_MESSAGE_BYTES, TlsSettings


def open_channel(
    address: str,
    *,
    tls: TlsSettings | None = None,
    read_methods: Sequence[tuple[str, str]] = (),
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
) -> grpc.aio.Channel:
    """One reused channel. `read_methods` are (full service name, method) pairs that may be retried on UNAVAILABLE."""
    options: list[tuple[str, int | str]] = [
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if read_methods:
        options.append(("grpc.service_config", _service_config(read_methods)))
    if tls is None:
        return grpc.aio.insecure_channel(address, options=options)
    certificate, private_key, authority = tls.read()
    credentials = grpc.ssl_channel_credentials(authority, private_key, certificate)
    return grpc.aio.secure_channel(address, credentials, options=options)


def _service_config(read_methods: Sequence[tuple[str, str]]) -> str:
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.05s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    names = [{"service": service, "method": method} for service, method in read_methods]
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": policy}]})
