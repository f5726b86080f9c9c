"""The group commit: batches, poison, bounds, deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiki.kit.errors import KikiError, Unavailable
from kiki.portal.errors import Overloaded
from kiki.portal.intake.group_commit import GroupCommit, Write
from properties import examples


@asynccontextmanager
async def running(
    write: Write[int],
    *,
    deadline_seconds: float = 5,
    max_waiting_bytes: int = 1000,
    max_batch: int = 100,
    pace_seconds: float = 0.0,
) -> AsyncIterator[GroupCommit[int]]:
    commit: GroupCommit[int] = GroupCommit(
        write,
        deadline_seconds=deadline_seconds,
        max_waiting_bytes=max_waiting_bytes,
        max_batch=max_batch,
        max_batch_bytes=10_000,
        pace_seconds=pace_seconds,
    )
    task = asyncio.create_task(commit.run())
    try:
        yield commit
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def submitted(commit: GroupCommit[int], item: int, size: int, waited_seconds: float = 0.0) -> asyncio.Future[bool]:
    """What `submit` tells, as a future."""
    told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def done(result: bool | Exception) -> None:
        if isinstance(result, Exception):
            told.set_exception(result)
        else:
            told.set_result(result)

    commit.submit(item, size, done, waited_seconds)
    return told


class Store:
    """Keeps what is written; a batch with poison fails as a whole and leaves nothing."""

    def __init__(self, poison: frozenset[int] = frozenset()) -> None:
        self.poison = poison
        self.kept: set[int] = set()
        self.batches: list[int] = []

    async def write(self, items: Sequence[int]) -> list[bool]:
        await asyncio.sleep(0)
        self.batches.append(len(items))
        if self.poison & set(items):
            raise ValueError("poison")
        new = []
        for item in items:
            new.append(item not in self.kept)
            self.kept.add(item)
        return new


@settings(max_examples=examples(40), deadline=None)
@given(
    items=st.lists(st.integers(0, 30), min_size=1, max_size=60),
    poison=st.frozensets(st.integers(0, 30), max_size=4),
    max_batch=st.integers(1, 20),
)
def test_exactly_the_poisonous_items_fail(items: list[int], poison: frozenset[int], max_batch: int) -> None:
    async def run() -> None:
        store = Store(poison)
        async with running(store.write, max_batch=max_batch) as commit:
            results = await asyncio.gather(*(submitted(commit, item, 1) for item in items), return_exceptions=True)
        for item, result in zip(items, results, strict=True):
            assert isinstance(result, ValueError) == (item in poison)
        assert store.kept == set(items) - poison
        assert sum(result is True for result in results) == len(store.kept)
        assert commit.waiting_bytes == 0

    asyncio.run(run())


async def test_an_item_alone_is_written_at_once_and_the_rest_is_gathered() -> None:
    store = Store()
    gate = asyncio.Event()

    async def write(items: Sequence[int]) -> list[bool]:
        result = await store.write(items)
        await gate.wait()
        return result

    async with running(write) as commit:
        first = submitted(commit, 0, 1)
        while not store.batches:
            await asyncio.sleep(0)
        rest = [submitted(commit, item, 1) for item in range(1, 50)]
        gate.set()
        await asyncio.gather(first, *rest)
    assert store.batches == [1, 49]


async def test_what_follows_soon_is_gathered_but_a_full_batch_does_not_wait() -> None:
    store = Store()
    async with running(store.write, max_batch=10, pace_seconds=0.05) as commit:
        await submitted(commit, 0, 1)
        soon = [submitted(commit, 1, 1)]
        await asyncio.sleep(0.001)
        soon.append(submitted(commit, 2, 1))
        await asyncio.gather(*soon)
    assert store.batches == [1, 2]
    store = Store()
    async with running(store.write, max_batch=10, deadline_seconds=5, pace_seconds=60) as commit:
        await submitted(commit, 0, 1)
        await asyncio.gather(*[submitted(commit, item, 1) for item in range(1, 21)])
    assert store.batches == [1, 10, 10]


async def test_more_is_gathered_while_flushes_take_long_and_not_without_bound() -> None:
    async def slow(items: Sequence[int]) -> list[bool]:
        await asyncio.sleep(0.05)
        return [True] * len(items)

    async with running(slow, pace_seconds=0.01) as commit:
        await submitted(commit, 0, 1)
        assert commit._rest == pytest.approx(0.03)
    async with running(Store().write, pace_seconds=60) as commit:
        await submitted(commit, 0, 1)
        assert commit._rest == 60


async def test_who_waits_for_the_pace_is_answered_at_the_deadline() -> None:
    store = Store()
    async with running(store.write, deadline_seconds=0.1, pace_seconds=60) as commit:
        await submitted(commit, 0, 1)
        with pytest.raises(Overloaded):
            await submitted(commit, 1, 1)
    assert store.batches == [1]


async def test_a_failure_of_the_moment_fails_the_batch_without_halving_it() -> None:
    calls = 0

    async def write(items: Sequence[int]) -> list[bool]:
        nonlocal calls
        calls += 1
        raise Unavailable("away")

    async with running(write) as commit:
        results = await asyncio.gather(*(submitted(commit, item, 1) for item in range(10)), return_exceptions=True)
    assert calls == 1
    assert all(isinstance(result, Overloaded) for result in results)


async def test_a_hanging_write_is_answered_at_the_deadline_and_later_items_at_once() -> None:
    async def write(items: Sequence[int]) -> list[bool]:
        await asyncio.Event().wait()
        return []

    async with running(write, deadline_seconds=0.1) as commit:
        loop = asyncio.get_running_loop()
        started = loop.time()
        first = submitted(commit, 1, 1)
        await asyncio.sleep(0.02)
        second = submitted(commit, 2, 1)
        results = await asyncio.gather(first, second, return_exceptions=True)
        assert all(isinstance(result, KikiError) for result in results)
        assert loop.time() - started < 1
        with pytest.raises(Overloaded):
            submitted(commit, 3, 1)


async def test_what_waited_before_is_answered_and_written_before_what_came_earlier() -> None:
    written: list[int] = []
    gate = asyncio.Event()

    async def write(items: Sequence[int]) -> list[bool]:
        written.extend(items)
        await gate.wait()
        return [True] * len(items)

    async with running(write, deadline_seconds=60) as commit:
        in_flight = submitted(commit, 0, 1)
        while not written:
            await asyncio.sleep(0)
        in_time = [submitted(commit, item, 1, waited) for item, waited in ((1, 0.0), (2, 30.0), (3, 0.0), (4, 20.0))]
        with pytest.raises(Overloaded):
            await submitted(commit, 5, 1, 59.95)
        assert not any(each.done() for each in (in_flight, *in_time))
        gate.set()
        assert await asyncio.gather(in_flight, *in_time) == [True] * 5
        assert commit.waiting_bytes == 0
    assert written == [0, 2, 4, 1, 3]


async def test_a_flush_is_not_stuck_because_what_is_in_it_had_waited_before() -> None:
    gate = asyncio.Event()

    async def write(items: Sequence[int]) -> list[bool]:
        await gate.wait()
        return [True] * len(items)

    async with running(write, deadline_seconds=60) as commit:
        with pytest.raises(Overloaded):
            await submitted(commit, 1, 1, 59.95)
        next_one = submitted(commit, 2, 1)
        gate.set()
        assert await next_one


async def test_the_byte_budget_refuses_what_is_too_much_and_recovers() -> None:
    store = Store()
    async with running(store.write, max_waiting_bytes=100) as commit:
        first = submitted(commit, 1, 90)
        with pytest.raises(Overloaded):
            submitted(commit, 2, 20)
        assert await first
        assert await submitted(commit, 2, 20)


async def test_what_waits_when_it_stops_is_answered() -> None:
    async def write(items: Sequence[int]) -> list[bool]:
        await asyncio.Event().wait()
        return []

    async with running(write) as commit:
        first = submitted(commit, 1, 1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second = submitted(commit, 2, 1)
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert all(isinstance(result, Overloaded) for result in results)


async def test_a_listener_that_fails_does_not_disturb_its_neighbours() -> None:
    store = Store()

    def broken(result: bool | Exception) -> None:
        raise ValueError("the sender's connection is in no state to be written to")

    async with running(store.write) as commit:
        commit.submit(1, 1, broken)
        assert await submitted(commit, 2, 1)
        assert await submitted(commit, 3, 1)
    assert store.kept == {1, 2, 3}
