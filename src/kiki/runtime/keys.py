"""Whether the sealing keys are those of the database: told before anything is sealed or looked up under others."""

from __future__ import annotations

import asyncpg

from kiki.commerce.stores import StoreRepository
from kiki.council.syncshield.errors import WrongMasterKeys
from kiki.council.syncshield.repository.masters import list_fingerprints
from kiki.council.syncshield.service.masters import admit, check
from kiki.kit.clock import SystemClock
from kiki.kit.database import CONNECTING, Connection, connecting_failure
from kiki.kit.errors import FailedPrecondition, InvalidInput, InvariantBroken
from kiki.kit.sealing import Keyring, Sealer

_CONNECT_SECONDS = 10.0
_ABSENT = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)


async def admit_keys(dsn: str, keyring: Keyring) -> list[int]:
    """Note the versions that are used for the first time; which those are. Without the tables nothing is noted.

    Raises `FailedPrecondition` (`WRONG_SEALING_KEYS`).
    """
    connection = await _connect(dsn)
    try:
        async with connection.transaction():
            if not await list_fingerprints(connection):
                await _try_a_secret(connection, keyring)
            return await admit(connection, keyring, SystemClock().now())
    except _ABSENT:  # Components say themselves what they cannot do without tables.
        return []
    finally:
        await connection.close()


async def check_keys(dsn: str, keyring: Keyring) -> None:
    """As `admit_keys`, noting nothing; a database without these tables was sealed under none."""
    connection = await _connect(dsn)
    try:
        check(
            {version: keyring.fingerprint(version) for version in keyring.versions}, await list_fingerprints(connection)
        )
    except _ABSENT:
        return
    finally:
        await connection.close()


async def _try_a_secret(connection: Connection, keyring: Keyring) -> None:
    """A database from before keys were noted: what one shop signs with has to open."""
    row = await connection.fetchrow(
        "SELECT platform, store_key FROM commerce.store_connections ORDER BY store_id LIMIT 1"
    )
    if row is None:
        return
    try:
        await StoreRepository(Sealer(keyring)).find_for_intake(
            connection, platform=row["platform"], token=None, store_key=row["store_key"]
        )
    except (InvariantBroken, InvalidInput, FailedPrecondition):
        raise WrongMasterKeys(
            "what this database holds does not open under KIKI_SEALING_KEYS; start with the keys that belong to it"
        ) from None


async def _connect(dsn: str) -> Connection:
    try:
        return await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS)
    except CONNECTING as error:
        raise connecting_failure(error) from error
