"""A revision that cannot be gone to is refused, with what there is."""

from __future__ import annotations

import asyncpg
import pytest

from kiki.kit.errors import FailedPrecondition, NotFound
from kiki.kit.migrations import downgrade, pending, upgrade
from kiki.portal.tables import OWNER


async def test_a_way_back_names_a_revision_that_was_reached(database_dsn: str) -> None:
    (names,) = (await pending(database_dsn, [OWNER])).values()
    await upgrade(database_dsn, [OWNER])
    with pytest.raises(NotFound, match=rf"no revision 2020_nothing; it is at {names[-1]}, .*{names[0]}, base"):
        await downgrade(database_dsn, OWNER, "2020_nothing")
    await downgrade(database_dsn, OWNER, names[0])
    assert (await pending(database_dsn, [OWNER]))[OWNER.schema] == names[1:]
    with pytest.raises(FailedPrecondition, match=f"is at {names[0]}, which lies before {names[-1]}"):
        await downgrade(database_dsn, OWNER, names[-1])
    await downgrade(database_dsn, OWNER, names[0])
    await upgrade(database_dsn, [OWNER])
    assert await pending(database_dsn, [OWNER]) == {}


async def test_tables_of_a_newer_version_are_refused_by_name(database_dsn: str) -> None:
    await upgrade(database_dsn, [OWNER])
    connection = await asyncpg.connect(database_dsn)
    await connection.execute(f"UPDATE {OWNER.schema}.alembic_version SET version_num = '2999_later'")
    await connection.close()
    for refused in (
        upgrade(database_dsn, [OWNER]),
        pending(database_dsn, [OWNER]),
        downgrade(database_dsn, OWNER, "base"),
    ):
        with pytest.raises(FailedPrecondition, match=f"{OWNER.schema} are at the revision 2999_later"):
            await refused
