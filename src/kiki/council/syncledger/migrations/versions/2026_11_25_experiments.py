"""Contracts may bill on an experiment: its readings, and what closed months billed on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_experiments"
down_revision = "2026_11_23_initial"
branch_labels = None
depends_on = None

SCHEMA = "syncledger"


def upgrade() -> None:
    op.add_column("contracts", sa.Column("experiment_id", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    op.create_table(
        "experiment_readings",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("experiment_id", sa.Text, nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("estimate_minor", sa.BigInteger, nullable=False),
        sa.Column("lower_bound_minor", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("users", sa.BigInteger, nullable=False),
        sa.Column("final", sa.Boolean, nullable=False),
        sa.Column("plan_digest", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "experiment_id", "month", "revision", name="experiment_readings_pkey"),
        sa.CheckConstraint("lower_bound_minor <= estimate_minor", name="experiment_readings_bound_check"),
        schema=SCHEMA,
        comment="What experiments show to date, as told; the highest revision of a month counts.",
    )
    op.create_table(
        "experiment_bills",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("experiment_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("target_before_minor", sa.BigInteger, nullable=False),
        sa.Column("target_minor", sa.BigInteger, nullable=False),
        sa.Column("carry_before_minor", sa.BigInteger, nullable=False),
        sa.Column("billed_minor", sa.BigInteger, nullable=False),
        sa.Column("carry_minor", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "month", name="experiment_bills_pkey"),
        sa.CheckConstraint("billed_minor >= 0 AND carry_minor <= 0", name="experiment_bills_sign_check"),
        sa.CheckConstraint(
            "billed_minor + carry_minor = carry_before_minor + target_minor - target_before_minor",
            name="experiment_bills_sum_check",
        ),
        schema=SCHEMA,
        comment="What each closed month billed on its experiment, and the carry that it left.",
    )
    for table in ("experiment_readings", "experiment_bills"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.{table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("experiment_bills", schema=SCHEMA)
    op.drop_table("experiment_readings", schema=SCHEMA)
    op.drop_column("contracts", "experiment_id", schema=SCHEMA)
