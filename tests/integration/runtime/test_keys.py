"""The sealing keys belong to the database, and a start that brings others is told so before anything is written."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

import asyncpg
import pytest

from databases import tables_of
from kiki.commerce.stores import NewStore, StoreRepository
from kiki.commerce.tables import OWNER as COMMERCE
from kiki.council.syncshield.tables import OWNER as SHIELD
from kiki.kit.database import Database
from kiki.kit.errors import FailedPrecondition
from kiki.kit.sealing import Keyring, Sealer
from kiki.runtime.keys import admit_keys, check_keys
from kiki.runtime.owners import load_owners
from kiki.runtime.topology import Mesh

dsn = tables_of(COMMERCE, SHIELD)
bare_dsn = tables_of(COMMERCE)
whole_dsn = tables_of(*load_owners())
ONE, OTHER, TWO, THREE = (bytes([number]) * 32 for number in (1, 9, 2, 3))


async def refused(dsn: str, keys: dict[int, bytes]) -> str:
    messages = set()
    for look in (admit_keys, check_keys):
        with pytest.raises(FailedPrecondition) as error:
            await look(dsn, Keyring(keys))
        assert error.value.reason == "WRONG_SEALING_KEYS"
        messages.add(error.value.message)
    return str(messages)


async def test_keys_are_noted_once_and_a_rotation_adds_one(dsn: str) -> None:
    await check_keys(dsn, Keyring({1: ONE}))
    assert await admit_keys(dsn, Keyring({1: ONE})) == [1]
    assert await admit_keys(dsn, Keyring({1: ONE})) == []
    assert await admit_keys(dsn, Keyring({1: ONE, 2: TWO})) == [2]
    await check_keys(dsn, Keyring({1: ONE, 2: TWO, 3: THREE}))
    assert await admit_keys(dsn, Keyring({1: ONE, 2: TWO})) == []


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({1: OTHER}, "lacks version 2"),
        ({2: TWO}, "lacks version 1"),
        ({1: OTHER, 2: TWO}, "another key as version 1"),
        ({1: TWO, 2: ONE}, "another key as versions 1, 2"),
        ({1: ONE}, "lacks version 2"),
    ],
    ids=["other-and-missing", "oldest-dropped", "oldest-other", "swapped", "newest-dropped"],
)
async def test_missing_and_other_keys_are_refused(dsn: str, keys: dict[int, bytes], told: str) -> None:
    await admit_keys(dsn, Keyring({1: ONE, 2: TWO}))
    assert told in await refused(dsn, keys)


async def test_a_new_key_never_becomes_the_oldest(dsn: str) -> None:
    """Blind indexes go by the oldest key: under an older one nobody would be found again."""
    await admit_keys(dsn, Keyring({2: TWO}))
    assert "higher version than 2" in await refused(dsn, {1: ONE, 2: TWO})


async def test_racing_first_starts_with_different_keys_do_not_both_begin(dsn: str) -> None:
    starts = [admit_keys(dsn, Keyring({1: bytes([number]) * 32})) for number in range(1, 7)]
    ended = await asyncio.gather(*starts, return_exceptions=True)
    assert sum(found == [1] for found in ended) == 1
    assert sum(isinstance(found, FailedPrecondition) for found in ended) == len(starts) - 1


async def test_a_database_from_before_opens_under_its_own_keys_alone(dsn: str) -> None:
    sealer = Sealer(Keyring({1: ONE}))
    new = NewStore("woocommerce", "example.com", "Example", "EUR", "Europe/Berlin", webhook_secret="a-secret")
    async with (
        Database.open(dsn, application_name="test", max_size=1) as database,
        database.transaction() as connection,
    ):
        await StoreRepository(sealer).add(connection, new)
    with pytest.raises(FailedPrecondition, match="does not open"):
        await admit_keys(dsn, Keyring({1: OTHER}))
    with pytest.raises(FailedPrecondition, match="does not open"):
        await admit_keys(dsn, Keyring({2: TWO}))
    assert await admit_keys(dsn, Keyring({1: ONE})) == [1]


async def test_what_is_noted_says_nothing_about_the_key(dsn: str) -> None:
    await admit_keys(dsn, Keyring({1: ONE}))
    connection = await asyncpg.connect(dsn)
    (row,) = await connection.fetch("SELECT * FROM syncshield.master_keys")
    await connection.close()
    assert len(row["fingerprint"]) == 16
    assert row["fingerprint"] not in ONE
    assert row["first_used_at"] <= dt.datetime.now(dt.UTC)


async def test_a_database_without_these_tables_was_sealed_under_none(bare_dsn: str) -> None:
    await check_keys(bare_dsn, Keyring({1: ONE}))
    assert await admit_keys(bare_dsn, Keyring({1: ONE})) == []


@pytest.mark.slow
async def test_a_mesh_does_not_begin_under_other_keys_than_the_one_before(whole_dsn: str, tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": whole_dsn,
        "KIKI_DATA_DIR": str(tmp_path),
        "KIKI_INTERNAL_API_KEY": "a-key-for-this-test-alone",
    }
    first, other = Keyring.generate(), Keyring.generate()
    await Mesh("few", environment | {"KIKI_SEALING_KEYS": first}, lambda _: None).migrate()
    with pytest.raises(FailedPrecondition, match="another key as version 1") as refused:
        await Mesh("few", environment | {"KIKI_SEALING_KEYS": other}, lambda _: None).migrate()
    assert refused.value.reason == "WRONG_SEALING_KEYS"
    assert other.partition(":")[2] not in refused.value.message
    rotated = f"{first},{Keyring.generate(2)}"
    await Mesh("few", environment | {"KIKI_SEALING_KEYS": rotated}, lambda _: None).migrate()
    with pytest.raises(FailedPrecondition, match="lacks version 2"):
        await Mesh("few", environment | {"KIKI_SEALING_KEYS": first}, lambda _: None).migrate()
