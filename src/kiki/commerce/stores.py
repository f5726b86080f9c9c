"""Store connections: which shops are connected, under which rules, and how a delivery proves that it is theirs."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from kiki.kit.database import Connection, Record
from kiki.kit.errors import Conflict, InvalidInput, NotFound
from kiki.kit.money import check_currency
from kiki.kit.reads import Read
from kiki.kit.sealing import Sealer

ACTIVE = "active"
UNINSTALLED = "uninstalled"

_PURPOSE = "store_connections.secret"
_TOKEN_BYTES = 32
_STORES_OF = """
SELECT store_id, platform, store_key, display_name, currency, timezone, status, connected_at, settings::text,
    campaigns_revision, uninstalled_at
FROM commerce.store_connections WHERE store_id = ANY($1::bigint[])"""
_COLUMNS = (
    "store_id, platform, store_key, display_name, currency, timezone, status, connected_at, settings, uninstalled_at"
)


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one store. Fractions are decimal text; unknown fields of older rows are ignored."""

    attribution_window_days: int = 30
    attribution_threshold: str = "0.7"
    review_below: str = "0.5"
    low_stock_threshold: int = 5
    low_stock_factor: str = "0.5"
    resume_damping_seconds: int = 60
    churn_threshold: str = "0.7"
    churn_flow_interval_days: int = 30
    margin_floor: str = "0"
    """Under it SyncFlow pauses a product's ads with `low_margin`; zero: never."""
    fee_rate: str = "0.20"
    basis: str = "net_sales"
    """`net_sales` or `total`."""
    rule: str = "attributed"
    """`attributed`, `uplift`, `lesser_of`, or with an experiment `experiment_estimate` or `experiment_lower_bound`."""
    experiment_id: str = ""
    """What a rule by experiment bills on; without meaning under others."""
    settlement_currency: str = ""
    """Empty: the store's currency."""
    ad_networks: tuple[str, ...] = ("google", "meta")
    """Networks for which creatives are made."""
    touchpoint_margin_days: int = 400
    """Days that touchpoints are kept beyond the window; orders older than this are not decided anew."""
    attribution_model: str = "default"
    """The model that decides which orders are billed."""
    attribution_shadow: str = ""
    """A second model that runs side by side and is recorded, never billed; empty: none."""
    attribution_ab_share: int = 0
    """Customers, in parts per million, for whom the second model decides instead, as an A/B test."""
    pixel_consent: str = "required"
    """`required`: the pixel waits for a signal that grants. `opt_out`: without any signal it runs until refused."""
    pixel_honours_dnt: bool = True
    """Whether Do Not Track is a refusal; Global Privacy Control always is."""
    pixel_identify: str = "signed"
    """`signed`: who a visitor is counts with the shop's proof. `told`: whatever a page says."""
    shop_domains: tuple[str, ...] = ()
    """Hosts of the shop beside its key's, on which the pixel may run."""


@dataclass(frozen=True, slots=True)
class StoreConnection:
    """One connected shop, without its secrets."""

    store_id: int
    platform: str
    store_key: str
    display_name: str
    currency: str
    timezone: str
    status: str
    connected_at: dt.datetime
    settings: StoreSettings
    uninstalled_at: dt.datetime | None = None
    """When the app was removed, which ended the contract; None while it is installed."""

    @property
    def settled_in(self) -> str:
        """The currency in which the contract settles."""
        return self.settings.settlement_currency or self.currency


@dataclass(frozen=True, slots=True)
class NewStore:
    """What is needed to connect a shop; `store_key` is normalised by its platform."""

    platform: str
    store_key: str
    display_name: str
    currency: str
    timezone: str
    webhook_secret: str | None = field(repr=False)
    settings: StoreSettings = field(default_factory=StoreSettings)
    connected_at: dt.datetime | None = None
    """None: now."""


@dataclass(frozen=True, slots=True)
class IntakeStore:
    """What the intake needs to believe a delivery."""

    store_id: int
    platform: str
    secrets: tuple[str, ...] = field(repr=False)
    """The current secret, then the previous one; empty when the shop has none of its own."""
    status: str
    currency: str
    timezone: str


class StoreRepository:
    """The only SQL on store connections' secrets and tokens."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    async def add(self, connection: Connection, new: NewStore) -> tuple[StoreConnection, str]:
        """Connect a shop. The token of its delivery URL is given here and never again.

        A shop that had removed the app is connected again under its old id, with a new token and secret.

        Raises `Conflict` (`STORE_EXISTS`) when the platform's shop is connected already, `InvalidInput` for an unknown
        time zone, currency or rule, and for a shop that comes back with others than its books are kept in.
        """
        _check(new)
        former = await self.find_removed(connection, new.platform, new.store_key)
        if former is not None:
            _check_return(new, former)
        store_id = await connection.fetchval("SELECT nextval('commerce.store_connections_store_id_seq')")
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        row = await connection.fetchrow(
            f"""INSERT INTO commerce.store_connections
                (store_id, platform, store_key, display_name, currency, timezone, status, connected_at,
                 token_hash, secret_sealed, settings)
            VALUES ($1, $2, $3, $4, $5, $6, '{ACTIVE}', coalesce($7, now()), $8, $9, $10)
            ON CONFLICT (platform, store_key) DO UPDATE SET
                display_name = excluded.display_name, currency = excluded.currency, timezone = excluded.timezone,
                status = '{ACTIVE}', connected_at = excluded.connected_at, uninstalled_at = NULL,
                token_hash = excluded.token_hash, secret_sealed = NULL, previous_secret_sealed = NULL,
                settings = excluded.settings
            WHERE store_connections.status = '{UNINSTALLED}'
            RETURNING {_COLUMNS}""",
            store_id,
            new.platform,
            new.store_key,
            new.display_name,
            check_currency(new.currency),
            new.timezone,
            new.connected_at,
            token_hash(token),
            self._seal(new.webhook_secret, store_id),
            msgspec.to_builtins(new.settings),
        )
        if row is None:
            raise Conflict(f"the {new.platform} store {new.store_key} is connected already", reason="STORE_EXISTS")
        if row["store_id"] != store_id:
            await self.rotate_secret(connection, row["store_id"], new.webhook_secret or "")
        return read_store(row), token

    async def find_removed(self, connection: Connection, platform: str, store_key: str) -> StoreConnection | None:
        """The store of a shop that removed the app, locked until the transaction ends; None when there is none."""
        row = await connection.fetchrow(
            f"""SELECT {_COLUMNS} FROM commerce.store_connections
            WHERE platform = $1 AND store_key = $2 AND status = '{UNINSTALLED}' FOR UPDATE""",
            platform,
            store_key,
        )
        return None if row is None else read_store(row)

    async def get(self, connection: Connection, store_id: int) -> StoreConnection:
        """One store; `NotFound` when there is none."""
        row = await connection.fetchrow(
            f"SELECT {_COLUMNS} FROM commerce.store_connections WHERE store_id = $1", store_id
        )
        if row is None:
            raise NotFound(f"no store has the id {store_id}", reason="STORE_NOT_FOUND")
        return read_store(row)

    async def list(self, connection: Connection, after_id: int = 0, limit: int = 100) -> Sequence[StoreConnection]:
        """Stores by id, a page at a time."""
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM commerce.store_connections WHERE store_id > $1 ORDER BY store_id LIMIT $2",
            after_id,
            limit,
        )
        return [read_store(row) for row in rows]

    async def rotate_secret(self, connection: Connection, store_id: int, new_secret: str) -> None:
        """Sign with a new secret from now on; the one before stays valid until the next rotation."""
        changed = await connection.fetchval(
            """UPDATE commerce.store_connections SET previous_secret_sealed = secret_sealed, secret_sealed = $2
            WHERE store_id = $1 RETURNING store_id""",
            store_id,
            self._seal(new_secret, store_id),
        )
        if changed is None:
            raise NotFound(f"no store has the id {store_id}", reason="STORE_NOT_FOUND")

    async def rotate_token(self, connection: Connection, store_id: int) -> str:
        """A new token for the delivery URL; the old one is dead at once."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        changed = await connection.fetchval(
            "UPDATE commerce.store_connections SET token_hash = $2 WHERE store_id = $1 RETURNING store_id",
            store_id,
            token_hash(token),
        )
        if changed is None:
            raise NotFound(f"no store has the id {store_id}", reason="STORE_NOT_FOUND")
        return token

    async def change_settings(self, connection: Connection, store_id: int, settings: StoreSettings) -> StoreConnection:
        """Other rules from now on."""
        row = await connection.fetchrow(
            f"UPDATE commerce.store_connections SET settings = $2 WHERE store_id = $1 RETURNING {_COLUMNS}",
            store_id,
            msgspec.to_builtins(settings),
        )
        if row is None:
            raise NotFound(f"no store has the id {store_id}", reason="STORE_NOT_FOUND")
        return read_store(row)

    async def find_for_intake(
        self, connection: Connection, *, platform: str, token: str | None, store_key: str | None
    ) -> IntakeStore | None:
        """The store that a delivery names, by its URL's token if it has one, otherwise by the platform's own name."""
        query = (
            "SELECT store_id, platform, secret_sealed, previous_secret_sealed, status, currency, timezone"
            " FROM commerce.store_connections WHERE platform = $1 AND "
        )
        if token is not None:
            row = await connection.fetchrow(query + "token_hash = $2", platform, token_hash(token))
        elif store_key is not None:
            row = await connection.fetchrow(query + "store_key = $2", platform, store_key)
        else:
            row = None
        return None if row is None else self._intake_store(row)

    def _intake_store(self, row: Record) -> IntakeStore:
        sealed = (row["secret_sealed"], row["previous_secret_sealed"])
        opened = (self._sealer.open_text(value, store_id=row["store_id"], purpose=_PURPOSE) for value in sealed)
        return IntakeStore(
            store_id=row["store_id"],
            platform=row["platform"],
            secrets=tuple(secret for secret in opened if secret),
            status=row["status"],
            currency=row["currency"],
            timezone=row["timezone"],
        )

    def _seal(self, secret: str | None, store_id: int) -> bytes | None:
        return self._sealer.seal_text(secret or None, store_id=store_id, purpose=_PURPOSE)


def token_hash(token: str) -> bytes:
    """What is kept of a delivery URL's token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def read_store(row: Record) -> StoreConnection:
    """A store from its row."""
    return StoreConnection(
        store_id=row["store_id"],
        platform=row["platform"],
        store_key=row["store_key"],
        display_name=row["display_name"],
        currency=row["currency"],
        timezone=row["timezone"],
        status=row["status"],
        connected_at=row["connected_at"],
        settings=msgspec.convert(row["settings"], StoreSettings, strict=False),
        uninstalled_at=row["uninstalled_at"],
    )


@lru_cache(maxsize=1024)
def _settings_of(text: str) -> StoreSettings:
    return msgspec.json.decode(text, type=StoreSettings, strict=False)


def stores_of(store_ids: Sequence[int]) -> Read[dict[int, tuple[StoreConnection, int]]]:
    """Stores with the revision of their campaigns; unknown ones are absent."""

    def make(rows: Sequence[Sequence[Any]]) -> dict[int, tuple[StoreConnection, int]]:
        found = {}
        for store_id, platform, key, name, currency, zone, status, connected_at, settings, revision, gone_at in rows:
            rules = _settings_of(settings)
            found[store_id] = (
                StoreConnection(store_id, platform, key, name, currency, zone, status, connected_at, rules, gone_at),
                revision,
            )
        return found

    return Read(_STORES_OF, [store_ids], make)


def _check(new: NewStore) -> None:
    try:
        ZoneInfo(new.timezone)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(
            f"a time zone is an IANA name such as Europe/Berlin, got {new.timezone[:64]!r}", reason="BAD_TIMEZONE"
        ) from None
    if not new.store_key or not new.platform:
        raise InvalidInput("a store has a platform and a key", reason="MISSING_FIELD")
    if new.settings.basis not in ("net_sales", "total"):
        raise InvalidInput(f"a fee's basis is net_sales or total, got {new.settings.basis!r}", reason="BAD_BASIS")
    if new.settings.rule not in ("attributed", "uplift", "lesser_of"):
        raise InvalidInput(
            f"a contract's rule is attributed, uplift or lesser_of, got {new.settings.rule!r}", reason="BAD_RULE"
        )


def _check_return(new: NewStore, former: StoreConnection) -> None:
    """The books of a shop that comes back go on: their months and their currency are frozen."""
    if new.timezone != former.timezone:
        raise InvalidInput(
            f"the books of this shop are kept in the time zone {former.timezone}, got {new.timezone}",
            reason="TIME_ZONE_FROZEN",
        )
    currency = new.settings.settlement_currency or new.currency
    if currency != former.settled_in:
        raise InvalidInput(
            f"the books of this shop settle in {former.settled_in}, got {currency}: set settlement_currency",
            reason="CURRENCY_FROZEN",
        )
    if former.uninstalled_at is not None and new.connected_at is not None and new.connected_at < former.uninstalled_at:
        raise InvalidInput(
            f"the app was removed from this shop at {former.uninstalled_at.isoformat()}: it comes back after that",
            reason="CONNECTED_BEFORE_REMOVAL",
        )
