"""What SyncCreate does when it is called: write copy, remember what is to be drawn. One batch is one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kiki.council.synccreate.domain import Brief, Copy, Creative, Product, Refresh, Writer, creative_id
from kiki.council.synccreate.errors import AssetNotFound, CreativeNotFound
from kiki.council.synccreate.limits import formats
from kiki.council.synccreate.repository import CreativeRepository, Head, NewVersion
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.receipts import Once, OnceItem, Outcome
from kiki.kit.sealing import Sealer

GENERATED = "generated"


@dataclass(frozen=True, slots=True)
class Made:
    """A new version with where its pictures will be."""

    version: NewVersion
    urls: tuple[str, ...]
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did."""

    made: tuple[Made, ...]
    unchanged: int


class CreativeService:
    """Use cases about creatives."""

    def __init__(
        self,
        *,
        database: Database,
        once: Once,
        sealer: Sealer,
        repository: CreativeRepository,
        writer: Writer,
        asset_path: str,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._once = once
        self._sealer = sealer
        self._repository = repository
        self._writer = writer
        self._asset_path = asset_path
        self._clock = clock
        self._wake = wake

    async def generate(self, items: Sequence[OnceItem[Brief]], encode: Callable[[Made], bytes]) -> list[Outcome]:
        """A new version of each creative, made when it does not exist yet."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[Brief]]) -> Sequence[Outcome]:
            keys = [_key(item.store_id, item.command) for item in fresh]
            heads = await self._repository.lock(connection, keys)
            made: list[Made] = []
            for item, key in zip(fresh, keys, strict=True):
                brief = item.command
                head = heads.setdefault(key, _head(item.store_id, key[1], brief))
                head.locale = brief.locale or head.locale
                made.append(self._next(head, brief.product, self._writer.write(brief), GENERATED))
            await self._repository.insert(connection, [item.version for item in made], self._clock.now())
            return [encode(item) for item in made]

        outcomes = await self._once.run("GenerateProductCreative", items, work)
        self._wake()
        return outcomes

    async def refresh(self, items: Sequence[OnceItem[Refresh]], encode: Callable[[Refreshed], bytes]) -> list[Outcome]:
        """A new version of each creative of a product on which something visible changed."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[Refresh]]) -> Sequence[Outcome]:
            keys = [(item.store_id, item.command.product.product_id) for item in fresh]
            heads = await self._repository.lock_by_product(connection, keys)
            done = [self._refreshed(item.command, heads[key]) for item, key in zip(fresh, keys, strict=True)]
            versions = [made.version for refreshed in done for made in refreshed.made]
            if versions:
                await self._repository.insert(connection, versions, self._clock.now())
            return [encode(refreshed) for refreshed in done]

        outcomes = await self._once.run("RefreshProductCreative", items, work)
        self._wake()
        return outcomes

    async def get(self, store_id: int, key: str, version: int) -> Creative:
        """One creative; 0 for its newest version."""
        async with self._database.connection() as connection:
            creative = await self._repository.find(connection, store_id, key, version)
        if creative is None:
            raise CreativeNotFound("no creative of this store has this id and version")
        return creative

    async def list_page(
        self,
        store_id: int,
        *,
        product_id: str,
        network: int,
        status: int,
        before: tuple[dt.datetime, str] | None,
        limit: int,
    ) -> tuple[list[Creative], tuple[dt.datetime, str] | None]:
        """A page, newest change first, and where the next one starts."""
        async with self._database.connection() as connection:
            rows = await self._repository.list_page(
                connection,
                store_id,
                product_id=product_id,
                network=network,
                status=status,
                before=before,
                limit=limit + 1,
            )
        page = rows[:limit]
        following = (page[-1][1], page[-1][0].creative_id) if len(rows) > limit else None
        return [creative for creative, _ in page], following

    async def asset(self, asset_id: str) -> tuple[bytes, str, bytes, dt.datetime]:
        """Content, media type, hash and time of a picture."""
        store, _, key = asset_id.partition("-")
        found = None
        if store.isascii() and store.isdecimal() and len(store) < 19 and key.isalnum():
            async with self._database.connection() as connection:
                found = await self._repository.find_asset(connection, int(store), key)
        if found is None:
            raise AssetNotFound("no such picture, or it is not rendered yet")
        return found

    def url(self, asset_id: str) -> str:
        """Where the portal serves a picture."""
        return self._asset_path.replace("{asset_id}", asset_id)

    def _refreshed(self, command: Refresh, heads: Sequence[Head]) -> Refreshed:
        made: list[Made] = []
        unchanged = 0
        for head in heads:
            locale = command.locale or head.locale
            copy = self._writer.write(Brief(command.product, head.creative_type, head.network, locale))
            changed = _changed(head, command.product, copy)
            if changed:
                head.locale = locale
                made.append(self._next(head, command.product, copy, command.reason, changed))
            else:
                unchanged += 1
        return Refreshed(tuple(made), unchanged)

    def _next(self, head: Head, product: Product, copy: Copy, cause: str, changed: tuple[str, ...] = ()) -> Made:
        head.version += 1
        head.copy, head.product = copy, product
        assets = tuple((self._asset_key(head, form.slot), form) for form in formats(head.creative_type, head.network))
        version = NewVersion(head, head.version, copy, product, cause, self._writer.name, assets)
        return Made(version, tuple(self.url(f"{head.store_id}-{key}") for key, _ in assets), changed)

    def _asset_key(self, head: Head, slot: str) -> str:
        """Unguessable and known before the picture is drawn."""
        name = f"{head.creative_id}/{head.version}/{slot}"
        return self._sealer.blind_index(name, store_id=head.store_id, purpose="assets.key").hex()


def _key(store_id: int, brief: Brief) -> tuple[int, str]:
    return store_id, creative_id(store_id, brief.product.product_id, brief.creative_type, brief.network)


def _head(store_id: int, key: str, brief: Brief) -> Head:
    product_id = brief.product.product_id
    return Head(store_id, key, product_id, brief.creative_type, brief.network, brief.locale, 0)


def _changed(head: Head, product: Product, copy: Copy) -> tuple[str, ...]:
    """What a viewer would see differently."""
    before, words = head.product, head.copy
    if before is None or words is None:
        return ("headline", "description", "price", "picture")
    prices = [
        (one.price_minor, one.compare_at_minor if one.is_reduced else None, one.currency) for one in (before, product)
    ]
    titles = (before.title, before.vendor) != (product.title, product.vendor)
    checks = (
        ("headline", words.headline != copy.headline or titles),
        ("description", words.description != copy.description or words.action != copy.action),
        ("price", prices[0] != prices[1]),
        ("picture", before.image_url != product.image_url),
    )
    return tuple(name for name, differs in checks if differs)
