"""A store's pixel: what to paste, where it may run, and its key."""

from __future__ import annotations

from typing import Literal, cast

from kiki.commerce.collectors import CollectorStore, get_collector_store, rotate_collector_key
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.portal.access import documented_key
from kiki.portal.collector.proof import identify_secret
from kiki.portal.collector.script import collect_url, pixel_of
from kiki.portal.collector.snippet import customer_snippet, order_snippet, page_snippet
from kiki.portal.collector.stores import allowed_hosts
from kiki.portal.internal.answers.stores import Pixel
from kiki.portal.internal.pages import StoreId
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected, Services

router = AnswerRouter(prefix="/internal/stores", tags=["stores"], dependencies=[documented_key])


@router.get("/{store_id}/pixel", operation_id="get_pixel", summary="Show a store's pixel snippet")
async def show(services: Injected, store_id: StoreId) -> Pixel:
    """The customer snippet is code of the shop's server and holds its secret; the rest stands in the shop's pages."""
    async with services.database.connection() as connection:
        return _json(services, await get_collector_store(connection, store_id))


@router.post(
    "/{store_id}/rotate-collector-key",
    operation_id="rotate_collector_key",
    summary="Make a new collector key; the old one is dead at once",
)
async def rotate(services: Injected, actor: Actor, store_id: StoreId) -> Pixel:
    """For a key that somebody abuses. The snippet has to be pasted again."""
    async with services.database.transaction() as connection:
        store = await rotate_collector_key(connection, store_id)
        intent = access_intent(
            store_id=store_id,
            actor=actor,
            action="store.rotate_collector_key",
            resource_type="store",
            resource_id=str(store_id),
            occurred_at=services.clock.now(),
        )
        await enqueue(connection, services.sealer, [intent])
    services.collector.stores.forget()
    return _json(services, store)


def _json(services: Services, store: CollectorStore) -> Pixel:
    public_url = services.settings.public_url
    return {
        "store_id": store.store_id,
        "collector_key": store.collector_key,
        "collect_url": collect_url(store, public_url),
        "pixel_bytes": len(pixel_of(store, public_url).body),
        "hosts": sorted(allowed_hosts(store)),
        "pixel_consent": cast("Literal['required', 'opt_out']", store.settings.pixel_consent),
        "snippet": page_snippet(store, public_url),
        "customer_snippet": customer_snippet(store, identify_secret(services.sealer, store)),
        "order_snippet": order_snippet(store),
    }
