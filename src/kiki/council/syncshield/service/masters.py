"""Whether the installation's master keys are those that its database was sealed under."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from kiki.council.syncshield.errors import WrongMasterKeys
from kiki.council.syncshield.repository import masters as rows
from kiki.kit.database import Connection
from kiki.kit.sealing import Keyring


async def admit(connection: Connection, keyring: Keyring, now: dt.datetime) -> list[int]:
    """The versions that are new, which are noted; in one transaction of the caller's.

    Raises `WrongMasterKeys` when a noted key is missing or another, or a new version is lower than a noted one: what
    was sealed would not open, or blind indexes, which go by the oldest key, would find nothing.
    """
    ours = {version: keyring.fingerprint(version) for version in keyring.versions}
    new = check(ours, await rows.list_fingerprints(connection))
    if new:
        await rows.add_fingerprints(connection, {version: ours[version] for version in new}, now)
        check(ours, await rows.list_fingerprints(connection))  # Somebody else may have noted others first.
    return new


def check(ours: Mapping[int, bytes], noted: Mapping[int, bytes]) -> list[int]:
    """Versions that are not noted yet. Raises `WrongMasterKeys`."""
    missing = sorted(set(noted) - set(ours))
    if missing:
        raise WrongMasterKeys(
            f"KIKI_SEALING_KEYS lacks {_versions(missing)}, which this database was sealed under; every version stays"
            " in it for as long as the data"
        )
    other = sorted(version for version, fingerprint in noted.items() if ours[version] != fingerprint)
    if other:
        raise WrongMasterKeys(
            f"KIKI_SEALING_KEYS holds another key as {_versions(other)} than this database was sealed under; start with"
            " the keys that belong to it"
        )
    new = sorted(set(ours) - set(noted))
    if noted and new and new[0] < max(noted):
        raise WrongMasterKeys(
            f"KIKI_SEALING_KEYS has {_versions(new)} anew; a new key has a higher version than {max(noted)}, the newest"
        )
    return new


def _versions(numbers: list[int]) -> str:
    return f"version{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
