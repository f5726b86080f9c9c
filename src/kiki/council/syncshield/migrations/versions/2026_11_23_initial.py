"""Audit chain with its guard, data keys, data-subject requests, receipts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kiki.kit.receipts import create_receipts_table

revision = "2026_11_23_initial"
down_revision = None
branch_labels = None
depends_on = None

_SCHEMA = "syncshield"
_GUARD = """
CREATE FUNCTION syncshield.refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are never changed or removed' USING ERRCODE = 'restrict_violation';
END
$$
"""


def upgrade() -> None:
    create_receipts_table(_SCHEMA)
    op.create_table(
        "audit_heads",
        sa.Column("store_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        schema=_SCHEMA,
    )
    op.execute("ALTER TABLE syncshield.audit_heads SET (fillfactor = 50)")
    _create_audit_events()
    op.create_table(
        "data_keys",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("master_version", sa.Integer, nullable=False),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shredded_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("store_id", "version", name="data_keys_pkey"),
        sa.CheckConstraint("(wrapped IS NULL) = (shredded_at IS NOT NULL)", name="data_keys_shredded_check"),
        schema=_SCHEMA,
    )
    op.create_table(
        "subject_requests",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("request_id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject_key", sa.Text, nullable=False),
        sa.Column("platform_request_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("store_id", "request_id", name="subject_requests_pkey"),
        schema=_SCHEMA,
    )
    op.create_index("subject_requests_due_idx", "subject_requests", ["due_at", "request_id"], schema=_SCHEMA)


def _create_audit_events() -> None:
    op.create_table(
        "audit_events",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("index", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("verified", sa.Boolean, nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("logged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False, server_default=""),
        sa.Column("action", sa.Text, nullable=False, server_default=""),
        sa.Column("resource_type", sa.Text, nullable=False, server_default=""),
        sa.Column("resource_id", sa.Text, nullable=False, server_default=""),
        sa.Column("purpose", sa.Text, nullable=False, server_default=""),
        sa.Column("platform", sa.Text, nullable=False, server_default=""),
        sa.Column("topic", sa.Text, nullable=False, server_default=""),
        sa.Column("payload_digest", sa.LargeBinary, nullable=False, server_default=""),
        sa.Column("signature_digest", sa.LargeBinary, nullable=False, server_default=""),
        sa.Column("previous_hash", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "index", name="audit_events_pkey"),
        sa.UniqueConstraint("store_id", "event_id", name="audit_events_event_id_key"),
        schema=_SCHEMA,
    )
    op.create_index(
        "audit_events_resource_idx",
        "audit_events",
        ["store_id", "resource_type", "resource_id", "index"],
        schema=_SCHEMA,
        postgresql_where=sa.text("resource_id <> ''"),
    )
    op.execute(_GUARD)
    op.execute(
        "CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON syncshield.audit_events"
        " FOR EACH STATEMENT EXECUTE FUNCTION syncshield.refuse_audit_change()"
    )


def downgrade() -> None:
    op.drop_table("subject_requests", schema=_SCHEMA)
    op.drop_table("data_keys", schema=_SCHEMA)
    op.drop_table("audit_events", schema=_SCHEMA)
    op.execute("DROP FUNCTION syncshield.refuse_audit_change()")
    op.drop_table("audit_heads", schema=_SCHEMA)
    op.drop_table("receipts", schema=_SCHEMA)
