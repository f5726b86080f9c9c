"""Fitted attribution models by store, decisions of a model that runs side by side, and diffs of recalculations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "2026_11_25_attribution_models"
down_revision = "2026_11_24_collector"
branch_labels = None
depends_on = None

_TABLES = ("attribution_models", "attribution_shadows", "attribution_diffs")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "attribution_models",
        *_store(),
        _column("name", sa.Text),
        _column("fingerprint", sa.Text),
        _at("fitted_at"),
        _column("source", sa.Text),
        _column("size", sa.BigInteger),
        _column("parameters", JSONB),
        _column("report", JSONB),
        sa.PrimaryKeyConstraint("store_id", "name", "fingerprint", name="attribution_models_pkey"),
        schema="commerce",
    )
    op.create_table(
        "attribution_shadows",
        *_store(),
        _column("order_id", sa.Text),
        _column("model", sa.Text),
        _at("decided_at"),
        _column("model_version", sa.Text),
        _column("arm", sa.Text),
        _column("verdict", sa.Text),
        _column("confidence", sa.Numeric(4, 3)),
        sa.Column("campaign_id", sa.Text, nullable=True),
        _column("would_bill_minor", sa.BigInteger),
        _column("currency", sa.Text),
        sa.PrimaryKeyConstraint("store_id", "order_id", "model", "decided_at", name="attribution_shadows_pkey"),
        schema="commerce",
    )
    _create_diffs()


def _create_diffs() -> None:
    op.create_table(
        "attribution_diffs",
        *_store(),
        _column("job_id", sa.BigInteger),
        *(_column(name, sa.Text) for name in ("order_id", "month", "cause", "currency")),
        *_side("then"),
        *_side("now"),
        sa.PrimaryKeyConstraint("store_id", "job_id", "order_id", name="attribution_diffs_pkey"),
        schema="commerce",
    )


def _side(when: str) -> list[sa.Column]:
    return [
        _column(f"{when}_model", sa.Text),
        _column(f"{when}_verdict", sa.Text),
        _column(f"{when}_confidence", sa.Numeric(4, 3)),
        _column(f"{when}_minor", sa.BigInteger),
    ]


def _store() -> list[sa.Column]:
    return [_column("store_id", sa.BigInteger)]


def _column(name: str, kind: object) -> sa.Column:
    return sa.Column(name, kind, nullable=False)


def _at(name: str) -> sa.Column:
    return _column(name, sa.DateTime(timezone=True))


def downgrade() -> None:
    for name in reversed(_TABLES):
        op.drop_table(name, schema="commerce")
