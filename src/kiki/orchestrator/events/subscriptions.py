"""Subscriptions to a store's events: who is told, from where on, and how they fare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kiki.kit.database import Connection, Record
from kiki.kit.errors import InvalidInput, NotFound
from kiki.kit.sealing import Sealer
from kiki.orchestrator.events.signing import new_secret, secret_key

ACTIVE = "active"
DISABLED = "disabled"
OVERLAP = dt.timedelta(days=1)
"""How long after a rotation deliveries carry a signature of the former secret as well."""
_PURPOSE = "subscriptions.secret"
_MAX_URL = 2000
_COLUMNS = (
    "store_id, subscription_id, url, types, secret, previous_secret, previous_until, cursor, state, attempts,"
    " failing_since, retry_at, last_error, created_at"
)
_HEAD = "coalesce((SELECT last_seq FROM events.heads WHERE store_id = $1), 0)"
_ADD = f"""
INSERT INTO events.subscriptions (store_id, url, types, secret, cursor, state, attempts, last_error, created_at)
SELECT $1, $2, $3, $4, coalesce($5, {_HEAD}), 'active', 0, '', now()
RETURNING {_COLUMNS}
"""
_GET = f"SELECT {_COLUMNS} FROM events.subscriptions WHERE store_id = $1 AND subscription_id = $2"
_LIST = f"SELECT {_COLUMNS} FROM events.subscriptions WHERE store_id = $1 ORDER BY subscription_id"
_DUE = f"""
WITH busy AS (SELECT * FROM unnest($2::bigint[], $3::bigint[]) AS b (store_id, subscription_id)),
due AS (
    SELECT s.*, h.last_seq AS head, row_number() OVER (PARTITION BY s.store_id ORDER BY random())
        + (SELECT count(*) FROM busy b WHERE b.store_id = s.store_id) AS place
    FROM events.subscriptions s JOIN events.heads h USING (store_id)
    WHERE s.state = 'active' AND (s.retry_at IS NULL OR s.retry_at <= now()) AND s.cursor < h.last_seq
        AND (s.store_id, s.subscription_id) NOT IN (SELECT b.store_id, b.subscription_id FROM busy b)
)
SELECT {_COLUMNS}, head FROM due WHERE place <= $4 ORDER BY place, random() LIMIT $1
"""
_ADVANCE = """
UPDATE events.subscriptions
SET cursor = $4, attempts = 0, failing_since = NULL, retry_at = NULL, last_error = ''
WHERE store_id = $1 AND subscription_id = $2 AND cursor = $3
"""
_FAIL = """
UPDATE events.subscriptions
SET attempts = attempts + 1, failing_since = coalesce(failing_since, now()), last_error = $4,
    retry_at = now() + $3 * interval '1 second',
    state = CASE WHEN coalesce(failing_since, now()) < now() - $5 * interval '1 day' THEN 'disabled' ELSE state END
WHERE store_id = $1 AND subscription_id = $2 RETURNING state
"""
_DISABLE = """
UPDATE events.subscriptions SET state = 'disabled', last_error = $3 WHERE store_id = $1 AND subscription_id = $2
"""
_ENABLE = """
UPDATE events.subscriptions
SET state = 'active', attempts = 0, failing_since = NULL, retry_at = NULL WHERE store_id = $1 AND subscription_id = $2
"""
_MOVE = """
UPDATE events.subscriptions SET cursor = $3, attempts = 0, failing_since = NULL, retry_at = NULL
WHERE store_id = $1 AND subscription_id = $2
"""
_SEQ_BEFORE = f"""
SELECT coalesce((SELECT min(seq) - 1 FROM events.log WHERE store_id = $1 AND occurred_at >= $2), {_HEAD})
"""
_ROTATE = """
UPDATE events.subscriptions
SET previous_secret = secret, previous_until = now() + $4 * interval '1 second', secret = $3
WHERE store_id = $1 AND subscription_id = $2
"""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscriber of one store."""

    store_id: int
    subscription_id: int
    url: str
    types: tuple[str, ...]
    """Empty: every type."""
    sealed: bytes = field(repr=False)
    previous_sealed: bytes | None = field(repr=False)
    previous_until: dt.datetime | None
    """Until when the secret before the last rotation signs as well."""
    cursor: int
    state: str
    attempts: int
    failing_since: dt.datetime | None
    retry_at: dt.datetime | None
    last_error: str
    created_at: dt.datetime

    @property
    def key(self) -> tuple[int, int]:
        """What it is known by."""
        return self.store_id, self.subscription_id


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription with its new secret, which nothing shows again."""

    subscription: Subscription
    secret: str = field(repr=False)


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
    ) -> Subscribed:
        """Subscribe; without `from_seq` from the next event on."""
        _check_url(url)
        chosen, sealed = self._seal(store_id, secret)
        row = await connection.fetchrow(_ADD, store_id, url, list(types), sealed, from_seq)
        assert row is not None, "an insert returns its row"
        return Subscribed(_read(row), chosen)

    async def get(self, connection: Connection, store_id: int, subscription_id: int) -> Subscription:
        """Raises `NotFound`."""
        row = await connection.fetchrow(_GET, store_id, subscription_id)
        if row is None:
            raise NotFound(f"store {store_id} has no subscription {subscription_id}", reason="UNKNOWN_SUBSCRIPTION")
        return _read(row)

    async def list(self, connection: Connection, store_id: int) -> Sequence[Subscription]:
        """All of a store."""
        return [_read(row) for row in await connection.fetch(_LIST, store_id)]

    async def due(
        self, connection: Connection, limit: int, *, busy: Collection[tuple[int, int]] = (), share: int = 1000
    ) -> Sequence[tuple[Subscription, int]]:
        """Active ones that have something to be told now, drawn by lot, each with its store's last number.

        Leaves out the busy ones; with them, a store has at most `share`.
        """
        stores, ids = [key[0] for key in busy], [key[1] for key in busy]
        rows = await connection.fetch(_DUE, limit, stores, ids, share)
        return [(_read(row), row["head"]) for row in rows]

    def secrets(self, subscription: Subscription, now: dt.datetime) -> tuple[str, ...]:
        """Those that sign, the newest first. Raises `InvariantBroken` for one that does not open."""
        sealed = [subscription.sealed]
        if subscription.previous_sealed and subscription.previous_until and now < subscription.previous_until:
            sealed.append(subscription.previous_sealed)
        opened = (self._sealer.open_text(one, store_id=subscription.store_id, purpose=_PURPOSE) for one in sealed)
        return tuple(one or "" for one in opened)

    async def advance(self, connection: Connection, subscription: Subscription, cursor: int) -> None:
        """Everything up to the cursor was delivered or is of no interest; nothing when it was moved meanwhile."""
        await connection.execute(_ADVANCE, *subscription.key, subscription.cursor, cursor)

    async def fail(
        self, connection: Connection, subscription: Subscription, *, delay_seconds: float, error: str, disable_days: int
    ) -> bool:
        """An attempt failed; whether the subscription is disabled now, past so many days of failures."""
        state = await connection.fetchval(_FAIL, *subscription.key, delay_seconds, error, disable_days)
        return bool(state == DISABLED)

    async def disable(self, connection: Connection, subscription: Subscription, error: str) -> None:
        """The subscriber is gone for good."""
        await connection.execute(_DISABLE, *subscription.key, error)

    async def enable(self, connection: Connection, store_id: int, subscription_id: int) -> Subscription:
        """Go on from where it stood. Raises `NotFound`."""
        await connection.execute(_ENABLE, store_id, subscription_id)
        return await self.get(connection, store_id, subscription_id)

    async def move(
        self,
        connection: Connection,
        store_id: int,
        subscription_id: int,
        *,
        after: int | None = None,
        since: dt.datetime | None = None,
    ) -> Subscription:
        """Go on behind a number, or with the first event of a time; back is a replay, forward leaves events out.

        Raises `NotFound`; `InvalidInput` for a number that no event has yet.
        """
        head = await connection.fetchval(f"SELECT {_HEAD}", store_id)
        place = after if since is None else await connection.fetchval(_SEQ_BEFORE, store_id, since)
        if place is None or not 0 <= place <= head:
            raise InvalidInput(f"the store's last event has the number {head}", reason="UNKNOWN_EVENT_NUMBER")
        await connection.execute(_MOVE, store_id, subscription_id, place)
        return await self.get(connection, store_id, subscription_id)

    async def rotate(self, connection: Connection, store_id: int, subscription_id: int) -> Subscribed:
        """A new secret; the one before signs beside it for `OVERLAP`. Raises `NotFound`."""
        chosen, sealed = self._seal(store_id)
        await connection.execute(_ROTATE, store_id, subscription_id, sealed, OVERLAP.total_seconds())
        return Subscribed(await self.get(connection, store_id, subscription_id), chosen)

    async def remove(self, connection: Connection, store_id: int, subscription_id: int) -> None:
        """Forget it. Raises `NotFound`."""
        await self.get(connection, store_id, subscription_id)
        await connection.execute(
            "DELETE FROM events.subscriptions WHERE store_id = $1 AND subscription_id = $2", store_id, subscription_id
        )

    def _seal(self, store_id: int, secret: str | None = None) -> tuple[str, bytes | None]:
        chosen = secret or new_secret()
        secret_key(chosen)
        return chosen, self._sealer.seal_text(chosen, store_id=store_id, purpose=_PURPOSE)


def _read(row: Record) -> Subscription:
    return Subscription(
        store_id=row["store_id"],
        subscription_id=row["subscription_id"],
        url=row["url"],
        types=tuple(row["types"]),
        sealed=row["secret"],
        previous_sealed=row["previous_secret"],
        previous_until=row["previous_until"],
        cursor=row["cursor"],
        state=row["state"],
        attempts=row["attempts"],
        failing_since=row["failing_since"],
        retry_at=row["retry_at"],
        last_error=row["last_error"],
        created_at=row["created_at"],
    )


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > _MAX_URL or parts.username:
        raise InvalidInput("a subscriber's URL is http(s), names a host and holds no user name", reason="BAD_URL")
