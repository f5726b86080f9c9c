"""A version that ends a contract with the app keeps the moment: the last month is compared up to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_28_contract_ends"
down_revision = "2026_11_27_experiment_refunds"
branch_labels = None
depends_on = None

SCHEMA = "syncledger"


def upgrade() -> None:
    op.add_column("contracts", sa.Column("ended_at", sa.DateTime(timezone=True)), schema=SCHEMA)


def downgrade() -> None:
    op.drop_column("contracts", "ended_at", schema=SCHEMA)
