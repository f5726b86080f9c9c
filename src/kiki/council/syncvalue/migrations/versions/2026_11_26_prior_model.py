"""A typical shop's model speaks where none was fitted: the parameters that stores had of their own get defaults.

Nothing reads them any more; they stay for the code before, and for what it wrote.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_prior_model"
down_revision = "2026_11_24_fitted_models"
branch_labels = None
depends_on = None

SCHEMA = "syncvalue"
DEFAULTS = {
    "rate_shape": "0.8",
    "rate_scale_days": "100",
    "leave": "1",
    "stay": "1.3",
    "mean_spend_minor": "0",
    "spend_strength": "2",
}


def upgrade() -> None:
    for name, value in DEFAULTS.items():
        op.alter_column("stores", name, server_default=sa.text(value), schema=SCHEMA)


def downgrade() -> None:
    for name in DEFAULTS:
        op.alter_column("stores", name, server_default=None, schema=SCHEMA)
