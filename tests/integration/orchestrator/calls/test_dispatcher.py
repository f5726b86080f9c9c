"""Every call is made and booked once, in order per entity, whatever its agent does."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Sequence

import pytest

from integration.orchestrator.rig import Answer, Rig, delivery, intent
from kiki.kit.errors import DeadlineExceeded, InvalidInput, InvariantBroken, KikiError, Unavailable
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.calls.chunks import Call
from kiki.orchestrator.calls.intents import REQUEST_PURPOSE, CallIntent
from kiki.orchestrator.calls.protocol import AnsweredCall, InternalFactFor
from kiki.orchestrator.inbox.protocol import InternalFact
from kiki.orchestrator.lanes import Lane
from kiki.rpc.v1 import syncshield_pb2


async def test_calls_are_made_booked_and_gone(rig: Rig) -> None:
    await rig.enqueue([intent(n) for n in range(700)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.history", 700)
        await rig.until_quiet()
    assert set(rig.agents.accepted.values()) == {1}
    assert max(size for _, _, size in rig.agents.chunks) <= 300


async def test_request_is_sealed(rig: Rig) -> None:
    await rig.enqueue([intent(1, request=b"jane@example.com")])
    assert b"jane" not in await rig.value("SELECT request FROM calls.queue")


async def test_entity_keeps_its_order(rig: Rig) -> None:
    await rig.enqueue([intent(n, entity=f"customer:{n % 7}") for n in range(140)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.history", 140)
    for entity in range(7):
        mine = [int(r.rpartition(b"-")[2]) for r in rig.agents.order if int(r.rpartition(b"-")[2]) % 7 == entity]
        assert mine == sorted(mine)


async def test_agent_that_is_down_delays_only_its_own_calls(rig: Rig) -> None:
    rig.agents.down["syncvalue"] = Unavailable("connection refused")
    await rig.enqueue([intent(n) for n in range(50)])
    await rig.enqueue([intent(n, agent="syncledger", method="RecordIncrementalRevenue") for n in range(100, 150)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.history WHERE agent = 'syncledger'", 50)
        assert await rig.value("SELECT count(*) FROM calls.queue WHERE agent = 'syncvalue'") == 50
        assert await rig.value("SELECT count(*) FROM calls.parked") == 0
        rig.agents.down.clear()
        await rig.until("SELECT count(*) FROM calls.history WHERE agent = 'syncvalue'", 50)


async def test_stock_call_overtakes_a_slow_backlog(rig: Rig) -> None:
    rig.agents.delay_seconds = 0.2
    await rig.enqueue([intent(n, agent="syncflow", method="UpdateProductMargins") for n in range(2000)])
    async with rig.worker():
        await asyncio.sleep(0.3)
        pause = intent(9999, agent="syncflow", method="PauseProductCampaigns", lane=Lane.LIVE_STOCK)
        await rig.enqueue([pause])
        await rig.until("SELECT count(*) FROM calls.history WHERE event_id = 'event-9999'", 1, seconds=2)
        assert await rig.value("SELECT count(*) FROM calls.queue") > 0


async def test_retryable_item_is_parked_with_its_followers(rig: Rig) -> None:
    rig.agents.item_errors[b"request-1"] = [Unavailable("busy"), Unavailable("busy")]
    await rig.enqueue([intent(1, entity="customer:a"), intent(2, entity="customer:a"), intent(3)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.history", 3)
        await rig.until_quiet()
    assert [r for r in rig.agents.order if r != b"request-3"] == [b"request-1", b"request-2"]


async def test_refused_item_is_a_dead_call_and_can_be_replayed(rig: Rig) -> None:
    from kiki.orchestrator.calls.queries import list_dead, replay_dead

    rig.agents.item_errors[b"request-1"] = [InvalidInput("no such customer", reason="NO_CUSTOMER")]
    await rig.enqueue([intent(1, entity="customer:a"), intent(2, entity="customer:a")])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.dead", 1)
        await rig.until("SELECT count(*) FROM calls.history", 1)
        async with rig.database.transaction() as connection:
            dead = await list_dead(connection)
            assert [(d.reason, d.event_id) for d in dead] == [("NO_CUSTOMER", "event-1")]
            assert await replay_dead(connection, store_id=1, call_ids=[dead[0].call_id]) == 1
        await rig.until("SELECT count(*) FROM calls.history", 2)
    assert await rig.value("SELECT count(*) FROM calls.dead") == 0


async def test_poisonous_call_fails_alone(rig: Rig) -> None:
    rig.agents.poison[b"request-7"] = InvariantBroken("the agent broke", reason="INTERNAL")
    await rig.enqueue([intent(n) for n in range(20)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.history", 19)
        await rig.until("SELECT count(*) FROM calls.dead", 1)
    assert set(rig.agents.accepted.values()) == {1}


async def test_call_that_hangs_its_agent_is_set_aside_at_last(rig: Rig) -> None:
    rig.agents.poison[b"request-3"] = DeadlineExceeded("no answer")
    await rig.enqueue([intent(n) for n in range(8)])
    async with rig.worker(agent_backoff_cap_seconds=0.05):
        await rig.until("SELECT count(*) FROM calls.history", 7)
    assert await rig.value("SELECT count(*) FROM calls.dead") == 0


async def test_held_call_is_made_when_its_agent_is_back_though_nothing_new_is_asked(rig: Rig) -> None:
    rig.agents.item_errors[b"request-1"] = [Unavailable("busy")]
    await rig.enqueue([intent(1, entity="customer:a"), intent(2, entity="customer:a")])
    async with rig.worker(agent_backoff_cap_seconds=0.05) as worker:
        await rig.until("SELECT count(*) FROM calls.parked", 2)
        rig.agents.down["syncvalue"] = Unavailable("restarting")
        (dispatcher,) = [d for d in worker.dispatchers if (d.agent, d.lane) == ("syncvalue", Lane.LIVE)]
        async with asyncio.timeout(10):
            while not dispatcher.away:
                await asyncio.sleep(0.01)
        rig.agents.down.clear()
        await rig.until("SELECT count(*) FROM calls.history", 2)
    assert rig.agents.order == [b"request-1", b"request-2"]


async def test_call_that_its_agent_does_not_know_yet_waits_for_the_next_version(rig: Rig) -> None:
    rig.agents.poison[b"request-1"] = KikiError("Method not found!", reason="UNIMPLEMENTED")
    await rig.enqueue([intent(1), intent(2, method="GetCustomerLTV")])
    async with rig.worker(retry_attempts=1000):
        await rig.until("SELECT count(*) FROM calls.parked", 1)
        await rig.until("SELECT count(*) FROM calls.history", 1)
        rig.agents.poison.clear()
        await rig.until("SELECT count(*) FROM calls.history", 2)


async def test_call_that_was_set_aside_alone_is_made_though_nothing_new_is_asked(rig: Rig) -> None:
    rig.agents.poison[b"request-1"] = DeadlineExceeded("no answer")
    await rig.enqueue([intent(1)])
    async with rig.worker(agent_backoff_cap_seconds=0.05):
        await rig.until("SELECT count(*) FROM calls.parked", 1)
        rig.agents.poison.clear()
        await rig.until("SELECT count(*) FROM calls.history", 1)


async def test_call_that_was_set_aside_by_a_commit_whose_answer_was_lost_keeps_its_turn(rig: Rig) -> None:
    rig.agents.item_errors[b"request-1"] = [Unavailable("busy")]
    await rig.enqueue([intent(1, entity="customer:a"), intent(2, entity="customer:a")])
    with rig.answer_lost("SELECT count(*) > 0 FROM calls.parked"):
        async with rig.worker():
            await rig.until("SELECT count(*) FROM calls.history", 2)
    assert rig.agents.order == [b"request-1", b"request-2"]


async def test_request_that_cannot_be_read_fails_alone_and_is_kept_as_it_is(rig: Rig) -> None:
    await rig.enqueue([intent(n, entity=f"customer:{n % 2}") for n in range(6)])
    damaged = bytes(40)
    unknown_key = Sealer(Keyring({2: bytes(32)})).seal(b"request-4", store_id=1, purpose=REQUEST_PURPOSE)
    for event_id, sealed in (("event-1", damaged), ("event-4", unknown_key)):
        await rig.value("UPDATE calls.queue SET request = $2 WHERE event_id = $1 RETURNING seq", event_id, sealed)
    async with rig.worker(retry_attempts=2):
        await rig.until("SELECT count(*) FROM calls.history WHERE status = 'answered'", 4)
        await rig.until_quiet()
    assert await rig.rows("SELECT event_id, reason, attempts, request FROM calls.dead ORDER BY event_id") == [
        ("event-1", "BAD_SEALED_VALUE", 1, damaged),
        ("event-4", "UNKNOWN_SEALING_KEY", 2, unknown_key),
    ]
    assert sorted(rig.agents.order) == [b"request-0", b"request-2", b"request-3", b"request-5"]


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 10))])
async def test_whatever_went_wrong_all_calls_are_made_once_it_is_over(rig: Rig, seed: int) -> None:
    draw = random.Random(seed)
    calls = [intent(n, entity=f"customer:{draw.randrange(12)}") for n in range(60)]
    await rig.enqueue(calls)
    async with rig.worker(agent_backoff_cap_seconds=0.05, retry_attempts=1000, chunk_items=draw.choice((3, 10, 100))):
        for _ in range(draw.randrange(1, 6)):
            one = draw.choice(calls).request
            match draw.randrange(4):
                case 0:
                    rig.agents.down["syncvalue"] = Unavailable("restarting")
                case 1:
                    rig.agents.item_errors[one] = [Unavailable("busy")] * draw.randrange(1, 4)
                case 2:
                    rig.agents.poison[one] = DeadlineExceeded("no answer")
                case _:
                    rig.agents.down.clear()
            await asyncio.sleep(draw.random() * 0.1)
        rig.agents.down.clear()
        rig.agents.poison.clear()
        await rig.until_quiet()
    assert await rig.value("SELECT count(*) FROM calls.history WHERE status = 'answered'") == 60
    first = {request: position for position, request in reversed(list(enumerate(rig.agents.order)))}
    for entity in {call.entity for call in calls}:
        made = [first[call.request] for call in calls if call.entity == entity]
        assert made == sorted(made)


async def test_group_travels_as_its_items(rig: Rig) -> None:
    items = [syncshield_pb2.LogWebhookEventRequest(store_id=1, event_id=f"e{n}", topic="x" * 200) for n in range(5)]
    group = syncshield_pb2.BatchLogWebhookEventsRequest(requests=items).SerializeToString()
    await rig.enqueue([intent(1, agent="syncshield", method="BatchLogWebhookEvents", request=group)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.history", 1)
    assert rig.agents.order == [item.SerializeToString() for item in items]


def engage(n: int, method: str, entity: str) -> CallIntent:
    return intent(n, agent="syncengage", method=method, entity=entity)


async def test_kinds_of_one_agent_travel_together_and_an_entity_keeps_its_order(rig: Rig) -> None:
    methods = ("PutContact", "TriggerPostPurchaseFlow", "TriggerUpsellFlow")
    calls = [engage(n, methods[n % 3], f"customer:{n % 5}") for n in range(60)]
    answered: list[AnsweredCall] = []

    def note(calls: Sequence[AnsweredCall]) -> Sequence[InternalFactFor]:
        answered.extend(calls)
        return ()

    await rig.enqueue(calls)
    rig.follow_up = note
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.history", 60)
    assert {method for _, method, _ in rig.agents.chunks} == {"BatchEngage"}
    assert len(rig.agents.chunks) < 60
    for entity in range(5):
        assert [int(r.rpartition(b"-")[2]) for r in rig.agents.order if int(r.rpartition(b"-")[2]) % 5 == entity] == [
            n for n in range(60) if n % 5 == entity
        ]
    assert {call.response for call in answered} == {b"ok"}
    assert sorted(call.intent.method for call in answered) == sorted(methods * 20)


async def test_what_follows_a_failing_call_of_its_entity_waits_for_it_in_a_shared_batch(rig: Rig) -> None:
    failing = engage(1, "PutContact", "customer:a")
    (request,) = Call(0, failing, dt.datetime.now(dt.UTC)).requests
    rig.agents.poison[request] = RuntimeError("the agent broke")
    await rig.enqueue([failing, engage(2, "TriggerUpsellFlow", "customer:a"), engage(3, "PutContact", "customer:b")])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.history", 1)
        await rig.until("SELECT count(*) FROM calls.parked", 2)
        rig.agents.poison.clear()
        await rig.until("SELECT count(*) FROM calls.history", 3)
    assert [int(r.rpartition(b"-")[2]) for r in rig.agents.order] == [3, 1, 2]


async def test_rest_of_a_batch_waits_when_its_agent_goes_away_over_the_first_part(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles: list[Exception] = [RuntimeError("the agent broke"), Unavailable("away")]
    ordinary = rig.agents.call_batch

    async def call_batch(agent: str, method: str, requests: Sequence[bytes]) -> Sequence[Answer]:
        if troubles:
            raise troubles.pop(0)
        return await ordinary(agent, method, requests)

    monkeypatch.setattr(rig.agents, "call_batch", call_batch)
    await rig.enqueue([engage(1, "PutContact", "customer:a"), engage(2, "TriggerUpsellFlow", "customer:a")])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.history", 2)
    assert [int(r.rpartition(b"-")[2]) for r in rig.agents.order] == [1, 2]


async def test_answers_flow_back_into_the_inbox_once(rig: Rig) -> None:
    def follow_up(answered: Sequence[AnsweredCall]) -> Sequence[InternalFactFor]:
        valued = [a for a in answered if a.intent.method == "UpdateCustomerLTV"]
        if not valued:
            return ()
        fact = InternalFact("customer_valued", {"n": len(valued), "entity": valued[0].intent.entity})
        return [InternalFactFor(1, valued[0].intent.lane, fact)]

    rig.follow_up = follow_up
    await rig.enqueue([intent(n) for n in range(100)])
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.history", 100)
        await rig.until_quiet()
    assert await rig.value("SELECT sum(n) FROM effects") == 100
    assert await rig.value("SELECT count(*) FROM inbox.deliveries WHERE platform = 'internal'") <= 5


async def test_calls_of_decisions_are_made_once_under_crashes(rig: Rig) -> None:
    def calls_for(item: object) -> Sequence[CallIntent]:
        number = item.delivery_id  # type: ignore[attr-defined]  # A work item.
        return [intent(number, event_id=f"ltv-{number}"), intent(number, agent="syncledger", event_id=f"led-{number}")]

    rig.decider.calls_for = calls_for
    await rig.store([delivery(1, n) for n in range(300)])
    for _ in range(3):
        async with rig.worker(batch_size=30):
            await asyncio.sleep(0.15)
    async with rig.worker():
        await rig.until("SELECT count(*) FROM calls.history WHERE agent <> 'syncshield'", 600)
        await rig.until_quiet()
    assert await rig.value("SELECT count(*) FROM calls.dead") == 0
