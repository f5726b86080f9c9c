"""When a process that died is started again."""

from __future__ import annotations

from kiki.runtime.topology import Restarts


def test_what_was_never_ready_is_given_up_after_six_starts() -> None:
    restarts = Restarts()
    pauses = [restarts.pause_seconds(ready=False, lived_seconds=1, final=False) for _ in range(6)]
    assert None not in pauses[:5]
    assert pauses[5] is None


def test_what_has_worked_before_is_tried_for_ever() -> None:
    restarts = Restarts()
    assert restarts.pause_seconds(ready=True, lived_seconds=2, final=False)
    pauses = [restarts.pause_seconds(ready=False, lived_seconds=0.1, final=False) for _ in range(200)]
    assert None not in pauses
    assert pauses[-1] == 5


def test_pauses_grow_while_it_dies_young_and_shrink_after_a_long_life() -> None:
    restarts = Restarts()
    pauses = [restarts.pause_seconds(ready=True, lived_seconds=3, final=False) or 0 for _ in range(8)]
    assert pauses == sorted(pauses)
    assert restarts.pause_seconds(ready=True, lived_seconds=3600, final=False) == 0.1


def test_what_says_that_trying_is_in_vain_is_given_up_at_once() -> None:
    restarts = Restarts()
    assert restarts.pause_seconds(ready=True, lived_seconds=100, final=True) is None
