"""Contacts, consent and shops."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from kiki.council.syncengage.domain import Audience, Channel, Identity, Person, Shop
from kiki.kit.database import Connection
from kiki.kit.sealing import Sealer, email_key

Key = tuple[int, str]
_IDENTITY = "contacts.identity"
_EMAIL_INDEX = "contacts.email"
_PHONE_INDEX = "contacts.phone"
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Identity)


class Contact(msgspec.Struct, gc=False):
    """A row of `contacts`; the identity stays sealed until it is needed."""

    store_id: int
    customer_key: str
    customer_id: str
    sealed_identity: bytes | None
    email_index: bytes | None
    phone_index: bytes | None
    locale: str
    timezone: str
    email_consent: bool | None
    email_consent_at: dt.datetime | None
    email_consent_source: str
    sms_consent: bool | None
    sms_consent_at: dt.datetime | None
    sms_consent_source: str
    email_unsubscribed_at: dt.datetime | None
    sms_unsubscribed_at: dt.datetime | None
    observed_at: dt.datetime | None
    erased_at: dt.datetime | None

    def audience(self, shop_timezone: str) -> Audience:
        """What the rules need to know."""
        return Audience(
            self.email_index is not None,
            self.phone_index is not None,
            self.email_consent is True,
            self.sms_consent is True,
            self.email_unsubscribed_at is not None,
            self.sms_unsubscribed_at is not None,
            self.timezone or shop_timezone,
        )


class ConsentEntry(msgspec.Struct, frozen=True, gc=False):
    """A line of the consent log."""

    store_id: int
    customer_key: str
    channel: Channel
    granted: bool
    given_at: dt.datetime | None
    source: str


_NAMES = Contact.__struct_fields__
_TYPES = [
    "bigint",
    "text",
    "text",
    "bytea",
    "bytea",
    "bytea",
    "text",
    "text",
    "boolean",
    "timestamptz",
    "text",
    "boolean",
    "timestamptz",
    "text",
    "timestamptz",
    "timestamptz",
    "timestamptz",
    "timestamptz",
]
_COLUMNS = ", ".join(_NAMES)
_UNNEST = ", ".join(f"${index}::{kind}[]" for index, kind in enumerate(_TYPES, 1))
_FIND = (
    f"SELECT {', '.join('c.' + name for name in _NAMES)} FROM unnest($1::bigint[], $2::text[]) AS k(s, e)"
    " JOIN syncengage.contacts c ON c.store_id = k.s AND c.customer_key = k.e"
)
_STUB = ("store_id", "customer_key", "customer_id", "sealed_identity", "email_index", "phone_index", "locale")
_INSERT = (
    f"INSERT INTO syncengage.contacts ({', '.join(_STUB)}, timezone, email_consent, email_consent_source, sms_consent,"
    " sms_consent_source) SELECT s, k, i, d, e, p, l, '', ec, CASE WHEN ec THEN 'checkout' ELSE '' END,"
    " sc, CASE WHEN sc THEN 'checkout' ELSE '' END FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[],"
    " $5::bytea[], $6::bytea[], $7::text[], $8::boolean[], $9::boolean[]) AS u(s, k, i, d, e, p, l, ec, sc)"
    " ON CONFLICT (store_id, customer_key) DO NOTHING"
)
_UPSERT = (
    f"INSERT INTO syncengage.contacts ({_COLUMNS}) SELECT * FROM unnest({_UNNEST})"
    " ON CONFLICT (store_id, customer_key) DO UPDATE SET updated_at = now(), "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES[2:])
)


class ContactRepository:
    """Reads and writes contacts, set-based."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._shops: dict[int, Shop] = {}

    async def find_many(self, connection: Connection, keys: Sequence[Key], *, lock: bool = False) -> dict[Key, Contact]:
        """The contacts that exist, by key; locked in key order when they are about to be changed."""
        ordered = sorted(set(keys))
        query = f"{_FIND} ORDER BY c.store_id, c.customer_key FOR UPDATE OF c" if lock else _FIND
        rows = await connection.fetch(query, [key[0] for key in ordered], [key[1] for key in ordered])
        return {(row[0], row[1]): Contact(*row) for row in rows}

    async def find_by_email(self, connection: Connection, store_id: int, email: str) -> Contact | None:
        """The newest contact with an e-mail address."""
        index = self._sealer.blind_index(email_key(email), store_id=store_id, purpose=_EMAIL_INDEX)
        row = await connection.fetchrow(
            f"SELECT {_COLUMNS} FROM syncengage.contacts WHERE store_id = $1 AND email_index = $2"
            " ORDER BY updated_at DESC LIMIT 1",
            store_id,
            index,
        )
        return Contact(*row) if row else None

    async def insert_absent(self, connection: Connection, contacts: Sequence[Contact]) -> None:
        """Insert stubs; one that came in meanwhile wins."""
        await _write(connection, _INSERT, (*_STUB, "email_consent", "sms_consent"), contacts)

    async def replace(self, connection: Connection, contacts: Sequence[Contact]) -> None:
        """Write whole rows, whose state before was locked."""
        await _write(connection, _UPSERT, _NAMES, contacts)

    async def erase_after(
        self, connection: Connection, store_id: int, key: str, now: dt.datetime
    ) -> tuple[int, str | None]:
        """Erase up to two thousand contacts of a store after a key: how many, and the last key, None at the end."""
        rows = await connection.fetch(
            "UPDATE syncengage.contacts c SET sealed_identity = NULL, email_index = NULL, phone_index = NULL,"
            " customer_id = '', locale = '', timezone = '', email_consent = NULL, email_consent_at = NULL,"
            " email_consent_source = '', sms_consent = NULL, sms_consent_at = NULL, sms_consent_source = '',"
            " erased_at = $3, updated_at = now() FROM (SELECT customer_key FROM syncengage.contacts"
            "  WHERE store_id = $1 AND customer_key > $2 AND erased_at IS NULL"
            "  ORDER BY customer_key LIMIT 2000 FOR UPDATE) AS k"
            " WHERE c.store_id = $1 AND c.customer_key = k.customer_key RETURNING c.customer_key",
            store_id,
            key,
            now,
        )
        return len(rows), max([row[0] for row in rows], default=None)

    async def log_consent(self, connection: Connection, entries: Sequence[ConsentEntry], ids: Sequence[int]) -> None:
        """Append to the consent log."""
        await connection.execute(
            "INSERT INTO syncengage.consent_log (store_id, entry_id, customer_key, channel, granted, given_at, source)"
            " SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::smallint[], $5::boolean[],"
            " $6::timestamptz[], $7::text[])",
            [entry.store_id for entry in entries],
            list(ids),
            [entry.customer_key for entry in entries],
            [int(entry.channel) for entry in entries],
            [entry.granted for entry in entries],
            [entry.given_at for entry in entries],
            [entry.source for entry in entries],
        )

    def stub(self, store_id: int, person: Person) -> Contact:
        """A contact as an order or a trigger tells it, with consent from the checkout."""
        contact = Contact(
            store_id, person.customer_key, person.customer_id, None, None, None, person.locale, "",
            True if person.accepts_email else None, None, "checkout" if person.accepts_email else "",
            True if person.accepts_sms else None, None, "checkout" if person.accepts_sms else "",
            None, None, None, None,
        )  # fmt: skip
        self.identify(contact, Identity(person.email, person.phone, person.first_name))
        return contact

    def identify(self, contact: Contact, identity: Identity) -> None:
        """Seal an identity into a contact and index it."""
        store_id = contact.store_id
        contact.sealed_identity = None
        if identity.email or identity.phone or identity.first_name:
            contact.sealed_identity = self._sealer.seal(
                _encoder.encode(identity), store_id=store_id, purpose=_IDENTITY, row=contact.customer_key
            )
        index = self._sealer.blind_index
        email, phone = email_key(identity.email), phone_key(identity.phone)
        contact.email_index = index(email, store_id=store_id, purpose=_EMAIL_INDEX) if email else None
        contact.phone_index = index(phone, store_id=store_id, purpose=_PHONE_INDEX) if phone else None

    def identity(self, contact: Contact) -> Identity:
        """The personal fields in clear."""
        if contact.sealed_identity is None:
            return Identity()
        return _decoder.decode(
            self._sealer.open(
                contact.sealed_identity, store_id=contact.store_id, purpose=_IDENTITY, row=contact.customer_key
            )
        )

    async def put_shops(self, connection: Connection, shops: Mapping[int, Shop]) -> None:
        """Write shops whose name, zone or URL this process has not written yet; outside a transaction."""
        changed = self.changed_shops(shops)
        if changed:
            await connection.execute(
                "INSERT INTO syncengage.shops AS s (store_id, name, timezone, url)"
                " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])"
                " ON CONFLICT (store_id) DO UPDATE SET name = excluded.name, timezone = excluded.timezone,"
                " url = excluded.url WHERE (s.name, s.timezone, s.url) IS DISTINCT FROM"
                " (excluded.name, excluded.timezone, excluded.url)",
                list(changed),
                [shop.name for shop in changed.values()],
                [shop.timezone for shop in changed.values()],
                [shop.url for shop in changed.values()],
            )
            self._shops.update(changed)

    def changed_shops(self, shops: Mapping[int, Shop]) -> dict[int, Shop]:
        """Those that `put_shops` would write, in order."""
        known = self._shops
        return {key: shop for key, shop in sorted(shops.items()) if shop.name and known.get(key) != shop}

    async def shops(self, connection: Connection, store_ids: Sequence[int]) -> dict[int, Shop]:
        """Shops by store."""
        rows = await connection.fetch(
            "SELECT store_id, name, timezone, url FROM syncengage.shops WHERE store_id = ANY($1)",
            sorted(set(store_ids)),
        )
        return {row[0]: Shop(row[1], row[2], row[3]) for row in rows}


async def _write(connection: Connection, statement: str, names: Sequence[str], contacts: Sequence[Contact]) -> None:
    if contacts:
        ordered = sorted(contacts, key=lambda contact: (contact.store_id, contact.customer_key))
        await connection.execute(statement, *([getattr(row, name) for row in ordered] for name in names))


def phone_key(phone: str) -> str:
    """A phone number as it is compared: its digits, without the sign of international form (`+` or `00`)."""
    return "".join(char for char in phone if char.isdecimal()).removeprefix("00")
