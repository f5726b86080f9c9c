"""The tables of the schema `portal`, each defined once here."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kiki.kit.migrations import Owner

metadata = MetaData(schema="portal")

jobs = Table(
    "jobs",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column("job_id", BigInteger, Identity(), nullable=False),
    Column("kind", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("done", BigInteger, nullable=False, server_default=text("0")),
    Column("total", BigInteger, nullable=True),
    Column("cursor", Text, nullable=False, server_default=text("''")),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("message", Text, nullable=False, server_default=text("''")),
    Column("owner", Text, nullable=False, server_default=text("''")),
    Column("lease_until", DateTime(timezone=True), nullable=True),
    Column("attempts", BigInteger, nullable=False, server_default=text("0")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("started_at", DateTime(timezone=True), nullable=True),
    Column("finished_at", DateTime(timezone=True), nullable=True),
    Column("result", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    PrimaryKeyConstraint("store_id", "job_id", name="jobs_pkey"),
    Index("jobs_open", "job_id", postgresql_where=text("status IN ('queued', 'running')")),
)
"""Background work that a person asked for. `cursor` says where it goes on after an interruption."""

store_credentials = Table(
    "store_credentials",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("credentials_sealed", LargeBinary, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("store_id", name="store_credentials_pkey"),
)
"""How a shop's own API is reached; the keys are sealed."""

OWNER = Owner(schema="portal", metadata=metadata, migrations=Path(__file__).parent / "migrations")
