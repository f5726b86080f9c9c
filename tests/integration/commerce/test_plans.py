"""Which index a look-up goes by, before its table was ever analysed."""

from __future__ import annotations

import datetime as dt

import pytest

from kiki.commerce.campaigns import touchpoints_of
from kiki.kit.database import LOOK_UPS_BY_INDEX, Database

AT = dt.datetime(2026, 11, 20, 16, tzinfo=dt.UTC)
_CONTACTS = """
INSERT INTO commerce.touchpoints (store_id, touchpoint_id, customer_key, at, kind, source, recorded_at)
SELECT 1, 'c' || n, 'customer-' || n, $1, 'click', 'utm', $1 FROM generate_series(1, 2000) AS n
"""


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_contacts_are_looked_for_by_person_in_a_new_table(migrated_dsn: str, mode: str) -> None:
    """The primary key would read all contacts of the store."""
    read = touchpoints_of([(1, f"customer-{number}", AT, AT) for number in range(100)])
    settings = LOOK_UPS_BY_INDEX | {"plan_cache_mode": mode}
    async with (
        Database.open(migrated_dsn, application_name="test", server_settings=settings) as database,
        database.transaction() as connection,
    ):
        await connection.execute(_CONTACTS, AT)
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {read.sql}", *read.args))
    assert "touchpoints_customer" in plan, plan
    assert "touchpoints_pkey" not in plan, plan
