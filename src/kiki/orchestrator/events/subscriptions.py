"""Subscriptions to a store's events: who is told, from where on, and how they fare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kiki.kit.database import Connection, Record
from kiki.kit.errors import InvalidInput, NotFound
from kiki.kit.sealing import Sealer
from kiki.orchestrator.events.signing import new_secret, secret_key

ACTIVE = "active"
DISABLED = "disabled"
_PURPOSE = "subscriptions.secret"
_MAX_URL = 2000
_COLUMNS = (
    "store_id, subscription_id, url, types, secret, cursor, state, attempts, failing_since, retry_at, last_error,"
    " created_at"
)
_ADD = f"""
INSERT INTO events.subscriptions (store_id, url, types, secret, cursor, state, attempts, last_error, created_at)
SELECT $1, $2, $3, $4, coalesce($5, (SELECT last_seq FROM events.heads WHERE store_id = $1), 0), 'active', 0, '', now()
RETURNING {_COLUMNS}
"""
_GET = f"SELECT {_COLUMNS} FROM events.subscriptions WHERE store_id = $1 AND subscription_id = $2"
_LIST = f"SELECT {_COLUMNS} FROM events.subscriptions WHERE store_id = $1 ORDER BY subscription_id"
_DUE = f"""
SELECT {_COLUMNS} FROM events.subscriptions s
WHERE state = 'active' AND (retry_at IS NULL OR retry_at <= now())
  AND cursor < (SELECT last_seq FROM events.heads h WHERE h.store_id = s.store_id)
ORDER BY store_id, subscription_id LIMIT $1
"""
_ADVANCE = """
UPDATE events.subscriptions
SET cursor = greatest(cursor, $3), attempts = 0, failing_since = NULL, retry_at = NULL, last_error = ''
WHERE store_id = $1 AND subscription_id = $2
"""
_FAIL = """
UPDATE events.subscriptions
SET attempts = attempts + 1, failing_since = coalesce(failing_since, now()), last_error = $4,
    retry_at = now() + $3 * interval '1 second',
    state = CASE WHEN coalesce(failing_since, now()) < now() - $5 * interval '1 day' THEN 'disabled' ELSE state END
WHERE store_id = $1 AND subscription_id = $2
"""
_DISABLE = """
UPDATE events.subscriptions SET state = 'disabled', last_error = $3 WHERE store_id = $1 AND subscription_id = $2
"""
_ENABLE = """
UPDATE events.subscriptions
SET state = 'active', attempts = 0, failing_since = NULL, retry_at = NULL WHERE store_id = $1 AND subscription_id = $2
"""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscriber of one store."""

    store_id: int
    subscription_id: int
    url: str
    types: tuple[str, ...]
    """Empty: every type."""
    secret: str = field(repr=False)
    cursor: int
    state: str
    attempts: int
    failing_since: dt.datetime | None
    retry_at: dt.datetime | None
    last_error: str
    created_at: dt.datetime


class SubscriptionRepository:
    """The rows of subscriptions."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    async def add(
        self,
        connection: Connection,
        *,
        store_id: int,
        url: str,
        types: Sequence[str] = (),
        secret: str | None = None,
        from_seq: int | None = None,
    ) -> Subscription:
        """Subscribe; without `from_seq` from the next event on. The secret is shown by the answer, once."""
        _check_url(url)
        chosen = secret or new_secret()
        secret_key(chosen)
        sealed = self._sealer.seal_text(chosen, store_id=store_id, purpose=_PURPOSE)
        row = await connection.fetchrow(_ADD, store_id, url, list(types), sealed, from_seq)
        assert row is not None, "an insert returns its row"
        return self._read(row)

    async def get(self, connection: Connection, store_id: int, subscription_id: int) -> Subscription:
        """Raises `NotFound`."""
        row = await connection.fetchrow(_GET, store_id, subscription_id)
        if row is None:
            raise NotFound(f"store {store_id} has no subscription {subscription_id}", reason="UNKNOWN_SUBSCRIPTION")
        return self._read(row)

    async def list(self, connection: Connection, store_id: int) -> Sequence[Subscription]:
        """All of a store."""
        return [self._read(row) for row in await connection.fetch(_LIST, store_id)]

    async def due(self, connection: Connection, limit: int) -> Sequence[Subscription]:
        """Active ones that have something to be told now."""
        return [self._read(row) for row in await connection.fetch(_DUE, limit)]

    async def advance(self, connection: Connection, subscription: Subscription, cursor: int) -> None:
        """Everything up to the cursor was delivered or is of no interest."""
        await connection.execute(_ADVANCE, subscription.store_id, subscription.subscription_id, cursor)

    async def fail(
        self, connection: Connection, subscription: Subscription, *, delay_seconds: float, error: str, disable_days: int
    ) -> None:
        """An attempt failed; past so many days of failures the subscription is disabled."""
        await connection.execute(
            _FAIL, subscription.store_id, subscription.subscription_id, delay_seconds, error, disable_days
        )

    async def disable(self, connection: Connection, subscription: Subscription, error: str) -> None:
        """The subscriber is gone for good."""
        await connection.execute(_DISABLE, subscription.store_id, subscription.subscription_id, error)

    async def enable(self, connection: Connection, store_id: int, subscription_id: int) -> Subscription:
        """Go on from where it stood. Raises `NotFound`."""
        await connection.execute(_ENABLE, store_id, subscription_id)
        return await self.get(connection, store_id, subscription_id)

    async def remove(self, connection: Connection, store_id: int, subscription_id: int) -> None:
        """Forget it. Raises `NotFound`."""
        await self.get(connection, store_id, subscription_id)
        await connection.execute(
            "DELETE FROM events.subscriptions WHERE store_id = $1 AND subscription_id = $2", store_id, subscription_id
        )

    def _read(self, row: Record) -> Subscription:
        values = dict(row)
        opened = self._sealer.open_text(values["secret"], store_id=values["store_id"], purpose=_PURPOSE)
        return Subscription(**{**values, "types": tuple(values["types"]), "secret": opened or ""})


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > _MAX_URL or parts.username:
        raise InvalidInput("a subscriber's URL is http(s), names a host and holds no user name", reason="BAD_URL")
