"""Heads of audit chains that only move forward, with the time of their last link; what is not a webhook, by index.

Heads that stand already get their time with the next link. The guards hold in sessions that replicate as well.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_06_guarded_heads"
down_revision = "2026_11_23_initial"
branch_labels = None
depends_on = None

_REFUSE = """
CREATE FUNCTION syncshield.refuse_head_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the head of an audit chain only moves forward' USING ERRCODE = 'restrict_violation';
END
$$
"""
_FORWARD = """
CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON syncshield.audit_heads
    FOR EACH ROW WHEN (NEW.length <= OLD.length OR NEW.store_id <> OLD.store_id)
    EXECUTE FUNCTION syncshield.refuse_head_change()
"""
_STAYS = """
CREATE TRIGGER audit_heads_stay BEFORE DELETE OR TRUNCATE ON syncshield.audit_heads
    FOR EACH STATEMENT EXECUTE FUNCTION syncshield.refuse_head_change()
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("audit_heads", sa.Column("logged_at", sa.DateTime(timezone=True)), schema="syncshield")
    for statement in (_REFUSE, _FORWARD, _STAYS):
        op.execute(statement)
    for trigger in ("audit_heads_forward", "audit_heads_stay"):
        op.execute(f"ALTER TABLE syncshield.audit_heads ENABLE ALWAYS TRIGGER {trigger}")
    op.execute("ALTER TABLE syncshield.audit_events ENABLE ALWAYS TRIGGER audit_events_append_only")
    op.create_index(
        "audit_events_deeds_idx",
        "audit_events",
        ["store_id", "index"],
        schema="syncshield",
        postgresql_where=sa.text("kind <> 2"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("audit_events_deeds_idx", table_name="audit_events", schema="syncshield")
    op.execute("ALTER TABLE syncshield.audit_events ENABLE TRIGGER audit_events_append_only")
    for trigger in ("audit_heads_forward", "audit_heads_stay"):
        op.execute(f"DROP TRIGGER {trigger} ON syncshield.audit_heads")
    op.execute("DROP FUNCTION syncshield.refuse_head_change()")
    op.drop_column("audit_heads", "logged_at", schema="syncshield")
