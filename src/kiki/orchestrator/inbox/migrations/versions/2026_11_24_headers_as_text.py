"""Headers of deliveries as text: nobody looks inside them by SQL, and parsing them cost more than storing them."""

from __future__ import annotations

from alembic import op

revision = "2026_11_24_headers_as_text"
down_revision = "2026_11_23_initial"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE inbox.deliveries ALTER COLUMN headers TYPE text USING headers::text")
    op.execute("COMMENT ON COLUMN inbox.deliveries.headers IS 'A JSON object'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("COMMENT ON COLUMN inbox.deliveries.headers IS NULL")
    op.execute("ALTER TABLE inbox.deliveries ALTER COLUMN headers TYPE jsonb USING headers::jsonb")
