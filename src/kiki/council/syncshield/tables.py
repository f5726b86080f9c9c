"""Tables of SyncShield."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from kiki.kit.migrations import Owner
from kiki.kit.receipts import receipts_table

SCHEMA = "syncshield"
metadata = sa.MetaData(schema=SCHEMA)

receipts = receipts_table(metadata)

audit_heads = sa.Table(
    "audit_heads",
    metadata,
    sa.Column("store_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("length", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("logged_at", sa.DateTime(timezone=True)),
)

audit_events = sa.Table(
    "audit_events",
    metadata,
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
)
sa.Index(
    "audit_events_resource_idx",
    audit_events.c.store_id,
    audit_events.c.resource_type,
    audit_events.c.resource_id,
    audit_events.c.index,
    postgresql_where=sa.text("resource_id <> ''"),
)

sa.Index(
    "audit_events_deeds_idx",
    audit_events.c.store_id,
    audit_events.c.index,
    postgresql_where=sa.text("kind <> 2"),
)

data_keys = sa.Table(
    "data_keys",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("master_version", sa.Integer, nullable=False),
    sa.Column("wrapped", sa.LargeBinary),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("shredded_at", sa.DateTime(timezone=True)),
    sa.PrimaryKeyConstraint("store_id", "version", name="data_keys_pkey"),
    sa.CheckConstraint("(wrapped IS NULL) = (shredded_at IS NOT NULL)", name="data_keys_shredded_check"),
)

master_keys = sa.Table(
    "master_keys",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
    comment="Which master keys this database was sealed under: told apart, never the keys themselves.",
)

subject_requests = sa.Table(
    "subject_requests",
    metadata,
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
)
sa.Index("subject_requests_due_idx", subject_requests.c.due_at, subject_requests.c.request_id)

OWNER = Owner(schema=SCHEMA, metadata=metadata, migrations=Path(__file__).parent / "migrations")
