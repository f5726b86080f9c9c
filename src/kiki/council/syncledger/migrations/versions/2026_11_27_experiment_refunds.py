"""What refunds take back that no reading counts is given back, and kept by month and stint."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_27_experiment_refunds"
down_revision = "2026_11_26_experiment_credits"
branch_labels = None
depends_on = None

SCHEMA = "syncledger"


def upgrade() -> None:
    op.create_table(
        "experiment_refunds",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("first_month", sa.Integer, nullable=False),
        sa.Column("experiment_id", sa.Text, nullable=False),
        sa.Column("read_month", sa.Integer, nullable=False),
        sa.Column("billed_minor", sa.BigInteger, nullable=False),
        sa.Column("attributed_minor", sa.BigInteger, nullable=False),
        sa.Column("given_back_minor", sa.BigInteger, nullable=False),
        sa.Column("credited_minor", sa.BigInteger, nullable=False),
        sa.Column("fee_minor", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "month", "first_month", name="experiment_refunds_pkey"),
        sa.CheckConstraint(
            "credited_minor BETWEEN 1 AND billed_minor AND given_back_minor BETWEEN 1 AND attributed_minor"
            " AND fee_minor BETWEEN 0 AND credited_minor",
            name="experiment_refunds_amount_check",
        ),
        schema=SCHEMA,
        comment="What closed months gave back of experiments' bills for refunds that no reading counts.",
    )
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.experiment_refunds"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("experiment_refunds", schema=SCHEMA)
