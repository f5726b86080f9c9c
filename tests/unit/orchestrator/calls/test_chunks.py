"""Chunks keep order per entity and stay within their bounds; groups come apart exactly."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.calls.chunks import Call, form_chunks
from kiki.orchestrator.calls.grouped import split_requests, unwrap, wrap
from kiki.orchestrator.calls.intents import MIXED, CallIntent
from kiki.orchestrator.lanes import Lane
from kiki.rpc.v1 import syncengage_pb2, syncshield_pb2

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


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["PutContact", "TriggerUpsellFlow", "M", "N"])), max_size=60),
    st.integers(1, 8),
    st.integers(1, 3),
)
def test_entity_keeps_its_order_within_a_batch_of_several_kinds(
    calls: list[tuple[int, str]], items: int, most: int
) -> None:
    waiting = [_call(n, f"e{entity}", method) for n, (entity, method) in enumerate(calls)]
    chunks = form_chunks(waiting, {(1, "e5")}, items=items, size=1000, most=most)
    home = {call.seq: number for number, chunk in enumerate(chunks) for call in chunk.calls}
    assert len(chunks) <= most
    assert all(chunk.items <= items for chunk in chunks)
    for entity in {call.key for call in waiting}:
        mine = [call for call in waiting if call.key == entity]
        sent = [call.seq for call in mine if call.seq in home]
        assert sent == [call.seq for call in mine[: len(sent)]], "none overtakes another"
        assert len({home[seq] for seq in sent}) <= 1, "and all stand in one batch"
        assert len(sent) <= 1 or all(call.mixed for call in mine[: len(sent)])
        assert not sent or entity != (1, "e5")


@given(st.integers(1, 15), st.binary(max_size=40_000))
def test_an_item_is_wrapped_and_unwrapped(field: int, request: bytes) -> None:
    assert unwrap(field, wrap(field, request)) == request
    with pytest.raises(InvalidInput):
        unwrap(field % 15 + 1, wrap(field, request))
    with pytest.raises(InvalidInput):
        unwrap(field, wrap(field, request) + b"x")


@given(st.text(max_size=300))
def test_items_of_several_kinds_are_what_the_contract_says(name: str) -> None:
    for method, (batch, field) in MIXED.items():
        service = syncengage_pb2.DESCRIPTOR.services_by_name["SyncEngageService"]
        items = service.methods_by_name[batch].input_type.fields_by_number[1].message_type
        answers = service.methods_by_name[batch].output_type.fields_by_number[1].message_type
        response = answers.fields_by_name["response"].message_type
        single = service.methods_by_name[method]
        assert items.fields_by_number[field].message_type is single.input_type
        assert response.fields_by_number[field].message_type is single.output_type
    request = syncengage_pb2.PutContactRequest(event_id=name)
    item = syncengage_pb2.EngageRequest(put_contact=request)
    assert wrap(MIXED["PutContact"][1], request.SerializeToString()) == item.SerializeToString()


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_groups_come_apart_as_protobuf_wrote_them(digests: list[bytes]) -> None:
    requests = [syncshield_pb2.LogWebhookEventRequest(event_id="e", payload_digest=digest) for digest in digests]
    group = syncshield_pb2.BatchLogWebhookEventsRequest(requests=requests).SerializeToString()
    assert split_requests(group) == [request.SerializeToString() for request in requests]


@pytest.mark.parametrize("broken", [b"\x12\x01x", b"\x0a\x05x", b"\x0a", b"\x0a\xff\xff\xff\xff\xff\xff"])
def test_broken_group_is_refused(broken: bytes) -> None:
    with pytest.raises(InvalidInput):
        split_requests(broken)
