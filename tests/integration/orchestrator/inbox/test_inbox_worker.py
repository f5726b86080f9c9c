"""Every stored delivery is finished once, whatever fails in between."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from integration.orchestrator.rig import SEALER, Rig, delivery
from kiki.kit.database import Connection
from kiki.kit.errors import InvalidInput, InvariantBroken, Unavailable
from kiki.orchestrator.inbox import floor, queue, worker
from kiki.orchestrator.inbox.deliveries import insert_deliveries
from kiki.orchestrator.inbox.leases import Place
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.lanes import PARTITIONS, Lane


async def test_delivery_is_decided_settled_and_audited(rig: Rig) -> None:
    assert await rig.store([delivery(7, 1)]) == [True]
    async with rig.worker():
        await rig.until("SELECT count(*) FROM inbox.outcomes WHERE status = 'settled'", 1)
        await rig.until("SELECT count(*) FROM calls.history WHERE agent = 'syncshield'", 1)
    assert await rig.rows("SELECT store_id, entity, n FROM effects") == [(7, "order:1", 1)]
    assert rig.agents.chunks == [("syncshield", "LogWebhookEvent", 1)]
    assert await rig.value("SELECT count(*) FROM inbox.queue") == 0


async def test_repeated_delivery_is_stored_once(rig: Rig) -> None:
    first, second = delivery(1, 1), delivery(1, 2)
    assert await rig.store([first, second, first]) == [True, True, False]
    assert await rig.store([second, delivery(2, 1)]) == [False, True]
    assert await rig.value("SELECT count(*) FROM inbox.deliveries") == 3


async def test_unsorted_duplicates_over_connections_never_deadlock(rig: Rig) -> None:
    deliveries = [delivery(1 + n % 5, n) for n in range(400)]

    async def push(seed: int) -> int:
        mine = list(deliveries)
        random.Random(seed).shuffle(mine)
        stored = 0
        for start in range(0, len(mine), 50):
            stored += sum(await rig.store(mine[start : start + 50]))
        return stored

    assert sum(await asyncio.gather(*(push(seed) for seed in range(5)))) == 400
    assert await rig.value("SELECT count(*) FROM inbox.queue") == 400


async def test_body_is_sealed(rig: Rig) -> None:
    await rig.store([delivery(1, 1, body=b'{"n":1,"email":"jane@example.com"}')])
    body = await rig.value("SELECT body FROM inbox.deliveries")
    assert b"jane" not in body


async def test_dead_on_arrival_is_kept_and_not_worked_on(rig: Rig) -> None:
    await rig.store([delivery(1, 1, dead_reason="TOPIC_MISMATCH"), delivery(1, 2)])
    assert await rig.rows("SELECT reason FROM inbox.dead_letters") == [("TOPIC_MISMATCH",)]
    assert await rig.value("SELECT count(*) FROM inbox.queue") == 1


async def test_unreadable_is_dead_and_unknown_topic_is_ignored(rig: Rig) -> None:
    await rig.store([delivery(1, 1, body=b"not json"), delivery(1, 2, topic="unknown"), delivery(1, 3)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM inbox.outcomes", 3)
    rows = await rig.rows("SELECT status, reason FROM inbox.outcomes ORDER BY status")
    assert rows == [("dead", "UNREADABLE_PAYLOAD"), ("ignored", "UNKNOWN_TOPIC"), ("settled", "")]


@pytest.mark.slow
async def test_ten_thousand_deliveries_are_finished_once_by_two_workers(rig: Rig) -> None:
    deliveries = [delivery(1 + n % 40, n, lane=Lane(1 + n % 3)) for n in range(10_000)]
    for start in range(0, len(deliveries), 1000):
        await rig.store(deliveries[start : start + 1000])
    async with rig.worker(), rig.worker():
        await rig.until("SELECT count(*) FROM inbox.outcomes", 10_000, seconds=60)
    assert await rig.value("SELECT count(DISTINCT n) FROM effects") == 10_000
    assert await rig.value("SELECT count(*) FROM effects") == 10_000


async def test_retryable_failure_parks_the_entity_and_keeps_its_order(rig: Rig) -> None:
    rig.decider.failing["order:bad"] = Unavailable("not now")
    await rig.store([delivery(1, 1, entity="order:bad"), delivery(1, 2, entity="order:bad"), delivery(1, 3)])
    async with rig.worker(retry_attempts=100):
        await rig.until("SELECT count(*) FROM inbox.parked", 2)
        await rig.store([delivery(1, 4, entity="order:bad"), delivery(1, 5)])
        await rig.until("SELECT count(*) FROM inbox.parked", 3)
        await rig.until("SELECT count(*) FROM effects", 2)
        rig.decider.failing.clear()
        await rig.until_quiet()
    assert await rig.rows("SELECT n FROM effects WHERE entity = 'order:bad' ORDER BY seq") == [(1,), (2,), (4,)]
    assert await rig.value("SELECT count(*) FROM inbox.outcomes WHERE status = 'settled'") == 5


async def test_permanent_failure_is_dead_and_the_entity_goes_on(rig: Rig) -> None:
    rig.decider.failing["order:bad"] = InvalidInput("cannot be", reason="NEVER")
    await rig.store([delivery(1, 1, entity="order:bad")])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM inbox.dead_letters", 1)
        rig.decider.failing.clear()
        await rig.store([delivery(1, 2, entity="order:bad")])
        await rig.until("SELECT count(*) FROM effects", 1)
    assert await rig.value("SELECT reason FROM inbox.dead_letters") == "NEVER"


async def test_attempts_end_in_a_dead_letter_and_the_next_goes_on(rig: Rig) -> None:
    rig.decider.raising["1"] = ValueError("a bug")
    await rig.store([delivery(1, 1, entity="order:x"), delivery(1, 2, entity="order:x"), delivery(1, 3)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM inbox.dead_letters", 1)
        await rig.until_quiet()
    assert await rig.rows("SELECT n FROM effects ORDER BY n") == [(2,), (3,)]
    assert await rig.rows("SELECT reason, attempts FROM inbox.dead_letters") == [("ATTEMPT_FAILED", 4)]


async def test_poisonous_delivery_fails_alone(rig: Rig) -> None:
    rig.decider.raising["17"] = InvalidInput("poison", reason="POISON")
    await rig.store([delivery(1, n) for n in range(64)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM inbox.outcomes", 64)
    assert await rig.value("SELECT count(*) FROM effects") == 63
    assert await rig.rows("SELECT reason FROM inbox.dead_letters") == [("POISON",)]


async def test_value_that_postgres_cannot_store_fails_alone(rig: Rig) -> None:
    await rig.store([delivery(1, 1, entity="order:\x00"), delivery(1, 2)])
    async with rig.worker(retry_attempts=1):
        await rig.until("SELECT count(*) FROM effects", 1)


@pytest.mark.slow
async def test_zombie_cannot_commit_after_a_takeover(rig: Rig) -> None:
    """A worker that stands still inside its transaction loses its leases; what it then tries is rolled back."""
    entered, go_on = asyncio.Event(), asyncio.Event()
    await rig.store([delivery(1, 1)])
    async with rig.worker() as zombie:

        async def stand_still(connection: Connection, _items: Sequence[WorkItem]) -> None:
            rig.decider.before_commit = None
            entered.set()
            await connection.execute("ROLLBACK")  # What the server does to a session that is idle for too long.
            await go_on.wait()

        rig.decider.before_commit = stand_still
        await entered.wait()
        zombie.leases.tick = _never  # type: ignore[method-assign]  # Its renewals stop with it.
        async with rig.worker():
            await rig.until("SELECT count(*) FROM inbox.outcomes", 1)
            go_on.set()
            await asyncio.sleep(0.5)
            assert await rig.value("SELECT count(*) FROM effects") == 1


async def _never() -> None:
    await asyncio.sleep(3600)


async def test_worker_that_dies_loses_nothing(rig: Rig) -> None:
    await rig.store([delivery(1 + n % 3, n) for n in range(500)])
    for _ in range(4):
        async with rig.worker(batch_size=20):
            await asyncio.sleep(0.1)
    async with rig.worker():
        await rig.until("SELECT count(*) FROM inbox.outcomes", 500)
    assert await rig.rows("SELECT count(*), count(DISTINCT n) FROM effects") == [(500, 500)]


async def test_lost_connections_lose_nothing(rig: Rig) -> None:
    await rig.store([delivery(1 + n % 3, n) for n in range(1000)])
    async with rig.worker(batch_size=20):
        for _ in range(5):
            await asyncio.sleep(0.05)
            await rig.value(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'kiki-%'"
            )
        await rig.until("SELECT count(*) FROM inbox.outcomes", 1000, seconds=40)
    assert await rig.rows("SELECT count(*), count(DISTINCT n) FROM effects") == [(1000, 1000)]


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 10))])
async def test_whatever_went_wrong_all_is_decided_once_and_in_order_when_it_is_over(rig: Rig, seed: int) -> None:
    draw = random.Random(seed)
    entities = [f"order:{draw.randrange(15)}" for _ in range(120)]
    items = [delivery(1 + int(entity[6:]) % 3, n, entity=entity) for n, entity in enumerate(entities)]
    await rig.store(items[:60])
    changes = {"batch_size": draw.choice((5, 20, 100)), "retry_attempts": 1000, "retry_cap_seconds": 0.1}
    async with AsyncExitStack() as running:
        for _ in range(draw.choice((1, 1, 2))):
            await running.enter_async_context(rig.worker(**changes))
        for step in range(6):
            match draw.randrange(5):
                case 0:
                    rig.decider.failing[draw.choice(entities)] = Unavailable("not now")
                case 1:
                    rig.decider.raising[str(draw.randrange(120))] = ValueError("a bug")
                case 2:
                    await rig.value(
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND application_name LIKE 'kiki-%'"
                    )
                case 3:
                    rig.decider.failing.clear()
                case _:
                    rig.decider.raising.clear()
            await rig.store(items[60 + step * 10 : 70 + step * 10])
            await asyncio.sleep(draw.random() * 0.1)
        rig.decider.failing.clear()
        rig.decider.raising.clear()
        await rig.until_quiet()
    decided = await rig.rows("SELECT entity, n FROM effects ORDER BY seq")
    assert sorted(n for _, n in decided) == list(range(120))
    for entity in set(entities):
        mine = [n for one, n in decided if one == entity]
        assert mine == sorted(mine)


async def test_what_was_set_aside_by_a_commit_whose_answer_was_lost_keeps_its_turn(rig: Rig) -> None:
    rig.decider.failing["order:bad"] = Unavailable("not now")
    await rig.store([delivery(1, 1, entity="order:bad")])
    with rig.answer_lost("SELECT count(*) > 0 FROM inbox.parked"):
        async with rig.worker(retry_attempts=1000):
            await rig.until("SELECT count(*) FROM inbox.parked", 1)
            rig.decider.failing.clear()
            await rig.store([delivery(1, 2, entity="order:bad")])
            await rig.until_quiet()
    assert await rig.rows("SELECT n FROM effects ORDER BY seq") == [(1,), (2,)]


async def test_parked_entities_survive_a_change_of_worker(rig: Rig) -> None:
    rig.decider.failing["order:bad"] = Unavailable("not now")
    await rig.store([delivery(1, 1, entity="order:bad")])
    async with rig.worker(retry_attempts=1000):
        await rig.until("SELECT count(*) FROM inbox.parked", 1)
    await rig.store([delivery(1, 2, entity="order:bad")])
    async with rig.worker(retry_attempts=1000):
        await rig.until("SELECT count(*) FROM inbox.parked", 2)
        rig.decider.failing.clear()
        await rig.until_quiet()
    assert await rig.rows("SELECT n FROM effects ORDER BY seq") == [(1,), (2,)]


async def test_worker_that_lost_the_server_takes_its_places_anew(rig: Rig) -> None:
    async with rig.worker():
        await rig.until("SELECT count(*) > 0 AND bool_and(owner <> '') FROM inbox.leases", True)
        await rig.value(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'kiki-wakeups' AND datname = current_database()"
        )
        await rig.until("SELECT bool_and(token > 1 AND owner <> '') FROM inbox.leases", True)
        await rig.store([delivery(1, 1)])
        await rig.until_quiet()
    assert await rig.rows("SELECT n FROM effects") == [(1,)]


async def test_worker_that_meets_another_start_of_the_server_takes_its_places_anew(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig.worker():
        await rig.until("SELECT count(*) > 0 AND bool_and(owner <> '') FROM inbox.leases", True)
        monkeypatch.setattr(floor, "_SAMPLE", floor._SAMPLE.replace("pg_postmaster_start_time()", "now()"))
        await rig.until("SELECT bool_and(token > 1) FROM inbox.leases", True)


async def test_number_that_was_handed_out_again_takes_no_other_run_away(rig: Rig) -> None:
    await rig.store([delivery(1, 1)])
    places = {Place("inbox", partition, int(Lane.LIVE)): 0 for partition in range(PARTITIONS)}
    async with rig.database.connection() as connection:
        (entry,) = await queue.look(connection, int(Lane.LIVE), places, dict.fromkeys(places, 1))
    former = replace(entry, received_at=entry.received_at - dt.timedelta(seconds=1))
    with pytest.raises(InvariantBroken):
        async with rig.database.transaction() as connection:
            await queue.finish(connection, int(Lane.LIVE), [queue.Ending(former, "settled")])
    assert await rig.value("SELECT count(*) FROM inbox.queue") == 1


async def _store_unheard(rig: Rig, n: int) -> None:
    """Store a delivery for which nobody is rung."""
    async with rig.database.connection() as connection:
        await insert_deliveries(connection, SEALER, [delivery(1, n)])


async def _until_it_listens(rig: Rig) -> None:
    await rig.until("SELECT count(*) > 0 AND bool_and(owner <> '') FROM inbox.leases", True)
    await rig.until(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kiki-wakeups'"
        " AND datname = current_database() AND query LIKE 'LISTEN %' AND state = 'idle'",
        1,
    )


async def test_lane_where_there_was_something_finds_more_without_being_rung(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intake rings in a busy lane only now and then; here the poll is a day away."""
    monkeypatch.setattr(worker, "_BUSY_SECONDS", 3600.0)
    async with rig.worker(poll_seconds=86_400.0):
        await _until_it_listens(rig)
        await rig.store([delivery(1, 1)])
        await rig.until("SELECT count(*) FROM effects", 1)
        for n in (2, 3):
            await _store_unheard(rig, n)
            await rig.until("SELECT count(*) FROM effects", n)


@pytest.mark.slow
async def test_lane_that_was_quiet_waits_for_the_bell(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test above rests on: beyond the busy time it is the bell that makes a worker look."""
    monkeypatch.setattr(worker, "_BUSY_SECONDS", 0.0)
    async with rig.worker(poll_seconds=86_400.0):
        await _until_it_listens(rig)
        await rig.store([delivery(1, 1)])
        await rig.until("SELECT count(*) FROM effects", 1)
        await asyncio.sleep(0.5)
        await _store_unheard(rig, 2)
        await asyncio.sleep(1.0)
        assert await rig.value("SELECT count(*) FROM effects") == 1
        await rig.store([delivery(1, 3)])
        await rig.until("SELECT count(*) FROM effects", 3)
