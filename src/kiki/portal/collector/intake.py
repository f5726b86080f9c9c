"""From a beacon to a delivery in the inbox: limits, consent, then one durable group commit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from kiki.commerce.collectors import CollectorStore
from kiki.commerce.people import IdentityKind, forget_visitor
from kiki.kit.clock import Clock
from kiki.kit.database import Database
from kiki.kit.errors import InvalidInput
from kiki.kit.sealing import Sealer
from kiki.kit.telemetry import Metrics
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key
from kiki.orchestrator.inbox.protocol import INTERNAL_PLATFORM, InternalFact
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows.identities import identities
from kiki.portal.collector.consent import check_consent, opted_out
from kiki.portal.collector.limits import AddressHash, TokenBuckets, TooMany
from kiki.portal.collector.proof import proven
from kiki.portal.collector.schemas import OPT_OUT, Beacon, entry_of
from kiki.portal.collector.stores import CollectorStores
from kiki.portal.errors import Overloaded
from kiki.portal.intake.disk import DiskGuard
from kiki.portal.intake.group_commit import GroupCommit

_TOPIC = "touchpoints_added"
_FORGOTTEN = "visitor_forgotten"
_ROW_BYTES = 512
"""What a waiting beacon costs beside its body."""


@dataclass(frozen=True, slots=True)
class CollectorLimits:
    """What one store and one address may send."""

    stores: TokenBuckets
    addresses: TokenBuckets
    address_hash: AddressHash


class Collector:
    """Takes beacons. `stored` and `known` are durable when they are said; the other outcomes keep nothing."""

    def __init__(
        self,
        *,
        stores: CollectorStores,
        commit: GroupCommit[NewDelivery],
        limits: CollectorLimits,
        database: Database,
        sealer: Sealer,
        disk: DiskGuard,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self.stores = stores
        self._commit = commit
        self._limits = limits
        self._database = database
        self._sealer = sealer
        self._disk = disk
        self._clock = clock
        self._count = metrics.counter("collector_beacons", "Beacons by what became of them.", ["outcome"])

    def count(self, outcome: str) -> None:
        """One beacon; `outcome` is a word of ours or a problem's reason."""
        self._count.labels(outcome.lower()).inc()

    def admit_address(self, address: str) -> None:
        """Raises `TooMany` when this network has sent its share."""
        digest = self._limits.address_hash.of(address, self._clock.now().date())
        if wait := self._limits.addresses.take(digest):
            raise TooMany("too many requests from this address", wait)

    def admit_store(self, store: CollectorStore) -> None:
        """Raises `TooMany` when the store has sent its share, `Overloaded` when the disk is full."""
        if wait := self._limits.stores.take(store.store_id):
            raise TooMany("too many beacons of this store", wait)
        if not self._disk.has_room():
            raise Overloaded("the disk is nearly full", reason="DISK_FULL")

    async def take(self, store: CollectorStore, beacon: Beacon, headers: Mapping[str, str]) -> str:
        """What became of it: `stored`, `known`, `opted_out` or `forgotten`."""
        if beacon.kind == OPT_OUT:
            await self._forget(store, beacon)
            return "forgotten"
        if opted_out(headers, store.settings):
            return "opted_out"
        check_consent(beacon.consent, store.settings)
        beacon = proven(beacon, store, self._sealer)
        return "stored" if await self._store(self._delivery(store, beacon)) else "known"

    def _delivery(self, store: CollectorStore, beacon: Beacon) -> NewDelivery:
        """A fact of its own per beacon; its duplicate key is the event id alone, since a repetition is older."""
        entry = entry_of(beacon, self._sealer, store.store_id, self._clock.now())
        return self._fact(store, beacon, InternalFact(_TOPIC, {"touchpoints": [entry]}), b"")

    def _fact(self, store: CollectorStore, beacon: Beacon, fact: InternalFact, distinct: bytes) -> NewDelivery:
        return NewDelivery(
            store_id=store.store_id,
            platform=INTERNAL_PLATFORM,
            topic=fact.kind,
            key=duplicate_key(fact.kind, beacon.event_id, "collector", "", distinct),
            received_at=self._clock.now(),
            triggered_at="",
            headers={},
            signature="",
            body=fact.encode(),
            lane=Lane.LIVE,
            origin="internal",
        )

    async def _store(self, delivery: NewDelivery) -> bool:
        """Whether it is new, once it is committed. Raises `Overloaded` when it was not within the deadline."""
        told: asyncio.Future[bool | Exception] = asyncio.get_running_loop().create_future()

        def done(result: bool | Exception) -> None:
            if not told.done():
                told.set_result(result)

        self._commit.submit(delivery, len(delivery.body) + _ROW_BYTES, done)
        result = await told
        if isinstance(result, Exception):
            raise result
        return result

    async def _forget(self, store: CollectorStore, beacon: Beacon) -> None:
        """At once, and once more behind the visitor's beacons that nobody has decided yet."""
        if beacon.visitor is None:
            raise InvalidInput("an optout beacon names its visitor", reason="NO_IDENTITY")
        found = identities(self._sealer, store.store_id, first_party_id=beacon.visitor)
        async with self._database.transaction() as connection:
            for identity in found:
                assert identity[1] == IdentityKind.FIRST_PARTY
                await forget_visitor(connection, identity)
        told = [{"kind": int(kind), "value": value.hex()} for _, kind, value in found]
        fact = InternalFact(_FORGOTTEN, {"identities": told})
        await self._store(self._fact(store, beacon, fact, fact.encode()))
