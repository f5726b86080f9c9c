"""A correction keeps which closed month it is about.

So far that followed from where its order stands, and changed with it: a payment may turn out to be of an earlier month.
Corrections from before have none, and are still taken by that.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_03_corrected_months"
down_revision = "2026_11_29_line_sources"
branch_labels = None
depends_on = None

SCHEMA = "syncledger"


def upgrade() -> None:
    op.add_column("transactions", sa.Column("about_month", sa.Integer), schema=SCHEMA)


def downgrade() -> None:
    op.drop_column("transactions", "about_month", schema=SCHEMA)
