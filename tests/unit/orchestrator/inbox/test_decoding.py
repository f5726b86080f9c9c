"""What is alike is read once; whatever else is read for itself."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.inbox.bodies import seal_body
from kiki.orchestrator.inbox.decoding import Decoder
from kiki.orchestrator.inbox.leases import Place
from kiki.orchestrator.inbox.protocol import Decided
from kiki.orchestrator.inbox.queue import Entry
from kiki.platforms.protocol import StoreContext

SEALER = Sealer(Keyring({1: bytes(range(32))}))
NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
STORES = {number: StoreContext(store_id=number, currency="EUR", timezone="UTC") for number in (1, 2)}


class Counting:
    """A platform that counts what it reads."""

    name = "counting"
    topics = frozenset({"told", "told again", "other"})
    stock_topics: frozenset[str] = frozenset()
    alike: Mapping[str, str] = MappingProxyType({"told": "word", "told again": "word"})

    def __init__(self) -> None:
        self.read: list[str] = []

    def events(self, topic: str, body: bytes, _store: StoreContext) -> Sequence[Any]:
        self.read.append(topic)
        return (body,)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Nowhere:
    """Decisions that are not asked."""

    def entity(self, _item: object) -> str:
        return "thing"

    async def decide(self, *_: object) -> Decided:
        return Decided()


def _decode(platform: Counting, *told: tuple[int, str, bytes]) -> list[Any]:
    decoder = Decoder(SEALER, {"counting": platform}, Nowhere())
    entries = [Entry(Place("inbox", 0, 2), n, store, n, 0, NOW, NOW) for n, (store, _, _) in enumerate(told)]
    rows: dict[int, Any] = {
        n: (n, "counting", topic, "webhook", "", "", hashlib.sha256(body).digest(), seal_body(SEALER, body, store))
        for n, (store, topic, body) in enumerate(told)
    }
    work, endings = decoder.decode(entries, rows, STORES, range(len(told)))
    assert not endings
    return [one.item.events[0] for one in work if one.item.events]


def test_equal_bodies_under_alike_topics_are_read_once() -> None:
    platform = Counting()
    assert _decode(platform, (1, "told", b"a"), (1, "told again", b"a"), (1, "told", b"a")) == [b"a"] * 3
    assert platform.read == ["told"]


def test_other_bodies_stores_and_topics_are_read_for_themselves() -> None:
    platform = Counting()
    told = ((1, "told", b"a"), (1, "told", b"b"), (2, "told", b"a"), (1, "other", b"a"), (1, "other", b"a"))
    assert _decode(platform, *told) == [b"a", b"b", b"a", b"a", b"a"]
    assert len(platform.read) == 5


def test_what_is_remembered_is_bounded() -> None:
    platform = Counting()
    bodies = [str(number).encode() for number in range(1500)]
    assert _decode(platform, *((1, "told", body) for body in (*bodies, bodies[0]))) == [*bodies, bodies[0]]
    assert len(platform.read) == 1501
