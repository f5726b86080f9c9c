"""How much may be sent."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from kiki.portal.collector.limits import AddressHash, TokenBuckets

MONDAY = dt.date(2026, 11, 23)


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_taken_and_then_one_at_a_time() -> None:
    watch = Watch()
    buckets = TokenBuckets(2.0, 3, watch)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("b") == 0, "keys do not share"
    watch.now = 0.5
    assert [buckets.take("a"), buckets.take("a")] == [0, 0.5]


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 5))
def test_no_more_passes_than_burst_and_rate_allow(pauses: list[float], burst: int) -> None:
    watch = Watch()
    buckets = TokenBuckets(1.0, burst, watch)
    passed = 0
    for pause in pauses:
        watch.now += pause
        passed += buckets.take("a") == 0
    assert passed <= burst + watch.now + 1e-6


def test_the_table_is_bounded_and_forgets_who_was_away_longest() -> None:
    buckets = TokenBuckets(1.0, 1, Watch(), max_keys=3)
    assert [buckets.take(key) for key in "abcabc"] == [0, 0, 0, 1, 1, 1]
    assert buckets.take("d") == 0
    assert len(buckets) == 3
    assert buckets.take("b") > 0
    assert buckets.take("a") == 0, "its bucket made room"


def test_an_address_has_one_hash_a_day_and_another_tomorrow() -> None:
    salts = iter([b"a" * 16, b"b" * 16])
    hashes = AddressHash(lambda _: next(salts))
    today = hashes.of("203.0.113.9", MONDAY)
    assert today == hashes.of("203.0.113.9", MONDAY)
    assert today == hashes.of("::ffff:203.0.113.9", MONDAY)
    assert today != hashes.of("203.0.113.10", MONDAY)
    assert today != hashes.of("203.0.113.9", MONDAY + dt.timedelta(days=1))
    assert b"203" not in today


def test_a_household_with_ipv6_is_one_address() -> None:
    hashes = AddressHash()
    first = hashes.of("2001:db8:1:2::1", MONDAY)
    assert first == hashes.of("2001:db8:1:2:ffff::9%eth0", MONDAY)
    assert first != hashes.of("2001:db8:1:3::1", MONDAY)
    assert hashes.of("nonsense", MONDAY) == hashes.of("", MONDAY)


def test_an_address_that_comes_with_its_port_is_the_same_address() -> None:
    hashes = AddressHash()
    for written, plain in (
        ("203.0.113.9:51234", "203.0.113.9"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::1"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::1"),
    ):
        assert hashes.of(written, MONDAY) == hashes.of(plain, MONDAY) != hashes.of("nonsense", MONDAY)
