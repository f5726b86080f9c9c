"""When a month is complete: whatever happens between the looks, nothing of it waits when it is said to be."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from kiki.orchestrator.closing.completeness import Completeness
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import MonthRow, State, Work

END = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
ROW = MonthRow(1, Month(2026, 9), END, END + dt.timedelta(days=3), END, State.OPEN, "", None, None)


class Store:
    """What waits of a store: deliveries by whether they came in time, and calls with whether such a one wrote them."""

    def __init__(self) -> None:
        self.undecided: list[bool] = []
        self.calls: dict[int, bool] = {}
        self.dead_deliveries: list[bool] = []
        self.dead_calls: list[bool] = []
        self.replays = 0
        self.last = 0

    def look(self) -> Work:
        retries = (self.replays, len(self.dead_calls))
        return Work(any(self.undecided), min(self.calls, default=None), retries, self.last)

    def write(self, of_month: bool) -> None:
        self.last += 1
        self.calls[self.last] = of_month

    def step(self, what: str, at: int) -> None:
        if what == "late" or (what == "in time" and not self.closing):
            self.undecided.append(what == "in time")
        elif what == "decide" and self.undecided:
            self.write(self.undecided.pop(at % len(self.undecided)))
        elif what == "give up" and self.undecided:
            self.dead_deliveries.append(self.undecided.pop(at % len(self.undecided)))
        elif what == "replay" and self.dead_deliveries:
            self.replays += 1
            self.undecided.append(self.dead_deliveries.pop(at % len(self.dead_deliveries)))
        elif what in ("answer", "refuse") and self.calls:
            of_month = self.calls.pop(sorted(self.calls)[at % len(self.calls)])
            self.dead_calls += [of_month] * (what == "refuse")
        elif what == "replay call" and self.dead_calls:
            self.write(self.dead_calls.pop(at % len(self.dead_calls)))

    closing = False


STEPS = ("in time", "late", "decide", "give up", "replay", "answer", "refuse", "replay call", "look", "forget")


@given(
    st.lists(st.sampled_from(STEPS[:-1]), max_size=8),
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), max_size=30),
)
def test_a_month_is_complete_when_nothing_of_it_waits(before: list[str], after: list[tuple[str, int]]) -> None:
    store, complete = Store(), Completeness()
    for what in before:
        store.step(what, 0)
    store.closing = True
    for what, at in after:
        if what == "forget":
            complete = Completeness()
        elif what == "look" and not complete.is_behind(ROW, store.look()):
            assert not any(store.undecided)
            assert not any(store.calls.values())
        store.step(what, at)


@given(st.integers(1, 20), st.integers(1, 5))
def test_a_busy_store_is_closed_although_its_calls_never_stop(waiting: int, more: int) -> None:
    store, complete = Store(), Completeness()
    for _ in range(waiting):
        store.write(False)
    assert complete.is_behind(ROW, store.look())
    for _ in range(waiting):
        for _ in range(more):
            store.write(False)
        store.step("answer", 0)
    assert store.calls
    assert not complete.is_behind(ROW, store.look())
