"""How a sync reads on: smaller pages when an answer is too large, from the start when the place is gone."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from kiki.kit.errors import ResourceExhausted
from kiki.platforms.protocol import CursorRefused, Resource, ShopPage
from kiki.portal.jobs.history import baseline_message
from kiki.portal.jobs.sync import _Pages

EMPTY = ShopPage([], 0, None, None)
BASELINE = {
    "revenue": {"amount": "12000.00", "currency": "EUR"},
    "months_available": 12,
    "complete": True,
    "skipped_orders": 0,
}


class Reader:
    """Answers a page once the limit is small enough, and refuses places that it does not know."""

    page_size = 100

    def __init__(self, *, fits: int = 100, known: tuple[str, ...] = ("",)) -> None:
        self.fits, self.known = fits, known
        self.asked: list[tuple[str, int]] = []

    async def reach(self, resource: Resource, now: dt.datetime) -> dt.datetime | None:
        raise AssertionError(resource, now)

    async def page(self, _resource: Resource, cursor: str, _since: dt.datetime | None, limit: int) -> ShopPage:
        self.asked.append((cursor, limit))
        if cursor not in self.known:
            raise CursorRefused("not known")
        if limit > self.fits:
            raise ResourceExhausted("too large", reason="ANSWER_TOO_LARGE")
        return EMPTY


def progress(cursor: str = "", done: int = 0) -> Any:
    return SimpleNamespace(cursor=cursor, done=done)


async def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones_from_then_on() -> None:
    reader = Reader(fits=30)
    pages = _Pages(reader, Resource.ORDERS, None)
    for _ in range(2):
        assert await pages.read(progress()) is EMPTY
    assert reader.asked == [("", 100), ("", 50), ("", 25), ("", 25)]


async def test_an_object_that_is_too_large_by_itself_ends_the_sync() -> None:
    with pytest.raises(ResourceExhausted):
        await _Pages(Reader(fits=1), Resource.ORDERS, None).read(progress())


async def test_a_place_that_is_gone_means_the_start() -> None:
    at = progress("old place", 500)
    reader = Reader()
    assert await _Pages(reader, Resource.ORDERS, None).read(at) is EMPTY
    assert (at.cursor, at.done) == ("", 0)
    assert reader.asked == [("old place", 100), ("", 100)]


async def test_a_shop_that_knows_no_place_at_all_ends_the_sync() -> None:
    with pytest.raises(CursorRefused):
        await _Pages(Reader(known=()), Resource.ORDERS, None).read(progress("old place"))


@pytest.mark.parametrize(
    ("changes", "contract", "dead", "words"),
    [
        ({}, "told", 0, ["12000.00 EUR", "12 of 12", "complete", "in the contract"]),
        ({"complete": False, "months_available": 3}, "told", 0, ["3 of 12", "incomplete", "uplift"]),
        ({"skipped_orders": 4}, "told", 0, ["4 orders in another currency"]),
        ({}, "SyncLedger refused: BASELINE_INCOMPLETE", 0, ["not in the contract", "BASELINE_INCOMPLETE"]),
        ({}, "told", 2, ["2 dead letters are missing"]),
    ],
    ids=["complete", "incomplete", "other-currency", "refused", "dead-letters"],
)
def test_the_message_says_what_the_baseline_is_worth(
    changes: dict[str, Any], contract: str, dead: int, words: list[str]
) -> None:
    message = baseline_message({"baseline": {**BASELINE, **changes}, "contract": contract, "dead_letters": dead})
    assert [word for word in words if word not in message] == []
