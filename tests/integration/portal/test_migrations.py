"""The portal's migrations give its tables, up and down."""

from __future__ import annotations

from kiki.kit.migrations import differences, downgrade, upgrade
from kiki.portal.tables import OWNER


async def test_migrations_equal_the_tables_up_and_down(database_dsn: str) -> None:
    await upgrade(database_dsn, [OWNER])
    assert await differences(database_dsn, OWNER) == []
    await downgrade(database_dsn, OWNER, "base")
    await upgrade(database_dsn, [OWNER])
    assert await differences(database_dsn, OWNER) == []
