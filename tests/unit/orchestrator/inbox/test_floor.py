"""The floor never passes a number that may still become visible."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kiki.orchestrator.inbox.floor import Floor


def test_number_is_final_once_the_transactions_of_its_time_ended() -> None:
    floor = Floor()
    floor.observe(100, 101, 7)
    assert floor.final == 0
    floor.observe(100, 105, 9)
    assert floor.final == 0
    floor.observe(104, 106, 9)
    assert floor.final == 0
    floor.observe(105, 106, 9)
    assert floor.final == 7


def test_long_transaction_holds_the_floor_down() -> None:
    floor = Floor()
    for number in range(3000):
        floor.observe(50, 100 + number, number)
    assert floor.final == 0
    floor.observe(5000, 5000, 3000)
    assert floor.final == 2999


def test_number_that_is_handed_out_again_after_a_crash_is_not_final() -> None:
    floor = Floor()
    floor.observe(100, 101, 70)
    floor.observe(106, 106, 90)
    assert floor.final == 70
    floor.observe(103, 104, 60)
    assert floor.final == 0
    floor.observe(112, 112, 61)
    assert floor.final == 60


@given(st.lists(st.sampled_from(["begin", "end", "sample"]), max_size=120), st.randoms(use_true_random=False))
def test_floor_stays_below_every_number_in_flight(steps: list[str], random: object) -> None:
    floor, running, next_transaction, number = Floor(), dict[int, int](), 10, 0
    for step in steps:
        if step == "begin":
            number += 1
            running[next_transaction] = number
            next_transaction += 1
        elif step == "end" and running:
            del running[random.choice(sorted(running))]  # type: ignore[attr-defined]  # Hypothesis gives a Random.
        elif step == "sample":
            floor.observe(min(running, default=next_transaction), next_transaction, number)
            assert all(floor.final < held for held in running.values())
