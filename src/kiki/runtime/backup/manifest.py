"""What a backup folder holds: `database.dump`, and `manifest.json` that says how to tell whether it is whole."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.kit.sealing import Keyring

FORMAT = 1
DUMP, MANIFEST = "database.dump", "manifest.json"
_CHUNK = 1 << 20


class AuditHead(msgspec.Struct, frozen=True):
    """Where the audit chain of one store ended."""

    length: int
    hash: str
    """Hexadecimal."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A backup as it was made; all of it is of one moment."""

    format: int
    made_at: str
    """UTC, ISO 8601."""
    version: str
    """Of kiki."""
    server: str
    """Of PostgreSQL."""
    revisions: Mapping[str, str]
    """Where each owner's migrations stood."""
    tables: Mapping[str, int]
    """Rows of every table; of partitioned ones all together."""
    parts: int
    """Tables and partitions with data of their own, for the progress."""
    audit_heads: Mapping[int, AuditHead]
    keys: Mapping[int, str]
    """Fingerprints of the sealing keys that open it, by version."""
    bytes: int
    sha256: str
    """Of the dump, hexadecimal."""

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(self.tables.values())


def fingerprints(keyring: Keyring) -> dict[int, str]:
    """What tells keys apart and says nothing about them: 8 bytes of an HMAC-SHA256 under each."""
    return {
        version: hmac.digest(keyring.master(version), b"kiki backup: which key is this", "sha256")[:8].hex()
        for version in keyring.versions
    }


def read_manifest(folder: Path) -> Manifest:
    """Raises `InvalidInput` (`BAD_BACKUP`) for a folder that is no backup or one of a newer form."""
    try:
        text = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"{folder} is no backup: {MANIFEST} cannot be read ({error.strerror})", reason="BAD_BACKUP"
        ) from None
    try:
        found = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError:
        raise InvalidInput(f"{folder / MANIFEST} is damaged or not ours", reason="BAD_BACKUP") from None
    if found.format != FORMAT:
        raise InvalidInput(
            f"{folder} has the form {found.format}, this version reads {FORMAT}; restore it with kiki {found.version}",
            reason="BAD_BACKUP",
        )
    return found


def check_dump(folder: Path, manifest: Manifest) -> None:
    """Raises `InvalidInput` (`BACKUP_DAMAGED`) unless the dump is byte for byte what was written."""
    path = folder / DUMP
    try:
        size, digest = measure(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror})", reason="BACKUP_DAMAGED") from None
    if (size, digest) != (manifest.bytes, manifest.sha256):
        raise InvalidInput(
            f"{path} is damaged: {size} bytes with another digest, or of another length, than the {manifest.bytes}"
            " that were written",
            reason="BACKUP_DAMAGED",
        )


def check_keys(manifest: Manifest, keyring: Keyring | None) -> None:
    """Raises `FailedPrecondition` (`WRONG_SEALING_KEYS`) when what was sealed would not open."""
    ours = fingerprints(keyring) if keyring is not None else {}
    lacking = sorted(version for version, mark in manifest.keys.items() if ours.get(version) != mark)
    if lacking:
        raise FailedPrecondition(
            f"the backup was sealed under KIKI_SEALING_KEYS of the versions {', '.join(map(str, lacking))}, which are"
            " not the ones here; give the secrets that belong to it (`kiki restore DIR --secrets FILE`)",
            reason="WRONG_SEALING_KEYS",
        )


def measure(path: Path) -> tuple[int, str]:
    """Length and SHA-256 of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()
