"""Exchange rates, the day and source of an order's own, and the orders that wait for one.

Orders that were paid in another currency than is settled in wait from now on, those that SyncLedger refused for lack of
a rate included: they are told to it anew when their rate is known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_exchange_rates"
down_revision = "2026_11_26_campaigns_count_since"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_WAITING = """
INSERT INTO commerce.waiting_orders (store_id, order_id, currency, settlement_currency, day, live, since_at)
SELECT o.store_id, o.order_id, o.currency, s.settled_in, (o.paid_at AT TIME ZONE 'UTC')::date, o.live, now()
FROM (
    SELECT store_id, coalesce(nullif(settings->>'settlement_currency', ''), currency) AS settled_in
    FROM commerce.store_connections
) s
JOIN commerce.orders o ON o.store_id = s.store_id AND o.currency <> s.settled_in
WHERE o.paid_at IS NOT NULL AND o.deleted_at IS NULL AND NOT o.is_test AND o.currency <> ''
    AND (o.exchange_rate IS NULL OR o.settlement_currency IS DISTINCT FROM s.settled_in)
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("orders", sa.Column("rate_day", sa.Date, nullable=True), schema="commerce")
    op.add_column("orders", sa.Column("rate_source", sa.Text, nullable=True), schema="commerce")
    _create_rates()
    op.create_table(
        "waiting_orders",
        _column("store_id", sa.BigInteger),
        _column("order_id", sa.Text),
        _column("currency", sa.Text),
        _column("settlement_currency", sa.Text),
        _column("day", sa.Date),
        _column("live", sa.Boolean),
        _column("since_at", _TIME),
        sa.Column("told_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("store_id", "order_id", name="waiting_orders_pkey"),
        schema="commerce",
    )
    by_rate = ["currency", "settlement_currency", "day", "store_id", "order_id"]
    op.create_index("waiting_orders_rate", "waiting_orders", by_rate, schema="commerce")
    op.execute(_WAITING)


def _create_rates() -> None:
    op.create_table(
        "exchange_rates",
        _column("day", sa.Date),
        _column("base", sa.Text),
        _column("quote", sa.Text),
        _column("rate", sa.Numeric),
        _column("source", sa.Text),
        _column("recorded_at", _TIME),
        _column("recorded_by", sa.Text),
        sa.PrimaryKeyConstraint("day", "base", "quote", name="exchange_rates_pkey"),
        sa.CheckConstraint("rate > 0 AND rate < 1000000000000 AND scale(rate) <= 18", name="exchange_rates_rate"),
        schema="commerce",
    )
    op.create_index("exchange_rates_pair", "exchange_rates", ["base", "quote", "day"], schema="commerce")
    op.create_table(
        "exchange_rate_fetches",
        _column("place", sa.Text),
        _column("tried_at", _TIME),
        sa.Column("succeeded_at", _TIME, nullable=True),
        sa.Column("newest_day", sa.Date, nullable=True),
        _column("added", sa.Integer, "0"),
        _column("problem", sa.Text, "''"),
        sa.PrimaryKeyConstraint("place", name="exchange_rate_fetches_pkey"),
        schema="commerce",
    )


def _column(name: str, kind: object, default: str | None = None) -> sa.Column:
    return sa.Column(name, kind, nullable=False, server_default=None if default is None else sa.text(default))


def downgrade() -> None:
    for table in ("waiting_orders", "exchange_rate_fetches", "exchange_rates"):
        op.drop_table(table, schema="commerce")
    for name in ("rate_source", "rate_day"):
        op.drop_column("orders", name, schema="commerce")
