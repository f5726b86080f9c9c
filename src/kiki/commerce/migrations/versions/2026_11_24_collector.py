"""A public key per store for the collector; what a collected touchpoint says of its page; merges by time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_collector"
down_revision = "2026_11_23_initial"
branch_labels = None
depends_on = None

_DETAILS = ("landing", "referrer", "consent")


def upgrade() -> None:
    """A volatile default fills the rows that are there, each with a key of its own."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "store_connections",
        sa.Column(
            "collector_key",
            sa.Text,
            nullable=False,
            server_default=sa.text("replace(gen_random_uuid()::text, '-', '')"),
        ),
        schema="commerce",
    )
    op.create_unique_constraint(
        "store_connections_collector_key_key", "store_connections", ["collector_key"], schema="commerce"
    )
    for name in _DETAILS:
        op.add_column("touchpoints", sa.Column(name, sa.Text, nullable=True), schema="commerce")
    op.create_index("touchpoints_at", "touchpoints", ["at"], schema="commerce", postgresql_using="brin")
    op.create_index("identity_merges_at", "identity_merges", ["merged_at"], schema="commerce")


def downgrade() -> None:
    op.drop_index("identity_merges_at", "identity_merges", schema="commerce")
    op.drop_index("touchpoints_at", "touchpoints", schema="commerce")
    for name in reversed(_DETAILS):
        op.drop_column("touchpoints", name, schema="commerce")
    op.drop_constraint("store_connections_collector_key_key", "store_connections", schema="commerce")
    op.drop_column("store_connections", "collector_key", schema="commerce")
