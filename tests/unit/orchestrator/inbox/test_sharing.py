"""A batch is shared between stores, keys and partitions are stable, failures are told apart."""

from __future__ import annotations

import datetime as dt

import asyncpg
import pytest

from kiki.kit.errors import InvalidInput, InvariantBroken, Unavailable
from kiki.orchestrator.inbox.decoding import storable
from kiki.orchestrator.inbox.deliveries import duplicate_key
from kiki.orchestrator.inbox.failures import as_failure, backoff_seconds, database_away, retryable
from kiki.orchestrator.inbox.leases import Place
from kiki.orchestrator.inbox.queue import Entry
from kiki.orchestrator.inbox.worker import share_out
from kiki.orchestrator.lanes import PARTITIONS, partition_of

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def _entries(stores: list[int]) -> list[Entry]:
    return [Entry(Place("inbox", 0, 1), seq, store, seq, 0, AT, AT) for seq, store in enumerate(stores)]


def test_noisy_store_leaves_room_for_others() -> None:
    chosen = share_out(_entries([1] * 50 + [2] * 3 + [3] * 3), 20, 10)
    assert [e.store_id for e in chosen].count(2) == 3
    assert [e.store_id for e in chosen].count(3) == 3
    assert len(chosen) == 20
    assert [e.seq for e in chosen] == sorted(e.seq for e in chosen)


def test_lonely_store_fills_the_batch() -> None:
    assert len(share_out(_entries([1] * 50), 20, 10)) == 20


def test_duplicate_key_keeps_its_parts_apart() -> None:
    keys = {
        duplicate_key("a", "b", "", "", b"x"),
        duplicate_key("ab", "", "", "", b"x"),
        duplicate_key("a", "", "b", "", b"x"),
        duplicate_key("a", "b", "", "", b"y"),
    }
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)


def test_partitions_are_all_used() -> None:
    assert {partition_of(store_id) for store_id in range(1, 200)} == set(range(PARTITIONS))
    assert partition_of(1) == 9


@pytest.mark.parametrize(
    ("error", "away"),
    [
        pytest.param(ConnectionRefusedError(), True, id="refused"),
        pytest.param(asyncpg.InterfaceError("connection is closed"), True, id="closed"),
        pytest.param(
            asyncpg.InterfaceError("cannot call Connection.fetch(): connection has been released back to the pool"),
            True,
            id="gone-when-handed-out",
        ),
        pytest.param(
            asyncpg.exceptions._base.DataError("invalid input for query argument $1"), False, id="bad-argument"
        ),
        pytest.param(Unavailable("x", reason="DATABASE_BUSY"), True, id="pool-exhausted"),
        pytest.param(Unavailable("x"), False, id="another-dependency"),
        pytest.param(ValueError(), False, id="bug"),
    ],
)
def test_database_that_is_away_is_no_fault_of_the_work(error: Exception, away: bool) -> None:
    assert database_away(error) is away


def test_foreign_text_is_not_kept() -> None:
    failure = as_failure(ValueError("jane@example.com"))
    assert isinstance(failure, InvariantBroken)
    assert "jane" not in failure.message
    assert retryable(failure)
    assert not retryable(InvalidInput("x"))


def test_entity_can_be_stored() -> None:
    assert storable("order:\x00\ud800") == "order:\ufffd?"
    assert len(storable("x" * 1000)) == 300


def test_backoff_grows_to_its_cap() -> None:
    assert 0.5 <= backoff_seconds(1, base=1, cap=60) <= 1
    assert 30 <= backoff_seconds(50, base=1, cap=60) <= 60
