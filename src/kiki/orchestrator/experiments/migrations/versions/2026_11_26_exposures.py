"""Exposures of dealt subjects are kept: contamination and compliance can be told after touchpoints have expired."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_exposures"
down_revision = "2026_11_25_initial"
branch_labels = None
depends_on = None

SCHEMA = "experiments"


def upgrade() -> None:
    op.create_table(
        "exposures",
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
        schema=SCHEMA,
        comment="Contacts of dealt subjects with our campaigns after their assignment, of either arm;"
        " they outlive touchpoints.",
    )
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.exposures"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("exposures", schema=SCHEMA)
