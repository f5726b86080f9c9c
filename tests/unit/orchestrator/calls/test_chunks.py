"""Chunks keep order per entity and stay within their bounds; groups come apart exactly."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.calls.chunks import Call, form_chunks
from kiki.orchestrator.calls.grouped import split_requests
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.lanes import Lane
from kiki.rpc.v1 import syncshield_pb2

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def _call(seq: int, entity: str, method: str = "M", request: bytes = b"x") -> Call:
    return Call(seq, CallIntent(1, "a", method, Lane.LIVE, entity, "", str(seq), request), AT)


def test_entity_stands_once_in_what_is_under_way() -> None:
    calls = [_call(1, "a"), _call(2, "a", "N"), _call(3, "b"), _call(4, "busy")]
    chunks = form_chunks(calls, {(1, "busy")}, items=10, size=1000, most=5)
    assert [[c.seq for c in chunk.calls] for chunk in chunks] == [[1, 3]]


def test_methods_travel_apart() -> None:
    chunks = form_chunks([_call(1, "a"), _call(2, "b", "N"), _call(3, "c")], (), items=10, size=1000, most=5)
    assert [(chunk.method, [c.seq for c in chunk.calls]) for chunk in chunks] == [("M", [1, 3]), ("N", [2])]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40)), max_size=60), st.integers(1, 8), st.integers(1, 100))
def test_bounds_hold(calls: list[tuple[int, int]], items: int, size: int) -> None:
    waiting = [_call(n, f"e{entity}", request=b"x" * length) for n, (entity, length) in enumerate(calls)]
    chunks = form_chunks(waiting, (), items=items, size=size, most=3)
    assert len(chunks) <= 3
    for chunk in chunks:
        assert chunk.items <= items
        assert chunk.size <= size or len(chunk.calls) == 1
    taken = [call for chunk in chunks for call in chunk.calls]
    assert len({call.key for call in taken}) == len(taken)
    first = {}
    for call in waiting:
        first.setdefault(call.key, call.seq)
    assert all(first[call.key] == call.seq for call in taken)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_groups_come_apart_as_protobuf_wrote_them(digests: list[bytes]) -> None:
    requests = [syncshield_pb2.LogWebhookEventRequest(event_id="e", payload_digest=digest) for digest in digests]
    group = syncshield_pb2.BatchLogWebhookEventsRequest(requests=requests).SerializeToString()
    assert split_requests(group) == [request.SerializeToString() for request in requests]


@pytest.mark.parametrize("broken", [b"\x12\x01x", b"\x0a\x05x", b"\x0a", b"\x0a\xff\xff\xff\xff\xff\xff"])
def test_broken_group_is_refused(broken: bytes) -> None:
    with pytest.raises(InvalidInput):
        split_requests(broken)
