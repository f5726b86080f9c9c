"""Stores: connect, show, change, rotate what they sign with."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Literal, cast

import msgspec
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from kiki.commerce.attribution_models import find_fitted
from kiki.commerce.stores import NewStore, StoreConnection, StoreSettings
from kiki.kit.database import Connection
from kiki.kit.errors import InvalidInput
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.orchestrator.closing.endings import ending_facts, list_outside
from kiki.orchestrator.experiments.service import BY_EXPERIMENT, check_basis_free, check_billable
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows.stores import first_month_after
from kiki.platforms.protocol import Platform, StoreApi, StoreCredentials
from kiki.portal.access import documented_key
from kiki.portal.facts import add_fact
from kiki.portal.internal.answers.stores import (
    ConnectedStore,
    History,
    RotatedSecret,
    RotatedToken,
    Store,
    StoreDetails,
    StorePage,
)
from kiki.portal.internal.attribution import check_models
from kiki.portal.internal.pages import Cursor, Limit, StoreId, decode_cursor, encode_cursor
from kiki.portal.internal.schemas import CredentialsBody, NewSecretBody, NewStoreBody, StoreRules
from kiki.portal.jobs.repository import delete_credentials, find_history, known_history, put_credentials
from kiki.portal.queries.shop import list_product_ids
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected, Services

router = AnswerRouter(prefix="/internal/stores", tags=["stores"], dependencies=[documented_key])

_CONTRACT_FIELDS = {"fee_rate", "basis", "rule", "experiment_id"}
_ADDRESSES = {"shopify": "example.myshopify.com"}
"""Where a shop's key is no address of its own choosing."""
_COMPARING_RULES = {"uplift", "lesser_of"}
_PRODUCTS_PER_FACT = 200


class BaselineMissing(InvalidInput):
    """The rule compares with a baseline that is not there, or not of twelve months."""

    reason = "BASELINE_INCOMPLETE"


@router.post("", operation_id="connect_store", status_code=HTTP_201_CREATED, summary="Connect a store")
async def add(services: Injected, actor: Actor, body: NewStoreBody) -> ConnectedStore:
    """Answers the delivery URL with its token, and the secret where we made it: both are shown once, here."""
    platform = _platform(services, body.platform)
    if body.settings.rule in _COMPARING_RULES:
        raise BaselineMissing(
            f"the rule {body.settings.rule} needs a baseline: connect the store and sync its orders first"
        )
    given = body.webhook_secret.get_secret_value() if body.webhook_secret else ""
    secret = given or secrets.token_urlsafe(32)
    settings = msgspec.convert(body.settings.changes(), StoreSettings)
    check_models(settings, known=())
    new = NewStore(
        platform=platform.name,
        store_key=_store_key(platform, body.store_key),
        display_name=body.display_name or body.store_key,
        currency=body.currency,
        timezone=body.timezone,
        webhook_secret=secret,
        settings=settings,
        connected_at=body.connected_at,
    )
    async with services.database.transaction() as connection:
        former = await services.stores.find_removed(connection, new.platform, new.store_key)
        if former is not None:
            await _end_for_good(services, connection, former)
        store, token = await services.stores.add(connection, new)
        await _audit(services, connection, store.store_id, actor, "store.connect")
        await _tell_terms(services, connection, store_id=store.store_id, former=former)
    services.store_cache.forget()
    base = services.settings.public_url.rstrip("/")
    return {
        **store_json(store),
        "delivery_token": token,
        "delivery_url": f"{base}/webhooks/{store.platform}/s/{token}/{{topic}}",
        "delivery_urls": {
            topic: f"{base}/webhooks/{store.platform}/s/{token}/{topic}" for topic in sorted(platform.topics)
        },
        "webhook_secret": None if given else secret,
    }


@router.get("", operation_id="list_stores", summary="List stores")
async def list_stores(services: Injected, limit: Limit = 100, cursor: Cursor = "") -> StorePage:
    after = decode_cursor(cursor, (int,))
    async with services.database.connection() as connection:
        found = await services.stores.list(connection, after[0] if after else 0, limit)
    last = encode_cursor(found[-1].store_id) if len(found) == limit else ""
    return {"stores": [store_json(store) for store in found], "next_cursor": last}


@router.get("/{store_id}", operation_id="get_store", summary="Show a store")
async def show(services: Injected, store_id: StoreId) -> StoreDetails:
    """With what the last sync of its orders came to: how far the history reaches, and the baseline."""
    async with services.database.connection() as connection:
        store = await services.stores.get(connection, store_id)
        history = cast("History | None", await find_history(connection, store_id))
        return {**store_json(store), "history": history}


@router.patch("/{store_id}/settings", operation_id="change_store_settings", summary="Change a store's rules")
async def change_settings(services: Injected, actor: Actor, store_id: StoreId, body: StoreRules) -> Store:
    """What is left out keeps its value. A changed fee, basis or rule becomes a new version of the contract; by another
    margin floor or low-stock threshold, products are judged anew in the background."""
    changes = body.changes()
    async with services.database.transaction() as connection:
        before = await services.stores.get(connection, store_id)
        merged = msgspec.convert({**msgspec.to_builtins(before.settings), **changes}, StoreSettings)
        if (merged.settlement_currency or before.currency) != before.settled_in:
            raise InvalidInput(
                f"the contract settles in {before.settled_in}, got {merged.settlement_currency}: rates to another "
                "currency would book wrong amounts",
                reason="CURRENCY_FROZEN",
            )
        await _check_rule(connection, store_id, before.settings, merged)
        check_models(merged, known=(await find_fitted(connection, [store_id]))[store_id])
        store = await services.stores.change_settings(connection, store_id, merged)
        await _audit(services, connection, store_id, actor, "store.change_settings")
        if any(getattr(before.settings, name) != getattr(merged, name) for name in _CONTRACT_FIELDS):
            await _tell_terms(services, connection, store_id=store_id)
        if before.settings.basis != merged.basis:
            await _ask_baseline(services, connection, store)
        await _judge_anew(services, connection, before, merged)
    services.store_cache.forget()
    services.collector.stores.forget()
    return store_json(store)


@router.post(
    "/{store_id}/rotate-secret", operation_id="rotate_store_secret", summary="Sign with a new secret from now on"
)
async def rotate_secret(services: Injected, actor: Actor, store_id: StoreId, body: NewSecretBody) -> RotatedSecret:
    """The secret before stays valid until the next rotation, so that senders can be changed one after another."""
    given = body.webhook_secret.get_secret_value() if body.webhook_secret else ""
    secret = given or secrets.token_urlsafe(32)
    async with services.database.transaction() as connection:
        await services.stores.rotate_secret(connection, store_id, secret)
        await _audit(services, connection, store_id, actor, "store.rotate_secret")
    services.store_cache.forget()
    return {"store_id": store_id, "webhook_secret": None if given else secret}


@router.post(
    "/{store_id}/rotate-token",
    operation_id="rotate_store_token",
    summary="Make a new delivery URL; the old one is dead at once",
)
async def rotate_token(services: Injected, actor: Actor, store_id: StoreId) -> RotatedToken:
    async with services.database.transaction() as connection:
        store = await services.stores.get(connection, store_id)
        token = await services.stores.rotate_token(connection, store_id)
        await _audit(services, connection, store_id, actor, "store.rotate_token")
    services.store_cache.forget()
    base = services.settings.public_url.rstrip("/")
    url = f"{base}/webhooks/{store.platform}/s/{token}/{{topic}}"
    return {"store_id": store_id, "delivery_token": token, "delivery_url": url}


@router.put(
    "/{store_id}/credentials",
    operation_id="put_store_credentials",
    status_code=HTTP_204_NO_CONTENT,
    summary="Keep how the shop's API is reached",
)
async def keep_credentials(services: Injected, actor: Actor, store_id: StoreId, body: CredentialsBody) -> None:
    """Sealed; never shown again. Needed for the sync of products and orders."""
    credentials = StoreCredentials(
        access_token=body.access_token.get_secret_value(),
        consumer_key=body.consumer_key.get_secret_value(),
        consumer_secret=body.consumer_secret.get_secret_value(),
    )
    async with services.database.transaction() as connection:
        await services.stores.get(connection, store_id)
        await put_credentials(connection, services.sealer, store_id, StoreApi(str(body.base_url), credentials))
        await _audit(services, connection, store_id, actor, "store.put_credentials")


@router.delete(
    "/{store_id}/credentials",
    operation_id="delete_store_credentials",
    status_code=HTTP_204_NO_CONTENT,
    summary="Forget how the shop's API is reached",
)
async def forget_credentials(services: Injected, actor: Actor, store_id: StoreId) -> None:
    async with services.database.transaction() as connection:
        await services.stores.get(connection, store_id)
        await delete_credentials(connection, store_id)
        await _audit(services, connection, store_id, actor, "store.delete_credentials")


def store_json(store: StoreConnection) -> Store:
    """A store without anything secret."""
    return {
        "store_id": store.store_id,
        "platform": store.platform,
        "store_key": store.store_key,
        "display_name": store.display_name,
        "currency": store.currency,
        "timezone": store.timezone,
        "status": cast("Literal['active', 'uninstalled']", store.status),
        "connected_at": store.connected_at.isoformat().replace("+00:00", "Z"),
        "settings": msgspec.to_builtins(store.settings),
    }


def _platform(services: Services, name: str) -> Platform:
    platform = services.platforms.get(name)
    if platform is None:
        known = ", ".join(sorted(services.platforms))
        raise InvalidInput(f"a platform is one of {known}, got {name[:40]!r}", reason="UNKNOWN_PLATFORM")
    return platform


def _store_key(platform: Platform, text: str) -> str:
    key = platform.normalise_store_key(text)
    if key is None:
        wanted = _ADDRESSES.get(platform.name, "https://shop.example")
        # An address with a user may hold a password.
        got = "one with a user" if "@" in text else repr(text[:100])
        raise InvalidInput(
            f"the address of a {platform.name} shop is such as {wanted}, got {got}", reason="BAD_STORE_KEY"
        )
    return key


async def _tell_terms(
    services: Services, connection: Connection, *, store_id: int, former: StoreConnection | None = None
) -> None:
    """Have the worker tell SyncLedger the contract by the store's settings; SyncLedger may be away.

    Where the shop comes back (`former`), the new contract follows on the one that ended.
    """
    now = services.clock.now()
    body = {"revision": now.isoformat()}
    if former is not None and former.uninstalled_at is not None:
        body["effective_from"] = first_month_after(former.uninstalled_at, now, former.timezone).text
    await add_fact(
        connection,
        services.sealer,
        store_id=store_id,
        kind="store_connected",
        body=body,
        now=now,
    )


async def _end_for_good(services: Services, connection: Connection, former: StoreConnection) -> None:
    """Orders between the removal and the return bill nothing; those that were decided before we knew are told apart."""
    for fact in ending_facts(await list_outside(connection, store_id=former.store_id)):
        await add_fact(
            connection,
            services.sealer,
            store_id=former.store_id,
            kind=fact.kind,
            body=fact.body,
            now=services.clock.now(),
        )


async def _check_rule(connection: Connection, store_id: int, before: StoreSettings, wanted: StoreSettings) -> None:
    """Refuse at once what SyncLedger would refuse later, where nobody sees it."""
    if _by_experiment(wanted):
        await check_billable(connection, store_id, wanted.experiment_id)
    if wanted.basis != before.basis:
        await check_basis_free(connection, store_id, wanted.experiment_id if _by_experiment(wanted) else "")
    if wanted.rule not in _COMPARING_RULES or (wanted.rule, wanted.basis) == (before.rule, before.basis):
        return
    if wanted.basis != before.basis:
        raise BaselineMissing(
            f"the baseline is on {before.basis}: change the basis under the rule attributed, then the rule"
        )
    history = await find_history(connection, store_id)
    if history is None or not history["baseline"]["complete"]:
        raise BaselineMissing(
            f"the rule {wanted.rule} needs twelve months of baseline: POST /internal/sync/orders/{store_id} computes it"
        )


def _by_experiment(settings: StoreSettings) -> bool:
    return settings.rule.startswith(BY_EXPERIMENT)


async def _ask_baseline(services: Services, connection: Connection, store: StoreConnection) -> None:
    """Have the baseline computed anew, on another basis, where the history is known."""
    history_from = await known_history(connection, store)
    if history_from is None:
        return
    now = services.clock.now()
    await add_fact(
        connection,
        services.sealer,
        store_id=store.store_id,
        kind="history_synced",
        body={"revision": now.isoformat(), "history_from": history_from},
        now=now,
    )


async def _judge_anew(
    services: Services, connection: Connection, before: StoreConnection, wanted: StoreSettings
) -> None:
    """Have products judged by another floor or threshold, in the background; without it, each at its next change."""
    margins = Decimal(before.settings.margin_floor) != Decimal(wanted.margin_floor)
    if not margins and before.settings.low_stock_threshold == wanted.low_stock_threshold:
        return
    found = await list_product_ids(connection, before.store_id)
    for start in range(0, len(found), _PRODUCTS_PER_FACT):
        await add_fact(
            connection,
            services.sealer,
            store_id=before.store_id,
            kind="rules_changed",
            body={"product_ids": found[start : start + _PRODUCTS_PER_FACT], "margins": margins},
            now=services.clock.now(),
            lane=Lane.BULK,
        )


async def _audit(services: Services, connection: Connection, store_id: int, actor: str, action: str) -> None:
    intent = access_intent(
        store_id=store_id,
        actor=actor,
        action=action,
        resource_type="store",
        resource_id=str(store_id),
        occurred_at=services.clock.now(),
    )
    await enqueue(connection, services.sealer, [intent])
