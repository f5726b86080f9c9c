"""What PostgreSQL knows of young tables, by which it chooses indexes."""

from __future__ import annotations

from databases import tables_of
from kiki.commerce.orders import lock_orders
from kiki.commerce.tables import OWNER as COMMERCE
from kiki.kit.database import LOOK_UPS_BY_INDEX, Connection, Database

commerce_dsn = tables_of(COMMERCE)

_FEW_ROWS = 500
"""So many may be looked through for one of them until PostgreSQL knows better."""
_FILL = """
INSERT INTO commerce.orders (store_id, order_id, number, status, customer_key, placed_at, updated_at, currency,
                             total_minor, net_minor, is_test, live, lines_digest)
SELECT 1, n::text, n::text, 'paid', 'c' || n, now() - n * interval '1 minute', now(), 'EUR', 100, 100, false, true, ''
FROM generate_series(1, $1) AS n
"""
_SCANS = "SELECT idx_scan FROM pg_stat_all_indexes WHERE schemaname = 'commerce' AND indexrelname = 'orders_pkey'"


async def test_orders_are_looked_up_by_their_key_as_soon_as_there_are_some(commerce_dsn: str) -> None:
    settings = {**LOOK_UPS_BY_INDEX, "stats_fetch_consistency": "none"}
    async with (
        Database.open(commerce_dsn, application_name="test", server_settings=settings) as database,
        database.connection() as connection,
    ):
        await _look_up(connection)
        analysed_at = await connection.fetchval("SELECT current_setting('autovacuum_analyze_threshold')::int")
        assert analysed_at <= _FEW_ROWS
        await connection.execute(_FILL, analysed_at)
        await connection.execute("ANALYZE commerce.orders")
        before = await _scans(connection)
        await _look_up(connection)
        assert await _scans(connection) > before


async def _look_up(connection: Connection) -> None:
    """Often enough for a plan that is kept."""
    for _ in range(10):
        await lock_orders([(1, "7"), (1, "8")]).fetch(connection)


async def _scans(connection: Connection) -> int:
    await connection.execute("SELECT pg_stat_force_next_flush()")
    return int(await connection.fetchval(_SCANS))
