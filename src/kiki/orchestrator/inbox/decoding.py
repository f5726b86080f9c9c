"""From stored rows to work items: open the body, ask the platform for its meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TypeAlias

import msgspec

from kiki.commerce.events import CommerceEvent
from kiki.kit.database import Record
from kiki.kit.errors import InvalidInput, KikiError
from kiki.kit.sealing import Sealer
from kiki.orchestrator.inbox.bodies import open_body
from kiki.orchestrator.inbox.failures import as_failure, detail_of
from kiki.orchestrator.inbox.protocol import INTERNAL_PLATFORM, Decider, InternalFact, WorkItem
from kiki.orchestrator.inbox.queue import Ending, Entry
from kiki.orchestrator.lanes import Lane
from kiki.platforms.protocol import Platform, StoreContext

UNKNOWN_TOPIC = "UNKNOWN_TOPIC"
_ENTITY_LENGTH = 300
_REMEMBERED = 1024
_Told: TypeAlias = tuple[StoreContext, str, str, bytes]
"""Store as its payloads are read, platform, group of topics, digest of the body."""


class Work(msgspec.Struct, frozen=True, gc=False):
    """A run that can be decided."""

    entry: Entry
    item: WorkItem


class Decoder:
    """Opens and decodes; nothing that a sender wrote makes it raise."""

    def __init__(self, sealer: Sealer, platforms: Mapping[str, Platform], decider: Decider) -> None:
        self._sealer = sealer
        self._platforms = platforms
        self._decider = decider
        self._read: dict[_Told, Sequence[CommerceEvent]] = {}

    def decode(
        self,
        entries: Sequence[Entry],
        rows: Mapping[int, Record],
        stores: Mapping[int, StoreContext],
        positions: Sequence[int],
    ) -> tuple[list[Work], list[Ending]]:
        """What can be decided of the positions, in order, and what ends here."""
        work: list[Work] = []
        endings: list[Ending] = []
        for position in positions:
            entry = entries[position]
            try:
                work.append(Work(entry, self._item(entry, rows.get(position), stores.get(entry.store_id))))
            except Exception as error:  # noqa: BLE001  A job attempt: whatever a payload triggers ends in a dead letter.
                endings.append(_ending(entry, as_failure(error)))
        return work, endings

    def _item(self, entry: Entry, row: Record | None, store: StoreContext | None) -> WorkItem:
        if row is None:
            raise InvalidInput("the body is not kept any more", reason="BODY_EXPIRED")
        _, platform, topic, origin, triggered_at, _, sha256, sealed = row
        events, internal = self._meaning(platform, topic, sha256, sealed, entry.store_id, store)
        item = WorkItem(
            delivery_id=entry.delivery_id,
            store_id=entry.store_id,
            platform=platform,
            topic=topic,
            lane=Lane(entry.place.lane),
            origin="replay" if entry.run else origin,
            received_at=entry.received_at,
            triggered_at=triggered_at,
            attempts=entry.attempts,
            events=events,
            internal=internal,
        )
        entry.entity = storable(self._decider.entity(item))
        return item

    def _meaning(
        self, platform: str, topic: str, sha256: bytes, sealed: bytes, store_id: int, store: StoreContext | None
    ) -> tuple[Sequence[CommerceEvent] | None, InternalFact | None]:
        if platform == INTERNAL_PLATFORM:
            return None, InternalFact.decode(topic, open_body(self._sealer, sealed, store_id))
        known = self._platforms.get(platform)
        if known is None:
            raise InvalidInput(f"no platform is called {platform}", reason="UNKNOWN_PLATFORM")
        if store is None:
            raise InvalidInput("the store is not known", reason="UNKNOWN_STORE")
        alike = known.alike.get(topic)
        if alike is None:
            return known.events(topic, open_body(self._sealer, sealed, store_id), store), None
        told = (store, platform, alike, sha256)
        events = self._read.get(told)
        if events is None:
            events = known.events(topic, open_body(self._sealer, sealed, store_id), store)
            self._remember(told, events)
        return events, None

    def _remember(self, told: _Told, events: Sequence[CommerceEvent]) -> None:
        """A purchase is told twice within moments, byte for byte: the second time nothing is opened or read."""
        if len(self._read) >= _REMEMBERED:
            for oldest in list(islice(self._read, _REMEMBERED // 4)):
                del self._read[oldest]
        self._read[told] = events


def storable(entity: str) -> str:
    """An entity's name as a table can hold it: identifiers are a sender's text."""
    clean = entity[:_ENTITY_LENGTH]
    if clean.isascii() and "\x00" not in clean:
        return clean
    return clean.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _ending(entry: Entry, error: KikiError) -> Ending:
    if error.reason == UNKNOWN_TOPIC:
        return Ending(entry, "ignored", UNKNOWN_TOPIC)
    return Ending(entry, "dead", error.reason, detail_of(error))
