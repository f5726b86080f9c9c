"""Fitted models per store, versioned; and what they want to know of customers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB

revision = "2026_11_24_fitted_models"
down_revision = "2026_11_23_seasonal_forecasts"
branch_labels = None
depends_on = None

SCHEMA = "syncvalue"


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("chosen_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("parameters", JSONB, nullable=False),
        sa.Column("serving_table", sa.LargeBinary, nullable=False),
        sa.Column("customers", sa.BigInteger, nullable=False),
        sa.Column("purchases", sa.BigInteger, nullable=False),
        sa.Column("log_likelihood", DOUBLE_PRECISION, nullable=False),
        sa.Column("own_weight", DOUBLE_PRECISION, nullable=False),
        sa.Column("prior_stores", sa.Integer, nullable=False),
        sa.Column("back_test", JSONB),
        sa.Column("accuracy", JSONB),
        sa.Column("fitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "version", name="models_pkey"),
        schema=SCHEMA,
        comment="Fitted models of lifetime value; the last version serves, earlier ones say what was thought.",
    )
    op.add_column("stores", sa.Column("model_version", sa.Integer, nullable=False, server_default="0"), schema=SCHEMA)
    op.add_column("stores", sa.Column("fit_tried_at", sa.DateTime(timezone=True)), schema=SCHEMA)
    op.add_column(
        "stores", sa.Column("fit_customers", sa.BigInteger, nullable=False, server_default="0"), schema=SCHEMA
    )
    op.add_column("stores", sa.Column("fit_problem", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    op.add_column(
        "customers", sa.Column("purchase_days", sa.Integer, nullable=False, server_default="0"), schema=SCHEMA
    )
    op.add_column(
        "customers", sa.Column("first_day_minor", sa.BigInteger, nullable=False, server_default="0"), schema=SCHEMA
    )


def downgrade() -> None:
    for name in ("first_day_minor", "purchase_days"):
        op.drop_column("customers", name, schema=SCHEMA)
    for name in ("fit_problem", "fit_customers", "fit_tried_at", "model_version"):
        op.drop_column("stores", name, schema=SCHEMA)
    op.drop_table("models", schema=SCHEMA)
