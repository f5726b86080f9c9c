"""The schema `calls` as it begins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_initial"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "calls"


def upgrade() -> None:
    op.execute("CREATE SEQUENCE calls.queue_seq AS BIGINT")
    op.create_table(
        "queue",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column(
            "seq",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("nextval('calls.queue_seq')"),
        ),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "event_id",
            sa.Text(),
            nullable=False,
            comment="Idempotency key: the business fact and its revision",
        ),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column(
            "entity",
            sa.Text(),
            nullable=False,
            comment="Calls of one store and entity keep their order",
        ),
        sa.Column("subject", sa.Text(), nullable=False, comment="What views list it under"),
        sa.Column(
            "request",
            sa.LargeBinary(),
            nullable=False,
            comment="Serialized request, sealed",
        ),
        sa.Column(
            "queued_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
        sa.PrimaryKeyConstraint("agent", "lane", "seq"),
        schema=SCHEMA,
        comment="Calls that wait; rows are inserted and deleted, never updated",
    )
    op.create_table(
        "parked",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "request",
            sa.LargeBinary(),
            nullable=False,
            comment="Serialized request, sealed",
        ),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "retry_at",
            sa.DateTime(timezone=True),
            comment="Set on the failing call; those that follow it wait for it",
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "lane", "seq"),
        schema=SCHEMA,
        comment="Calls of entities that are held back",
    )
    op.create_index(
        "parked_entity",
        "parked",
        ["agent", "lane", "store_id", "entity", "seq"],
        schema=SCHEMA,
    )
    op.create_table(
        "history",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="answered or dead"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "event_id"),
        schema=SCHEMA,
        comment="How each call ended",
    )
    op.create_index(
        "history_answered_at",
        "history",
        ["answered_at"],
        schema=SCHEMA,
        postgresql_using="brin",
    )
    op.create_index("history_subject", "history", ["store_id", "subject"], schema=SCHEMA)
    op.create_table(
        "dead",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "call_id",
            sa.BigInteger(),
            nullable=False,
            comment="Its place in the queue when it died",
        ),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "request",
            sa.LargeBinary(),
            nullable=False,
            comment="Serialized request, sealed",
        ),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("died_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "call_id"),
        schema=SCHEMA,
        comment="Calls that were refused for good; a replay moves them back to the queue",
    )
    op.create_index("dead_subject", "dead", ["store_id", "subject"], schema=SCHEMA)
    op.execute("ALTER TABLE calls.queue SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000)")
    op.execute("ALTER TABLE calls.queue ALTER COLUMN request SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("dead", schema=SCHEMA)
    op.drop_table("history", schema=SCHEMA)
    op.drop_table("parked", schema=SCHEMA)
    op.drop_table("queue", schema=SCHEMA)
    op.execute("DROP SEQUENCE calls.queue_seq")
