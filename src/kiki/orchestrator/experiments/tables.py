"""The schema `experiments`: plans, who was dealt what, who was exposed, what was read. The logs are append-only."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB

from kiki.kit.migrations import Owner

SCHEMA = "experiments"
metadata = sa.MetaData(schema=SCHEMA)
OWNER = Owner(schema=SCHEMA, metadata=metadata, migrations=Path(__file__).parent / "migrations")

registrations = sa.Table(
    "registrations",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("experiment_id", sa.Text, nullable=False),
    sa.Column("plan", JSONB, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("registered_by", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("cancelled_at", sa.DateTime(timezone=True)),
    sa.PrimaryKeyConstraint("store_id", "experiment_id", name="registrations_pkey"),
    sa.CheckConstraint("status IN ('draft', 'running', 'ended', 'cancelled')", name="registrations_status_check"),
    comment="What was fixed beforehand; the plan and its digest are frozen by the start.",
)

assignments = sa.Table(
    "assignments",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("experiment_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("arm", sa.Text, nullable=False),
    sa.Column("logged_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "experiment_id", "kind", "subject", name="assignments_pkey"),
    comment="The exposure log: who was dealt what, before anything was shown. A visitor is kept as a blind index.",
)

exposures = sa.Table(
    "exposures",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("experiment_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("touchpoint_id", sa.Text, nullable=False),
    sa.Column("arm", sa.Text, nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "experiment_id", "kind", "subject", "touchpoint_id", name="exposures_pkey"),
    comment="Contacts of dealt subjects with our campaigns after their assignment, of either arm;"
    " they outlive touchpoints.",
)

readings = sa.Table(
    "readings",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("experiment_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("estimate_minor", sa.BigInteger, nullable=False),
    sa.Column("error_minor", DOUBLE_PRECISION, nullable=False),
    sa.Column("low_minor", sa.BigInteger, nullable=False),
    sa.Column("high_minor", sa.BigInteger, nullable=False),
    sa.Column("lower_bound_minor", sa.BigInteger, nullable=False),
    sa.Column("users", sa.BigInteger, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("final", sa.Boolean, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False),
    sa.Column("document", JSONB, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "experiment_id", "month", "revision", name="readings_pkey"),
    comment="What was read, appended; `told`: SyncLedger was asked to keep it.",
)
