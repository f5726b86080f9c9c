"""An entry keeps what its amounts were computed from, for the statement to show.

That is the rate, the counted amount, and what was given back. Entries from before have none of it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_line_sources"
down_revision = "2026_11_28_contract_ends"
branch_labels = None
depends_on = None

SCHEMA = "syncledger"


def upgrade() -> None:
    op.add_column("transactions", sa.Column("fee_rate_ppm", sa.Integer), schema=SCHEMA)
    op.add_column("transactions", sa.Column("counted_minor", sa.BigInteger), schema=SCHEMA)
    op.add_column("transactions", sa.Column("returned_minor", sa.BigInteger), schema=SCHEMA)


def downgrade() -> None:
    for column in ("returned_minor", "counted_minor", "fee_rate_ppm"):
        op.drop_column("transactions", column, schema=SCHEMA)
