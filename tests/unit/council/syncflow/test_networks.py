"""What an ad network's answers mean, and how many places a failing one keeps."""

from __future__ import annotations

import pytest

from kiki.council.syncflow.domain import AdNetworkConnection
from kiki.council.syncflow.errors import (
    CampaignGone,
    NetworkBusy,
    NetworkDenied,
    NetworkMoved,
    OutcomeUnknown,
    Refused,
    Stale,
)
from kiki.council.syncflow.networks import HttpAdNetwork
from kiki.council.syncflow.reconciler.loop import taken
from kiki.kit.clock import SystemClock
from kiki.kit.http import HttpAnswer

STARTED = "Wed, 18 Nov 2026 12:00:00 GMT"


class Answering:
    """Gives one answer to everything."""

    def __init__(self, answer: HttpAnswer) -> None:
        self.answer = answer

    async def request(self, *_: object, **__: object) -> HttpAnswer:
        return self.answer


async def answered(status: int, headers: dict[str, str] | None = None) -> Exception:
    connection = AdNetworkConnection(
        store_id=1, network="google", base_url="https://ads.example.com", updated_at=SystemClock().now()
    )
    http = Answering(HttpAnswer(status, headers or {}, b"{}"))
    network = HttpAdNetwork(http, connection, timeout_seconds=1)  # type: ignore[arg-type]  # stands for the transport
    with pytest.raises(Exception) as caught:
        await network.read("1")
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, NetworkMoved),
        (400, Refused),
        (401, NetworkDenied),
        (403, NetworkDenied),
        (404, CampaignGone),
        (408, OutcomeUnknown),
        (409, Stale),
        (410, CampaignGone),
        (412, Stale),
        (422, Refused),
        (425, OutcomeUnknown),
        (429, NetworkBusy),
        (500, OutcomeUnknown),
        (503, NetworkBusy),
        (504, OutcomeUnknown),
    ],
)
async def test_a_status_says_whether_it_is_tried_again(status: int, kind: type[Exception]) -> None:
    assert type(await answered(status)) is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 1),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "86400"}, 300),
        ({"retry-after": "Wed, 18 Nov 2026 12:00:40 GMT", "date": STARTED}, 40),
        ({"retry-after": "Wed, 18 Nov 2026 11:00:00 GMT", "date": STARTED}, 1),
        ({"retry-after": "Fri, 18 Nov 2033 12:00:00 GMT"}, 300),
        ({"retry-after": "soon"}, 1),
    ],
    ids=["none", "seconds", "too-long", "date", "past", "no-date-of-its-own", "nonsense"],
)
async def test_a_busy_network_is_left_alone_for_as_long_as_it_asks(headers: dict[str, str], seconds: float) -> None:
    busy = await answered(429, headers)
    assert isinstance(busy, NetworkBusy)
    assert busy.retry_after_seconds == seconds


def test_a_network_that_always_fails_keeps_one_place_and_those_for_stock() -> None:
    busy, failures = {(1, "google"): 1, (2, "google"): 4}, {(1, "google"): 8, (2, "google"): 7, (3, "google"): 9}
    found = taken(busy, [(4, "meta")], failures, places=8, unreserved=6)
    assert found == {(1, "google"): 6, (2, "google"): 4, (3, "google"): 5, (4, "meta"): 8}
