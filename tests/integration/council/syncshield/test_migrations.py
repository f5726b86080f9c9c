"""The migrations of SyncShield."""

from __future__ import annotations

from kiki.council.syncshield.tables import OWNER
from kiki.kit.migrations import differences, downgrade, pending


async def test_migrations_give_the_tables_and_go_down_again(dsn: str) -> None:
    assert await differences(dsn, OWNER) == []
    await downgrade(dsn, OWNER, "base")
    history = ["2026_11_23_initial", "2026_12_06_guarded_heads", "2026_12_07_master_keys"]
    assert await pending(dsn, [OWNER]) == {"syncshield": history}
