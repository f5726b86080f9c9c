"""A carry that no later month can make good is given back, and kept by month."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_experiment_credits"
down_revision = "2026_11_25_experiments"
branch_labels = None
depends_on = None

SCHEMA = "syncledger"


def upgrade() -> None:
    op.create_table(
        "experiment_credits",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("experiment_id", sa.Text, nullable=False),
        sa.Column("carry_before_minor", sa.BigInteger, nullable=False),
        sa.Column("credited_minor", sa.BigInteger, nullable=False),
        sa.Column("carry_minor", sa.BigInteger, nullable=False),
        sa.Column("fee_minor", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "month", name="experiment_credits_pkey"),
        sa.CheckConstraint(
            "credited_minor > 0 AND carry_minor <= 0 AND fee_minor BETWEEN 0 AND credited_minor",
            name="experiment_credits_sign_check",
        ),
        sa.CheckConstraint("carry_minor = carry_before_minor + credited_minor", name="experiment_credits_sum_check"),
        schema=SCHEMA,
        comment="What closed months gave back of a carry that no later month could make good.",
    )
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.experiment_credits"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("experiment_credits", schema=SCHEMA)
