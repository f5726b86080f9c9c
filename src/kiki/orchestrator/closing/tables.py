"""The schema `closing`: one row per store and month, the next one of each store not closed; and who asked by hand."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from kiki.kit.migrations import Owner

SCHEMA = "closing"
metadata = sa.MetaData(schema=SCHEMA)
OWNER = Owner(schema=SCHEMA, metadata=metadata, migrations=Path(__file__).parent / "migrations")

months = sa.Table(
    "months",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True)),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
    sa.PrimaryKeyConstraint("store_id", "month", name="months_pkey"),
    sa.CheckConstraint("state IN ('open', 'held', 'asked', 'closed')", name="months_state_check"),
    sa.Index("months_due", "due_at", postgresql_where=sa.text("state <> 'closed'")),
    comment="Which month of a store is closed next, and how far that is.",
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("settled_at", sa.DateTime(timezone=True)),
    sa.PrimaryKeyConstraint("store_id", "month", name="requests_pkey"),
    sa.Index("requests_open", "asked_at", postgresql_where=sa.text("settled_at IS NULL")),
    comment="Months that somebody asked to close before their grace is over; the last asking of each.",
)
