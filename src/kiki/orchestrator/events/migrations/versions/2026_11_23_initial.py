"""The schema `events` as it begins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_initial"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "events"


def upgrade() -> None:
    op.execute("CREATE SEQUENCE events.subscription_id_seq AS BIGINT")
    op.create_table(
        "log",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "seq",
            sa.BigInteger(),
            nullable=False,
            comment="Gapless per store, in commit order",
        ),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "payload",
            sa.LargeBinary(),
            nullable=False,
            comment="Serialized message of events.proto",
        ),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "seq"),
        schema=SCHEMA,
        comment="What happened, in order per store",
    )
    op.create_index(
        "log_occurred_at",
        "log",
        ["occurred_at"],
        schema=SCHEMA,
        postgresql_using="brin",
    )
    op.create_table(
        "heads",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store_id"),
        schema=SCHEMA,
        comment="The last number given to each store's log",
    )
    op.create_table(
        "subscriptions",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "subscription_id",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("nextval('events.subscription_id_seq')"),
        ),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("types", sa.ARRAY(sa.Text()), nullable=False, comment="Empty: every type"),
        sa.Column("secret", sa.LargeBinary(), nullable=False, comment="Signing secret, sealed"),
        sa.Column(
            "cursor",
            sa.BigInteger(),
            nullable=False,
            comment="The last number that was delivered or passed over",
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="active or disabled"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="Failures in a row"),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("retry_at", sa.DateTime(timezone=True)),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "subscription_id"),
        schema=SCHEMA,
        comment="Who is told about a store's events",
    )
    op.execute("ALTER TABLE events.heads SET (fillfactor = 20)")


def downgrade() -> None:
    op.drop_table("subscriptions", schema=SCHEMA)
    op.drop_table("heads", schema=SCHEMA)
    op.drop_table("log", schema=SCHEMA)
    op.execute("DROP SEQUENCE events.subscription_id_seq")
