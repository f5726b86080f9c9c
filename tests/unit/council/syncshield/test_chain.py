"""The hash chain."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kiki.council.syncshield.chain import GENESIS, ChainCheck, canonical, extend, link_hash
from kiki.council.syncshield.domain import AuditEntry, Head, Link

ENTRY = AuditEntry(
    store_id=1,
    event_id="e-1",
    kind=2,
    occurred_us=1_700_000_000_000_000,
    action="webhook",
    platform="shopify",
    topic="orders/create",
    payload_digest=b"p" * 32,
    signature_digest=b"s" * 32,
    verified=True,
)


def links(count: int) -> list[Link]:
    entries = [replace(ENTRY, event_id=f"e-{number}") for number in range(count)]
    return extend(Head(0, GENESIS), entries, 1_700_000_000_000_001)


def check(chain: list[Link], head: Head) -> str:
    checker = ChainCheck(first_index=0, previous_hash=GENESIS)
    checker.feed(chain)
    return checker.verdict(head, to_index=None).reason


def test_the_hash_is_an_rfc_6962_leaf_over_the_canonical_bytes() -> None:
    (link,) = links(1)
    data = canonical(link.entry, index=0, occurred_us=link.occurred_us, logged_us=link.logged_us, previous_hash=GENESIS)
    assert link.hash == hashlib.sha256(b"\x00" + data).digest()
    assert msgspec.msgpack.decode(data)[:4] == [1, GENESIS, 1, 0]


def test_the_canonical_form_never_changes() -> None:
    (link,) = links(1)
    assert link.hash.hex() == "270fb1b71c1bfe58ca94a37fbaabd5d151ec279e3cba8f726ce014bddbce1c9f"


def test_a_chain_in_two_pieces_equals_the_chain_in_one() -> None:
    whole = links(5)
    rest = extend(Head(2, whole[1].hash), [link.entry for link in whole[2:]], 1_700_000_000_000_001)
    assert rest == whole[2:]


@given(
    index=st.integers(0, 4),
    name=st.sampled_from([name for name in AuditEntry.__struct_fields__ if name not in ("occurred_us", "event_id")]),
)
def test_a_changed_field_breaks_the_chain(index: int, name: str) -> None:
    chain = links(5)
    head = Head(5, chain[-1].hash)
    assert check(chain, head) == ""
    value = getattr(chain[index].entry, name)
    other = (
        not value
        if isinstance(value, bool)
        else value + (b"x" if isinstance(value, bytes) else "x" if isinstance(value, str) else 1)
    )
    changed = replace(chain[index].entry, **{name: other})
    chain[index] = replace(chain[index], entry=changed)
    assert check(chain, head) == "HASH_MISMATCH"


@pytest.mark.parametrize("removed", [0, 2, 4])
def test_a_removed_link_is_missed(removed: int) -> None:
    chain = links(5)
    head = Head(5, chain[-1].hash)
    del chain[removed]
    assert check(chain, head) == "MISSING_LINK"


def test_a_rewritten_tail_disagrees_with_the_head() -> None:
    chain = links(5)
    head = Head(5, chain[-1].hash)
    forged = extend(Head(3, chain[2].hash), [replace(ENTRY, topic="orders/paid"), ENTRY], chain[0].logged_us)
    assert all(link_hash(link) == link.hash for link in forged)
    assert check([*chain[:3], *forged], head) == "HEAD_MISMATCH"


@given(st.lists(st.integers(0, 2_000_000_000_000_000), min_size=1, max_size=6))
def test_links_are_never_older_than_what_they_follow(clock: list[int]) -> None:
    head, times = Head(0, GENESIS), []
    for number, now_us in enumerate(clock):
        (link,) = extend(head, [replace(ENTRY, event_id=f"e-{number}")], now_us)
        assert link.logged_us in (now_us, head.logged_us)
        head = Head(link.index + 1, link.hash, link.logged_us)
        times.append(link.logged_us)
    assert times == sorted(times)
