"""The audit log outside of its installation: every hash of an exported file computed anew."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kiki.council.syncshield.chain import GENESIS, ChainCheck
from kiki.council.syncshield.domain import AuditEntry, AuditKind, Link
from kiki.kit.textfile import BadFile, open_text

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class _Chain:
    """One store's links as they come, and what they have to meet."""

    def __init__(self, kept: tuple[int, str] | None) -> None:
        self._check = ChainCheck(first_index=0, previous_hash=GENESIS)
        self._kept = kept
        self.length = 0
        self.last_hash = GENESIS
        self.reason = ""
        self.first_bad_index: int | None = None

    def feed(self, link: Link) -> None:
        if self.reason:
            return
        if not self._check.feed([link]):
            self._refute(self._check.reason, self.length)
            return
        self.length, self.last_hash = link.index + 1, link.hash
        if self._kept and self._kept[0] == self.length and self._kept[1] != link.hash.hex():
            self._refute("CHECKPOINT_MISMATCH", link.index)

    def finding(self, store_id: int) -> dict[str, Any]:
        if not self.reason and self._kept and self._kept[0] > self.length:
            self._refute("TRUNCATED", self.length)
        return {
            "store_id": store_id,
            "ok": not self.reason,
            "reason": self.reason,
            "first_bad_index": self.first_bad_index,
            "checked": self._check.checked,
            "length": self.length,
            "head_hash": self.last_hash.hex(),
        }

    def _refute(self, reason: str, index: int) -> None:
        self.reason, self.first_bad_index = reason, index


def verify_file(path: Path, kept: Mapping[int, tuple[int, str]]) -> list[dict[str, Any]]:
    """What a check of each store in the file found; `kept`: length and head hash that an earlier check told.

    `length` and `head_hash` are those of the part that is right. Raises `BadFile` for what is no exported audit log.
    """
    chains: dict[int, _Chain] = {}
    for link in _links(path):
        store_id = link.entry.store_id
        if store_id not in chains:
            chains[store_id] = _Chain(kept.get(store_id))
        chains[store_id].feed(link)
    return [chains[store_id].finding(store_id) for store_id in sorted(chains)]


def _links(path: Path) -> Iterator[Link]:
    with open_text(path) as file:
        for number, line in enumerate(file.text, 1):
            if not line.strip():
                continue
            try:
                yield _link(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
                told = (
                    f"{path}, line {number}: no audit event as `kiki audit export` writes it ({type(error).__name__})"
                )
                raise BadFile(told) from None


def _link(row: Any) -> Link:
    occurred_us = _microseconds(row["occurred_at"])
    entry = AuditEntry(
        store_id=_whole(row["store_id"]),
        event_id=_text(row["event_id"]),
        kind=int(AuditKind[row["kind"].upper()]),
        occurred_us=occurred_us,
        actor=_text(row["actor"]),
        action=_text(row["action"]),
        resource_type=_text(row["resource_type"]),
        resource_id=_text(row["resource_id"]),
        purpose=_text(row["purpose"]),
        platform=_text(row["platform"]),
        topic=_text(row["topic"]),
        payload_digest=bytes.fromhex(row["payload_digest"]),
        signature_digest=bytes.fromhex(row["signature_digest"]),
        verified=row["verified"] is True,
        count=_whole(row["count"]),
    )
    logged_us = _microseconds(row["logged_at"])
    previous, digest = bytes.fromhex(row["previous_hash"]), bytes.fromhex(row["hash"])
    return Link(entry, _whole(row["index"]), occurred_us, logged_us, previous, digest)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _microseconds(text: str) -> int:
    return (dt.datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
