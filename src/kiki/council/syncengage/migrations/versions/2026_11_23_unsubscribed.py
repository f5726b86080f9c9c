"""Unsubscribed addresses can be found, whichever contact they belong to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_unsubscribed"
down_revision = "2026_11_23_initial"
branch_labels = None
depends_on = None

_INDEXES = (
    ("contacts_off_email", "email_index", "email_unsubscribed_at IS NOT NULL"),
    ("contacts_off_sms", "phone_index", "sms_unsubscribed_at IS NOT NULL"),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name, column, holds in _INDEXES:
        op.create_index(name, "contacts", ["store_id", column], schema="syncengage", postgresql_where=sa.text(holds))


def downgrade() -> None:
    for name, _, _ in _INDEXES:
        op.drop_index(name, "contacts", schema="syncengage")
