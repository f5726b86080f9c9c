"""Campaigns: the registry at SyncFlow, and a person's hand on it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from starlette.status import HTTP_201_CREATED, HTTP_202_ACCEPTED

from kiki.commerce.counting import Counting, counting_since, note_backdates
from kiki.commerce.stores import StoreConnection
from kiki.kit.database import Connection
from kiki.kit.digest import event_id
from kiki.kit.errors import InvalidInput
from kiki.kit.grpc.money import money_to_proto
from kiki.kit.grpc.times import optional_time_to_proto, time_to_proto
from kiki.kit.money import Money, exponent
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows import scanning
from kiki.orchestrator.workflows.answers import campaigns_fact
from kiki.orchestrator.workflows.registering import scan_of
from kiki.portal.access import documented_key
from kiki.portal.convert import message_json
from kiki.portal.facts import add_fact
from kiki.portal.internal.answers.campaigns import (
    AdNetworks,
    CampaignActionPage,
    CampaignPage,
    Held,
    KeptNetwork,
    ProductAds,
    ProductCommanded,
    Registered,
    Released,
)
from kiki.portal.internal.campaign_schemas import AdNetworkBody, CampaignBody, CampaignsBody, HandBody, MoneyBody
from kiki.portal.internal.pages import Cursor, Limit, StoreId
from kiki.portal.queries import shop
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected, Services
from kiki.rpc.v1 import syncflow_pb2 as flow

router = AnswerRouter(prefix="/internal", tags=["campaigns"], dependencies=[documented_key])

_Id = Annotated[str, Path(min_length=1, max_length=200)]
_Filter = Annotated[str, Query(max_length=200)]


@router.post(
    "/campaigns/{store_id}",
    operation_id="register_campaigns",
    status_code=HTTP_201_CREATED,
    summary="Register campaigns",
)
async def register(services: Injected, actor: Actor, store_id: StoreId, body: CampaignsBody) -> Registered:
    """New ones are added, known ones replaced. Only touchpoints that lead to a registered campaign count.

    They count as they were registered when an order came in. With `effective_from`, and a reason for the audit log,
    they count since then, and orders of open months since then are decided anew in the background.
    """
    store = await _known_store(services, store_id)
    _check_effective(body, services.clock.now())
    request = flow.RegisterCampaignsRequest(
        store_id=store_id,
        event_id=_identity(store_id, "campaigns", "register"),
        campaigns=[_definition(campaign) for campaign in body.campaigns],
    )
    answer = await services.clients.syncflow.call("RegisterCampaigns", request, flow.RegisterCampaignsResponse)
    names = ",".join(campaign.campaign_id for campaign in body.campaigns[:5])
    reopened, counted_all = 0, True
    async with services.database.transaction() as connection:
        action = "campaign.register" if body.effective_from is None else "campaign.backdate"
        await _audit(services, connection, store_id, actor, action, "campaigns", names, purpose=_purpose(body))
        if body.effective_from is not None:
            entries = _entries(store_id, request.campaigns)
            scan = scan_of(store, entries, body.effective_from, services.clock.now())
            reopened, counted_all = await scanning.count(connection, scan)
            await note_backdates(
                connection,
                store_id,
                [campaign.campaign_id for campaign in body.campaigns],
                since_at=body.effective_from,
                told_at=services.clock.now(),
                actor=actor,
                reason=body.reason.strip(),
            )
            earlier = {"campaigns": entries, "effective_from": body.effective_from.isoformat()}
            await _tell_change(services, connection, store_id, earlier)
        await _tell_change(services, connection, store_id, {})
    return {"added": answer.added, "replaced": answer.replaced, "reopened": reopened, "counted_all": counted_all}


@router.get("/campaigns/{store_id}", operation_id="list_campaigns", summary="List campaigns")
async def list_campaigns(
    services: Injected, store_id: StoreId, limit: Limit = 200, cursor: Cursor = ""
) -> CampaignPage:
    """`counts_since` is when a campaign began to count for orders that come in; a click may be from before."""
    await _known_store(services, store_id)
    request = flow.ListCampaignsRequest(store_id=store_id, page_size=limit, page_token=cursor)
    answer = await services.clients.syncflow.call("ListCampaigns", request, flow.ListCampaignsResponse)
    async with services.database.connection() as connection:
        names = [each.definition.campaign_id for each in answer.campaigns]
        counting = await counting_since(connection, store_id, names)
    found = [_listed(each, counting.get(each.definition.campaign_id)) for each in answer.campaigns]
    return {"campaigns": found, "next_cursor": answer.next_page_token}


@router.get(
    "/campaigns/{store_id}/actions",
    operation_id="list_campaign_actions",
    summary="What was done at the ad networks, newest first",
)
async def list_actions(
    services: Injected,
    store_id: StoreId,
    campaign_id: _Filter = "",
    product_id: _Filter = "",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> CampaignActionPage:
    await _known_store(services, store_id)
    request = flow.ListActionsRequest(
        store_id=store_id, campaign_id=campaign_id, product_id=product_id, page_size=limit, page_token=cursor
    )
    answer = await services.clients.syncflow.call("ListActions", request, flow.ListActionsResponse)
    return {"actions": [message_json(action) for action in answer.actions], "next_cursor": answer.next_page_token}


@router.post(
    "/campaigns/{store_id}/{campaign_id}/hold", operation_id="hold_campaign", summary="Put a hand on a campaign"
)
async def hold(services: Injected, actor: Actor, store_id: StoreId, body: HandBody, campaign_id: _Id) -> Held:
    """SyncFlow leaves the campaign as it is until the hold ends."""
    request = flow.HoldCampaignRequest(
        store_id=store_id,
        event_id=_identity(store_id, "campaign_hold", campaign_id),
        campaign_id=campaign_id,
        reason=body.reason,
        actor=actor,
    )
    _set_expiry(request, body)
    answer = await services.clients.syncflow.call("HoldCampaign", request, flow.HoldCampaignResponse)
    await _audited(services, store_id, actor, "campaign.hold", "campaign", campaign_id)
    return message_json(answer)


@router.post(
    "/campaigns/{store_id}/{campaign_id}/release",
    operation_id="release_campaign",
    summary="Take the hand off a campaign",
)
async def release(services: Injected, actor: Actor, store_id: StoreId, campaign_id: _Id) -> Released:
    """The desired state is applied again."""
    request = flow.ReleaseHoldRequest(
        store_id=store_id,
        event_id=_identity(store_id, "campaign_release", campaign_id),
        campaign_id=campaign_id,
        actor=actor,
    )
    answer = await services.clients.syncflow.call("ReleaseHold", request, flow.ReleaseHoldResponse)
    await _audited(services, store_id, actor, "campaign.release", "campaign", campaign_id)
    return message_json(answer)


@router.get(
    "/products/{store_id}/{product_id}/ads",
    operation_id="get_product_ads",
    summary="What is wanted for a product's ads, and why",
)
async def product_state(services: Injected, store_id: StoreId, product_id: _Id) -> ProductAds:
    await _known_store(services, store_id)
    request = flow.GetProductStateRequest(store_id=store_id, product_id=product_id)
    return message_json(await services.clients.syncflow.call("GetProductState", request, flow.GetProductStateResponse))


@router.post(
    "/products/{store_id}/{product_id}/ads/{command}",
    operation_id="command_product_ads",
    status_code=HTTP_202_ACCEPTED,
    summary="Pause, resume, hold or release a product's ads by hand",
)
async def command_product(
    services: Injected,
    actor: Actor,
    store_id: StoreId,
    command: Literal["pause", "resume", "hold", "release"],
    body: HandBody,
    product_id: _Id,
) -> ProductCommanded:
    """A hand wins over the stock guard until it is released or expires. The worker carries it out, and audits it.

    Also for a product that the shop has not told of: `in_catalogue` says whether it has.
    """
    now = services.clock.now()
    expires_at = body.expires_at.isoformat() if body.expires_at else None
    if body.expires_at is not None and body.expires_at <= now:
        raise InvalidInput(f"a hand expires in the future, got {expires_at}; it is {now.isoformat()}", reason="EXPIRED")
    async with services.database.transaction() as connection:
        await services.stores.get(connection, store_id)
        told = await shop.has_product(connection, store_id, product_id)
        await add_fact(
            connection,
            services.sealer,
            store_id=store_id,
            kind="products_commanded",
            body={
                "product_ids": [product_id],
                "command": command,
                "actor": actor,
                "reason": body.reason,
                "expires_at": expires_at,
            },
            now=now,
            lane=Lane.LIVE_STOCK,
        )
    return {
        "store_id": store_id,
        "product_id": product_id,
        "in_catalogue": told,
        "command": command,
        "status": "accepted",
    }


@router.put(
    "/ad-networks/{store_id}/{network}", operation_id="put_ad_network", summary="Say how an ad network is reached"
)
async def put_network(
    services: Injected, actor: Actor, store_id: StoreId, body: AdNetworkBody, network: _Id
) -> KeptNetwork:
    """The token is sealed by SyncFlow and never shown again."""
    await _known_store(services, store_id)
    request = flow.PutAdNetworkRequest(
        store_id=store_id,
        event_id=_identity(store_id, "ad_network", network),
        network=network,
        base_url=str(body.base_url).rstrip("/"),
        token=body.token.get_secret_value(),
    )
    answer = await services.clients.syncflow.call("PutAdNetwork", request, flow.PutAdNetworkResponse)
    await _audited(services, store_id, actor, "ad_network.put", "ad_network", network)
    return message_json(answer)


@router.get("/ad-networks/{store_id}", operation_id="list_ad_networks", summary="List ad network connections")
async def list_networks(services: Injected, store_id: StoreId) -> AdNetworks:
    await _known_store(services, store_id)
    request = flow.ListAdNetworksRequest(store_id=store_id)
    answer = await services.clients.syncflow.call("ListAdNetworks", request, flow.ListAdNetworksResponse)
    return message_json(answer)


def _listed(campaign: flow.Campaign, counting: Counting | None) -> dict[str, Any]:
    since = counting.since_at.isoformat().replace("+00:00", "Z") if counting is not None else None
    reason = counting.reason if counting is not None else ""
    return {**message_json(campaign), "counts_since": since, "counts_since_reason": reason}


def _definition(body: CampaignBody) -> flow.CampaignDefinition:
    definition = flow.CampaignDefinition(
        campaign_id=body.campaign_id,
        network=body.network,
        external_id=body.external_id,
        name=body.name,
        utm_campaign=body.utm_campaign,
        utm_id=body.utm_id,
        promotions=_promotions(body),
        daily_budget=_money(body.daily_budget),
        ended=body.ended,
    )
    if body.bid is not None:
        definition.bid.CopyFrom(_money(body.bid))
    return definition


def _promotions(body: CampaignBody) -> Sequence[flow.Promotion]:
    return [
        flow.Promotion(
            product_id=promotion.product_id,
            starts_at=optional_time_to_proto(promotion.starts_at),
            ends_at=optional_time_to_proto(promotion.ends_at),
            budget_weight=promotion.budget_weight,
        )
        for promotion in body.promotions
    ]


def _money(body: MoneyBody) -> Any:
    money = Money.of(body.amount, body.currency)
    if money.amount != body.amount:
        raise InvalidInput(
            f"an amount in {body.currency} has at most {exponent(body.currency)} decimals, got {body.amount}",
            reason="BAD_AMOUNT",
        )
    return money_to_proto(money)


def _set_expiry(request: Any, body: HandBody) -> None:
    if body.expires_at is not None:
        request.expires_at.CopyFrom(time_to_proto(body.expires_at))


def _identity(store_id: int, kind: str, name: str) -> str:
    """Every order by hand is a fact of its own."""
    return event_id(store_id, kind, name, uuid.uuid4().hex)


def _check_effective(body: CampaignsBody, now: dt.datetime) -> None:
    if body.effective_from is None:
        return
    if body.effective_from > now:
        since = body.effective_from.isoformat()
        raise InvalidInput(f"campaigns count since a time in the past, got {since}", reason="IN_FUTURE")
    if not body.reason.strip():
        raise InvalidInput("campaigns that count for past orders want a reason", reason="NO_REASON")
    if "@" in body.reason:
        raise InvalidInput("the audit log keeps no e-mail address; the reason has one", reason="PERSONAL_DATA")


def _purpose(body: CampaignsBody) -> str:
    if body.effective_from is None:
        return ""
    return f"effective from {body.effective_from.isoformat()}: {body.reason.strip()}"


def _entries(store_id: int, definitions: Iterable[flow.CampaignDefinition]) -> list[dict[str, Any]]:
    listed = (flow.Campaign(store_id=store_id, definition=definition) for definition in definitions)
    found: list[dict[str, Any]] = campaigns_fact(flow.ListCampaignsResponse(campaigns=listed))[store_id].body[
        "campaigns"
    ]
    return found


async def _tell_change(services: Services, connection: Connection, store_id: int, body: dict[str, Any]) -> None:
    await add_fact(
        connection,
        services.sealer,
        store_id=store_id,
        kind="campaigns_changed",
        body=body,
        now=services.clock.now(),
    )


async def _known_store(services: Services, store_id: int) -> StoreConnection:
    async with services.database.connection() as connection:
        return await services.stores.get(connection, store_id)


async def _audited(services: Services, store_id: int, actor: str, action: str, kind: str, name: str) -> None:
    async with services.database.transaction() as connection:
        await _audit(services, connection, store_id, actor, action, kind, name)


async def _audit(
    services: Services,
    connection: Connection,
    store_id: int,
    actor: str,
    action: str,
    kind: str,
    name: str,
    *,
    purpose: str = "",
) -> None:
    intent = access_intent(
        store_id=store_id,
        actor=actor,
        action=action,
        resource_type=kind,
        resource_id=name[:200],
        purpose=purpose,
        occurred_at=services.clock.now(),
    )
    await enqueue(connection, services.sealer, [intent])
