"""The hash chain: canonical encoding of an entry, its hash, and the check of a stored range.

A link's hash is SHA-256 over 0x00 and the canonical bytes, among them the previous link's hash. The 0x00 makes it
an RFC 6962 leaf hash as well, so that a Merkle tree can be built over the same hashes.

Canonical bytes: one MessagePack array in shortest form, in the order of `canonical`. The first element is the format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from kiki.council.syncshield.domain import AuditEntry, Head, Link, Verification

GENESIS = bytes(32)
"""What stands as the previous hash at index 0."""

_FORMAT = 1
_LEAF = b"\x00"
_encode = msgspec.msgpack.Encoder().encode
_sha256 = hashlib.sha256


def canonical(entry: AuditEntry, *, index: int, occurred_us: int, logged_us: int, previous_hash: bytes) -> bytes:
    """The bytes that are hashed: every declared field, in this order for ever."""
    return _encode(
        (
            _FORMAT,
            previous_hash,
            entry.store_id,
            index,
            entry.kind,
            entry.event_id,
            occurred_us,
            logged_us,
            entry.actor,
            entry.action,
            entry.resource_type,
            entry.resource_id,
            entry.purpose,
            entry.platform,
            entry.topic,
            entry.payload_digest,
            entry.signature_digest,
            entry.verified,
            entry.count,
        )
    )


def extend(head: Head, entries: Sequence[AuditEntry], now_us: int) -> list[Link]:
    """The links that follow a head, in order. They are never older than it: a clock that was set back is waited for."""
    index, previous, logged_us = head.length, head.hash, max(now_us, head.logged_us)
    links: list[Link] = []
    for entry in entries:
        occurred_us = logged_us if entry.occurred_us is None else entry.occurred_us
        data = canonical(entry, index=index, occurred_us=occurred_us, logged_us=logged_us, previous_hash=previous)
        digest = _sha256(_LEAF + data).digest()
        links.append(Link(entry, index, occurred_us, logged_us, previous, digest))
        index, previous = index + 1, digest
    return links


def link_hash(link: Link) -> bytes:
    """What a link's hash has to be by its fields."""
    data = canonical(
        link.entry,
        index=link.index,
        occurred_us=link.occurred_us,
        logged_us=link.logged_us,
        previous_hash=link.previous_hash,
    )
    return _sha256(_LEAF + data).digest()


class ChainCheck:
    """Checks a chain in pieces: feed the links in order, then ask for the verdict."""

    def __init__(self, *, first_index: int, previous_hash: bytes) -> None:
        self._next = first_index
        self._previous = previous_hash
        self.checked = 0
        self.reason = ""

    def feed(self, links: Iterable[Link]) -> bool:
        """Whether the chain is whole so far."""
        for link in links:
            self.reason = self._fault(link)
            if self.reason:
                return False
            self._next, self._previous = link.index + 1, link.hash
            self.checked += 1
        return True

    def verdict(self, head: Head, *, to_index: int | None) -> Verification:
        """The finding for a range that ends at `to_index`, or at the recorded head."""
        last = head.length - 1 if to_index is None else min(to_index, head.length - 1)
        if not self.reason and self._next <= last:
            self.reason = "MISSING_LINK"
        if not self.reason and self._next > head.length:
            self.reason = "HEAD_MISMATCH"
        if not self.reason and self._next == head.length and self._previous != head.hash:
            self.reason = "HEAD_MISMATCH"
        return Verification(
            checked=self.checked,
            head=head,
            last_hash=self._previous,
            reason=self.reason,
            first_bad_index=self._next,
        )

    def _fault(self, link: Link) -> str:
        if link.index != self._next:
            return "MISSING_LINK"
        if link.previous_hash != self._previous:
            return "BROKEN_LINK"
        return "" if link_hash(link) == link.hash else "HASH_MISMATCH"
