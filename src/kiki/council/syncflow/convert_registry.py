"""Messages → values and back for campaigns, connections, holds and actions."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlsplit

from kiki.council.syncflow import convert
from kiki.council.syncflow.convert import money_or_none, optional_time, text
from kiki.council.syncflow.domain import (
    Action,
    ActionKind,
    ActionState,
    AdNetworkConnection,
    Campaign,
    CampaignDefinition,
    Hand,
    Hold,
    ProductState,
    Promotion,
)
from kiki.council.syncflow.errors import BadField
from kiki.council.syncflow.plan import ACTIVE, PAUSED, REMOVED
from kiki.council.syncflow.repository.actions import ActionQuery
from kiki.kit.grpc.money import money_from_proto, money_to_proto
from kiki.kit.grpc.times import optional_time_to_proto, time_to_proto
from kiki.kit.money import Money
from kiki.rpc.v1 import syncflow_pb2 as pb

_MAX_CAMPAIGNS = 1_000
_MAX_PROMOTIONS = 1_000
_STATUSES = {
    ACTIVE: pb.CAMPAIGN_STATUS_ACTIVE,
    PAUSED: pb.CAMPAIGN_STATUS_PAUSED,
    REMOVED: pb.CAMPAIGN_STATUS_REMOVED,
}
_KINDS = {
    ActionKind.PAUSE: pb.ACTION_KIND_PAUSE,
    ActionKind.RESUME: pb.ACTION_KIND_RESUME,
    ActionKind.BID: pb.ACTION_KIND_BID,
}
_STATES = {
    ActionState.PENDING: pb.ACTION_STATE_PENDING,
    ActionState.APPLIED: pb.ACTION_STATE_APPLIED,
    ActionState.UNCHANGED: pb.ACTION_STATE_UNCHANGED,
    ActionState.SUPERSEDED: pb.ACTION_STATE_SUPERSEDED,
    ActionState.DOUBTFUL: pb.ACTION_STATE_DOUBTFUL,
    ActionState.REFUSED: pb.ACTION_STATE_REFUSED,
    ActionState.HELD: pb.ACTION_STATE_HELD,
}
_STATE_VALUES = {number: value for value, number in _STATES.items()}


def definitions(message: pb.RegisterCampaignsRequest) -> list[CampaignDefinition]:
    """Each campaign id and each (network, external id) once."""
    if not 0 < len(message.campaigns) <= _MAX_CAMPAIGNS:
        raise BadField(f"1 to {_MAX_CAMPAIGNS} campaigns, got {len(message.campaigns)}", reason="TOO_MANY_CAMPAIGNS")
    found = [_definition(item) for item in message.campaigns]
    ids = {item.campaign_id for item in found}
    externals = {(item.network, item.external_id) for item in found}
    if len(ids) < len(found) or len(externals) < len(found):
        raise BadField(
            "each campaign id and each external id stands once in a registration", reason="DUPLICATE_CAMPAIGN"
        )
    return found


def network_connection(message: pb.PutAdNetworkRequest, now: dt.datetime) -> AdNetworkConnection:
    parts = urlsplit(message.base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise BadField("base_url is an http or https address without user, query and fragment", reason="BAD_URL")
    token = text("token", message.token, most=4_096)
    if not token.isascii() or not token.isprintable():
        raise BadField("token has printable ASCII characters only")
    return AdNetworkConnection(
        store_id=convert.store(message.store_id),
        network=text("network", message.network, most=50),
        base_url=text("base_url", message.base_url, most=1_000),
        token=token,
        updated_at=now,
    )


def connection_message(item: AdNetworkConnection) -> pb.AdNetworkConnection:
    return pb.AdNetworkConnection(
        store_id=item.store_id,
        network=item.network,
        base_url=item.base_url,
        updated_at=time_to_proto(item.updated_at),
    )


def hold(message: pb.HoldCampaignRequest, now: dt.datetime) -> Hold:
    return Hold(
        reason=text("reason", message.reason, most=1_000),
        actor=text("actor", message.actor),
        held_at=now,
        expires_at=optional_time(message, "expires_at"),
    )


def campaign_message(campaign: Campaign) -> pb.Campaign:
    standing, currency = campaign.standing, campaign.definition.daily_budget.currency
    return pb.Campaign(
        store_id=campaign.store_id,
        definition=_definition_message(campaign.definition),
        status=_STATUSES.get(standing.status, pb.CAMPAIGN_STATUS_UNSPECIFIED),
        wanted_status=pb.CAMPAIGN_STATUS_PAUSED if campaign.wanted_paused else pb.CAMPAIGN_STATUS_UNSPECIFIED,
        current_bid=money_or_none(standing.bid_minor, currency),
        paused_product_ids=campaign.paused_product_ids,
        hold=_hold_message(campaign.hold),
        doubtful=campaign.doubtful,
        observed_at=optional_time_to_proto(campaign.observed_at),
        updated_at=time_to_proto(campaign.updated_at),
    )


def action_query(message: pb.ListActionsRequest) -> ActionQuery:
    before = None
    if message.page_token:
        (last,) = convert.decode_token(message.page_token, 1)
        if not last.isdecimal() or len(last) > 18:
            raise BadField("the page token is not one of ours", reason="BAD_PAGE_TOKEN")
        before = int(last)
    return ActionQuery(
        store_id=convert.store(message.store_id),
        campaign_id=message.campaign_id,
        product_id=message.product_id,
        state=_STATE_VALUES.get(message.state),
        before_id=before,
        limit=convert.page_size(message.page_size, default=100, most=500) + 1,
    )


def action_message(action: Action) -> pb.CampaignAction:
    return pb.CampaignAction(
        action_id=action.action_id,
        campaign_id=action.campaign_id,
        product_id=action.product_id,
        kind=_KINDS[action.kind],
        reasons=convert.reason_numbers(action.reasons),
        actor=action.actor,
        note=action.note,
        state=_STATES[action.state],
        old_bid=money_or_none(action.old_bid_minor, action.currency),
        new_bid=money_or_none(action.new_bid_minor, action.currency),
        requested_at=time_to_proto(action.requested_at),
        applied_at=optional_time_to_proto(action.applied_at),
        attempts=action.attempts,
        last_error=action.last_error,
        decision_seq=action.decision_seq,
    )


def product_message(state: ProductState, campaign_ids: list[str]) -> pb.GetProductStateResponse:
    return pb.GetProductStateResponse(
        product_id=state.product_id,
        sku=state.sku,
        reasons=convert.reason_numbers(state.shown_reasons),
        ordered_to_run=state.hand is Hand.RUN,
        hand_expires_at=optional_time_to_proto(state.hand_until),
        hand_actor=state.hand_actor,
        hand_note=state.hand_note,
        bid_factor=format(state.factor, "f"),
        margin="" if state.margin is None else format(state.margin, "f"),
        stock_seq=state.stock_seq,
        campaign_ids=campaign_ids,
    )


def campaign_cursor(token: str) -> tuple[dt.datetime, int, str] | None:
    """(updated_at, store, campaign) of the last campaign on the page before."""
    if not token:
        return None
    at, store_id, campaign_id = convert.decode_token(token, 3)
    try:
        return dt.datetime.fromisoformat(at), int(store_id), campaign_id
    except ValueError:
        raise BadField("the page token is not one of ours", reason="BAD_PAGE_TOKEN") from None


def campaign_token(campaign: Campaign) -> str:
    return convert.encode_token(campaign.updated_at.isoformat(), campaign.store_id, campaign.definition.campaign_id)


def definition_fields(item: CampaignDefinition) -> tuple[object, ...]:
    """What makes two registrations of a campaign the same."""
    promotions = [(p.product_id, _micro(p.starts_at), _micro(p.ends_at), p.weight) for p in item.promotions]
    budget, bid = item.daily_budget, item.bid
    return (
        item.campaign_id,
        item.network,
        item.external_id,
        item.name,
        item.utm_campaign,
        item.utm_id,
        budget.minor,
        budget.currency,
        bid.minor if bid else None,
        item.ended,
        promotions,
    )


def _micro(at: dt.datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _definition(message: pb.CampaignDefinition) -> CampaignDefinition:
    budget = money_from_proto(message.daily_budget)
    bid = money_from_proto(message.bid) if message.HasField("bid") else None
    if bid is not None and (bid.currency != budget.currency or bid.minor <= 0):
        raise BadField("a bid is positive and in the currency of the budget", reason="BAD_BID")
    if budget.minor < 0:
        raise BadField("a daily budget is not negative", reason="BAD_BUDGET")
    return CampaignDefinition(
        campaign_id=text("campaign_id", message.campaign_id),
        network=text("network", message.network, most=50),
        external_id=text("external_id", message.external_id),
        name=text("name", message.name, required=False, most=500),
        utm_campaign=text("utm_campaign", message.utm_campaign, required=False, most=500),
        utm_id=text("utm_id", message.utm_id, required=False, most=500),
        daily_budget=budget,
        bid=bid,
        ended=message.ended,
        promotions=_promotions(message),
    )


def _promotions(message: pb.CampaignDefinition) -> tuple[Promotion, ...]:
    found = sorted(
        (
            Promotion(
                product_id=text("product_id", item.product_id),
                starts_at=optional_time(item, "starts_at"),
                ends_at=optional_time(item, "ends_at"),
                weight=item.budget_weight if item.budget_weight > 0 else 1,
            )
            for item in message.promotions
        ),
        key=lambda item: item.product_id,
    )
    if len(found) > _MAX_PROMOTIONS or len({item.product_id for item in found}) < len(found):
        raise BadField(f"a campaign promotes at most {_MAX_PROMOTIONS} products, each once", reason="BAD_PROMOTIONS")
    return tuple(found)


def _definition_message(item: CampaignDefinition) -> pb.CampaignDefinition:
    bid: Money | None = item.bid
    return pb.CampaignDefinition(
        campaign_id=item.campaign_id,
        network=item.network,
        external_id=item.external_id,
        name=item.name,
        utm_campaign=item.utm_campaign,
        utm_id=item.utm_id,
        promotions=[
            pb.Promotion(
                product_id=promotion.product_id,
                starts_at=optional_time_to_proto(promotion.starts_at),
                ends_at=optional_time_to_proto(promotion.ends_at),
                budget_weight=promotion.weight,
            )
            for promotion in item.promotions
        ],
        daily_budget=money_to_proto(item.daily_budget),
        bid=None if bid is None else money_to_proto(bid),
        ended=item.ended,
    )


def _hold_message(item: Hold | None) -> pb.Hold | None:
    if item is None:
        return None
    return pb.Hold(
        reason=item.reason,
        actor=item.actor,
        held_at=time_to_proto(item.held_at),
        expires_at=optional_time_to_proto(item.expires_at),
    )
