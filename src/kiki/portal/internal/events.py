"""The event log: reading it, and who is told about it."""

from __future__ import annotations

import dataclasses
from typing import Annotated, cast

from fastapi import Path, Query
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from kiki.kit.database import Connection
from kiki.orchestrator.events.convert import event_types
from kiki.orchestrator.events.queries import list_after
from kiki.orchestrator.events.subscriptions import Subscribed, SubscriptionRepository
from kiki.orchestrator.events.subscriptions import Subscription as SubscriptionRow
from kiki.portal.access import documented_key
from kiki.portal.audit import note
from kiki.portal.internal.answers.deliveries import (
    EventLog,
    LoggedEvent,
    NewSubscription,
    Subscription,
    SubscriptionList,
)
from kiki.portal.internal.pages import Limit, StoreId
from kiki.portal.internal.schemas import PlaceBody, SubscriptionBody
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected

router = AnswerRouter(prefix="/internal", tags=["events"], dependencies=[documented_key])

_SubscriptionId = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("/events/{store_id}", operation_id="list_events", summary="What happened in a store, in order")
async def list_events(
    services: Injected,
    store_id: StoreId,
    after: Annotated[int, Query(ge=0, lt=2**63, description="The last number that is known.")] = 0,
    types: Annotated[list[str] | None, Query(alias="type", max_length=50, description="Only these types.")] = None,
    limit: Limit = 100,
) -> EventLog:
    """Gapless per store: go on with `last_seq`."""
    wanted = event_types(types or ())
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
        found = await list_after(connection, store_id, after, types=wanted, limit=limit)
    events = [cast("LoggedEvent", dataclasses.asdict(event)) for event in found]
    return {"events": events, "last_seq": found[-1].seq if found else after}


@router.post(
    "/subscriptions/{store_id}",
    operation_id="add_subscription",
    status_code=HTTP_201_CREATED,
    summary="Subscribe to a store's events",
)
async def subscribe(services: Injected, actor: Actor, store_id: StoreId, body: SubscriptionBody) -> NewSubscription:
    """From the next event on. Deliveries are signed (Standard Webhooks); the secret is shown once, here."""
    types = event_types(body.types)
    async with services.database.transaction() as connection:
        await services.stores.get(connection, store_id)
        added = await _repository(services).add(connection, store_id=store_id, url=str(body.url), types=types)
        await _note(services, connection, actor, store_id, "add", added.subscription.subscription_id)
    return _with_secret(added)


@router.get("/subscriptions/{store_id}", operation_id="list_subscriptions", summary="List a store's subscriptions")
async def list_subscriptions(services: Injected, store_id: StoreId) -> SubscriptionList:
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
        found = await _repository(services).list(connection, store_id)
    return {"subscriptions": [_subscription(subscription) for subscription in found]}


@router.get(
    "/subscriptions/{store_id}/{subscription_id}", operation_id="get_subscription", summary="Show a subscription"
)
async def show(services: Injected, store_id: StoreId, subscription_id: _SubscriptionId) -> Subscription:
    async with services.database.connection() as connection:
        return _subscription(await _repository(services).get(connection, store_id, subscription_id))


@router.post(
    "/subscriptions/{store_id}/{subscription_id}/enable",
    operation_id="enable_subscription",
    summary="Go on from where it stood",
)
async def enable(services: Injected, actor: Actor, store_id: StoreId, subscription_id: _SubscriptionId) -> Subscription:
    async with services.database.transaction() as connection:
        await _note(services, connection, actor, store_id, "enable", subscription_id)
        return _subscription(await _repository(services).enable(connection, store_id, subscription_id))


@router.post(
    "/subscriptions/{store_id}/{subscription_id}/move",
    operation_id="move_subscription",
    summary="Go on from another place",
)
async def move(
    services: Injected, actor: Actor, store_id: StoreId, subscription_id: _SubscriptionId, body: PlaceBody
) -> Subscription:
    """Back: what follows is told again, under the ids that it had. Forward: what lies between is left out."""
    async with services.database.transaction() as connection:
        moved = await _repository(services).move(
            connection, store_id, subscription_id, after=body.after, since=body.since
        )
        await _note(services, connection, actor, store_id, "move", subscription_id)
    return _subscription(moved)


@router.post(
    "/subscriptions/{store_id}/{subscription_id}/rotate-secret",
    operation_id="rotate_subscription_secret",
    summary="Make a new signing secret",
)
async def rotate(
    services: Injected, actor: Actor, store_id: StoreId, subscription_id: _SubscriptionId
) -> NewSubscription:
    """Shown once, here. For a day deliveries carry a signature under the former secret as well."""
    async with services.database.transaction() as connection:
        await _note(services, connection, actor, store_id, "rotate_secret", subscription_id)
        rotated = await _repository(services).rotate(connection, store_id, subscription_id)
    return _with_secret(rotated)


@router.delete(
    "/subscriptions/{store_id}/{subscription_id}",
    operation_id="delete_subscription",
    status_code=HTTP_204_NO_CONTENT,
    summary="End a subscription",
)
async def unsubscribe(services: Injected, actor: Actor, store_id: StoreId, subscription_id: _SubscriptionId) -> None:
    async with services.database.transaction() as connection:
        await _repository(services).remove(connection, store_id, subscription_id)
        await _note(services, connection, actor, store_id, "remove", subscription_id)


async def _note(
    services: Injected, connection: Connection, actor: str, store_id: int, done: str, subscription_id: int
) -> None:
    """Who is told of a store's events is a matter for its audit log."""
    await note(
        services,
        connection,
        store_id=store_id,
        actor=actor,
        action=f"subscription.{done}",
        resource=("subscription", subscription_id),
    )


def _repository(services: Injected) -> SubscriptionRepository:
    return SubscriptionRepository(services.sealer)


def _subscription(subscription: SubscriptionRow) -> Subscription:
    fields = dataclasses.asdict(subscription)
    del fields["sealed"], fields["previous_sealed"]
    return cast("Subscription", fields)


def _with_secret(made: Subscribed) -> NewSubscription:
    return {**_subscription(made.subscription), "secret": made.secret}
