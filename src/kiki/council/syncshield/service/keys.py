"""Life and use of the data keys. Every change of a key and every decryption stands in the audit log."""

from __future__ import annotations

import secrets

import msgspec

from kiki.council.syncshield import cipher
from kiki.council.syncshield.domain import AuditEntry, AuditKind, DataKey, Decryption, Encrypted
from kiki.council.syncshield.errors import DoesNotDecrypt, KeyNotFound, KeyShredded
from kiki.council.syncshield.repository import audit as audit_rows
from kiki.council.syncshield.repository import keys as rows
from kiki.council.syncshield.service.audit import append_one
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.errors import KikiError
from kiki.kit.sealing import Keyring, Sealer

_PURPOSE = "data_keys.wrapped"


class KeyService:
    """Data keys of stores, wrapped by the installation's master key."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._sealer = Sealer(keyring)
        self._clock = clock

    async def encrypt(self, store_id: int, text: str, *, key_id: str, purpose: str) -> Encrypted:
        """Encrypt under the named key, or the store's newest; a store without a living key gets one."""
        version = _version(store_id, key_id) if key_id else None
        async with self._database.connection() as connection:
            key = await rows.find_key(connection, store_id, version)
        if key is None or key.wrapped is None:
            if version is not None:
                raise _absent(key)
            key = await self._first_key(store_id)
        nonce = secrets.token_bytes(cipher.NONCE_BYTES)
        bound = cipher.binding(store_id=store_id, version=key.version, purpose=purpose)
        return Encrypted(key.key_id, nonce, cipher.encrypt(self._unwrap(key), nonce, text, binding=bound))

    async def decrypt(self, wish: Decryption) -> tuple[str, str]:
        """The text and the id of its audit event. A failed attempt is audited as well, then raised."""
        failure: KikiError | None = None
        text = ""
        async with self._database.transaction(durable=True) as connection:
            try:
                text = await self._decrypted(connection, wish)
            except (DoesNotDecrypt, KeyNotFound, KeyShredded) as error:
                failure = error
            entry = AuditEntry(
                store_id=wish.store_id,
                event_id=f"decryption-{secrets.token_hex(12)}",
                kind=AuditKind.DECRYPTION,
                actor=wish.actor,
                action="decrypt" if failure is None else "decrypt_refused",
                resource_type=wish.purpose,
                resource_id=wish.resource_id,
                purpose="" if failure is None else failure.reason.lower(),
            )
            logged = await append_one(connection, entry, self._clock.now())
        if failure is not None:
            raise failure
        return text, logged.audit_id

    async def rotate(self, connection: Connection, store_id: int, *, event_id: str, actor: str) -> tuple[DataKey, int]:
        """A new newest key; the living older ones are wrapped under the newest master key. How many that were."""
        await audit_rows.lock_heads(connection, [store_id])
        keys = await rows.list_keys(connection, store_id)
        new = await self._add(connection, store_id, keys)
        old = [self._rewrapped(key) for key in keys if key.wrapped and key.master_version != self._keyring.current]
        if old:
            await rows.rewrap(connection, old)
        await self._log(
            connection, store_id, event_id=event_id, actor=actor, action="key.rotate", resource_id=new.key_id
        )
        return new, len(old)

    async def shred(self, connection: Connection, store_id: int, *, event_id: str, actor: str, reason: str) -> int:
        """Destroy every key of a store; how many lived."""
        await audit_rows.lock_heads(connection, [store_id])
        count = await rows.shred(connection, store_id, self._clock.now())
        await self._log(
            connection, store_id, event_id=event_id, actor=actor, action="key.shred", resource_id="all", purpose=reason
        )
        return count

    async def list_keys(self, store_id: int) -> list[DataKey]:
        """A store's keys, newest first."""
        async with self._database.connection() as connection:
            return await rows.list_keys(connection, store_id)

    async def _first_key(self, store_id: int) -> DataKey:
        async with self._database.transaction(durable=True) as connection:
            await audit_rows.lock_heads(connection, [store_id])
            keys = await rows.list_keys(connection, store_id)
            if keys and keys[0].wrapped is not None:
                return keys[0]
            new = await self._add(connection, store_id, keys)
            await self._log(
                connection,
                store_id,
                event_id=f"key-{new.key_id}",
                actor="syncshield",
                action="key.create",
                resource_id=new.key_id,
            )
            return new

    async def _add(self, connection: Connection, store_id: int, keys: list[DataKey]) -> DataKey:
        version = keys[0].version + 1 if keys else 1
        wrapped = self._wrap(store_id, secrets.token_bytes(cipher.KEY_BYTES))
        new = DataKey(store_id, version, self._keyring.current, wrapped, self._clock.now(), None)
        await rows.add_key(connection, new)
        return new

    async def _decrypted(self, connection: Connection, wish: Decryption) -> str:
        version = _version(wish.store_id, wish.encrypted.key_id)
        key = await rows.find_key(connection, wish.store_id, version)
        if key is None or key.wrapped is None:
            raise _absent(key)
        bound = cipher.binding(store_id=wish.store_id, version=version, purpose=wish.purpose)
        return cipher.decrypt(self._unwrap(key), wish.encrypted.nonce, wish.encrypted.ciphertext, binding=bound)

    async def _log(
        self,
        connection: Connection,
        store_id: int,
        *,
        event_id: str,
        actor: str,
        action: str,
        resource_id: str,
        purpose: str = "",
    ) -> None:
        entry = AuditEntry(
            store_id=store_id,
            event_id=event_id,
            kind=AuditKind.KEY,
            actor=actor,
            action=action,
            resource_type="encryption_key",
            resource_id=resource_id,
            purpose=purpose,
        )
        await append_one(connection, entry, self._clock.now())

    def _rewrapped(self, key: DataKey) -> DataKey:
        wrapped = self._wrap(key.store_id, self._unwrap(key))
        return msgspec.structs.replace(key, master_version=self._keyring.current, wrapped=wrapped)

    def _wrap(self, store_id: int, key: bytes) -> bytes:
        return self._sealer.seal(key, store_id=store_id, purpose=_PURPOSE)

    def _unwrap(self, key: DataKey) -> bytes:
        return self._sealer.open(key.wrapped or b"", store_id=key.store_id, purpose=_PURPOSE)


def _version(store_id: int, key_id: str) -> int:
    owner, separator, version = key_id.partition("-")
    if not separator or not version.isdecimal() or len(version) > 9:
        raise DoesNotDecrypt("a key id is written as <store id>-<version>")
    if owner != str(store_id):
        raise DoesNotDecrypt("the key belongs to another store")
    return int(version)


def _absent(key: DataKey | None) -> KikiError:
    return KeyNotFound("the store has no such key") if key is None else KeyShredded("the key was destroyed")
