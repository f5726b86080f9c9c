"""The schema `experiments` as it begins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB

revision = "2026_11_25_initial"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "experiments"


def upgrade() -> None:
    op.create_table(
        "registrations",
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
        schema=SCHEMA,
        comment="What was fixed beforehand; the plan and its digest are frozen by the start.",
    )
    op.create_table(
        "assignments",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("experiment_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("logged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "experiment_id", "kind", "subject", name="assignments_pkey"),
        schema=SCHEMA,
        comment="The exposure log: who was dealt what, before anything was shown. A visitor is kept as a blind index.",
    )
    op.create_table(
        "readings",
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
        schema=SCHEMA,
        comment="What was read, appended; `told`: SyncLedger was asked to keep it.",
    )
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% of %.% is not allowed: what was logged stays', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    for table in ("assignments", "readings"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.{table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
        )


def downgrade() -> None:
    for table in ("readings", "assignments", "registrations"):
        op.drop_table(table, schema=SCHEMA)
    op.execute(f"DROP FUNCTION {SCHEMA}.refuse_change()")
