"""An exchange rate that somebody changes by hand says so: it is not put down to who brought it, at the time they did.

What is brought in names itself in `kiki.rates_from`; code from before this version is told by the time that it writes.
"""

from __future__ import annotations

from alembic import op

revision = "2026_12_04_rates_by_hand"
down_revision = "2026_12_02_former_exchange_rates"
branch_labels = None
depends_on = None

_SIGN = """
CREATE FUNCTION commerce.sign_exchange_rate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.recorded_at, NEW.recorded_by) IS NOT DISTINCT FROM (OLD.recorded_at, OLD.recorded_by)
        AND coalesce(current_setting('kiki.rates_from', true), '') = ''
    THEN
        NEW.recorded_at := now();
        NEW.recorded_by := 'sql:' || session_user;
    END IF;
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_SIGN)
    op.execute(
        "CREATE TRIGGER exchange_rates_signed BEFORE UPDATE ON commerce.exchange_rates"
        " FOR EACH ROW EXECUTE FUNCTION commerce.sign_exchange_rate()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER exchange_rates_signed ON commerce.exchange_rates")
    op.execute("DROP FUNCTION commerce.sign_exchange_rate()")
