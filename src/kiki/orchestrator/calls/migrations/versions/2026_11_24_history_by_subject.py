"""One index on the history of calls instead of two: its key begins with what it is looked up by."""

from __future__ import annotations

from alembic import op

revision = "2026_11_24_history_by_subject"
down_revision = "2026_11_23_initial"
branch_labels = None
depends_on = None

_KEY = "ALTER TABLE calls.history DROP CONSTRAINT history_pkey, ADD CONSTRAINT history_pkey PRIMARY KEY"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(f"{_KEY} (store_id, subject, event_id)")
    op.drop_index("history_subject", table_name="history", schema="calls")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(f"{_KEY} (store_id, event_id)")
    op.create_index("history_subject", "history", ["store_id", "subject"], schema="calls")
