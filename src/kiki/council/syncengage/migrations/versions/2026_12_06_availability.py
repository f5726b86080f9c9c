"""Products that cannot be bought are known, so that no message recommends them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_06_availability"
down_revision = "2026_11_23_unsubscribed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "availability",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("product_id", sa.Text, nullable=False),
        sa.Column("sellable", sa.Boolean, nullable=False),
        sa.Column("decision_seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "product_id", name="availability_pkey"),
        schema="syncengage",
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("availability", schema="syncengage")
