"""Protobuf ↔ values of SyncEngage. Requests are checked here, one by one, so that a bad one fails alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from kiki.council.syncengage import rules
from kiki.council.syncengage.contacts import Erased, PutResult
from kiki.council.syncengage.domain import (
    Availability,
    Cancellation,
    Channel,
    ChurnPrevention,
    Consent,
    ContactUpdate,
    DiscountCode,
    FlowKind,
    FlowStatus,
    Identity,
    Item,
    MessageStatus,
    Person,
    Plan,
    PlannedMessage,
    PostPurchase,
    Shop,
    Suppressed,
    Upsell,
)
from kiki.council.syncengage.repository.bounces import BounceRow
from kiki.council.syncengage.repository.contacts import Contact
from kiki.council.syncengage.repository.flows import FlowRow, MessageRow
from kiki.kit.digest import semantic_digest
from kiki.kit.errors import InvalidInput
from kiki.kit.grpc.money import minor_from_proto
from kiki.kit.grpc.times import optional_time_to_proto, time_from_proto, time_to_proto
from kiki.kit.receipts import OnceItem
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import syncengage_pb2 as pb

_T = TypeVar("_T")
_MAX_KEY = 256
_MAX_TEXT = 500
_KEPT = "\u200c\u200d\u200e\u200f\xa0"
_MAX_ITEMS = 50
_MAX_PRODUCTS = 300
_CHANNELS: dict[Channel, Any] = {channel: pb.Channel.Value(f"CHANNEL_{channel.name}") for channel in Channel}
_KINDS: dict[FlowKind, Any] = {kind: pb.FlowKind.Value(f"FLOW_KIND_{kind.name}") for kind in FlowKind}
_STATUSES: dict[FlowStatus, Any] = {status: pb.FlowStatus.Value(f"FLOW_STATUS_{status.name}") for status in FlowStatus}
_MESSAGE_STATUSES: dict[MessageStatus, Any] = {
    status: pb.MessageStatus.Value(f"MESSAGE_STATUS_{status.name}") for status in MessageStatus
}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class _Keyed(Protocol):
    store_id: int
    event_id: str


def post_purchase(request: pb.TriggerPostPurchaseFlowRequest) -> OnceItem[PostPurchase]:
    """Raises `InvalidInput` when a field that is needed is missing."""
    if not request.HasField("placed_at"):
        raise InvalidInput("an order flow needs placed_at", reason="MISSING_FIELD")
    total_minor, currency = minor_from_proto(request.total) if request.HasField("total") else (0, "")
    items = request.items
    command = PostPurchase(
        _person(request.customer),
        _key(request.order_id, "order_id"),
        _text(request.order_number, 64),
        time_from_proto(request.placed_at),
        tuple([Item(_text(i.product_id, 128), _text(i.title, 200), i.quantity) for i in items[:_MAX_ITEMS]]),
        total_minor,
        currency,
        _shop(request.shop),
    )
    digest = semantic_digest(
        command.person, command.order_id, command.order_number, command.placed_at, command.items, command.total_minor,
        command.currency,
    )  # fmt: skip
    return _item(request, digest, command)


def churn_prevention(request: pb.TriggerChurnPreventionRequest) -> OnceItem[ChurnPrevention]:
    """Raises `InvalidInput` when the risk is not a probability."""
    if not 0 <= request.churn_risk <= 1:
        raise InvalidInput(f"churn_risk lies between 0 and 1, got {request.churn_risk:g}", reason="BAD_FIELD")
    person = _person(request.customer)
    command = ChurnPrevention(person, request.churn_risk, request.days_since_last_order, _shop(request.shop))
    return _item(request, semantic_digest(person, command.churn_risk, command.days_since_last_order), command)


def upsell(request: pb.TriggerUpsellFlowRequest) -> OnceItem[Upsell]:
    """Raises `InvalidInput` when a field that is needed is missing."""
    value, currency = minor_from_proto(request.lifetime_value) if request.HasField("lifetime_value") else (0, "")
    command = Upsell(
        _person(request.customer),
        tuple([_text(key, 128) for key in request.purchased_product_ids[:_MAX_ITEMS]]),
        value,
        currency,
        _text(request.order_id, 128),
        time_from_proto(request.placed_at) if request.HasField("placed_at") else None,
        _shop(request.shop),
    )
    digest = semantic_digest(
        command.person,
        command.purchased,
        command.lifetime_value_minor,
        command.currency,
        command.order_id,
        command.placed_at,
    )
    return _item(request, digest, command)


def contact_update(request: pb.PutContactRequest) -> OnceItem[ContactUpdate]:
    """Raises `InvalidInput` without a customer key."""
    timezone = request.timezone if rules.known_zone(request.timezone) else ""
    command = ContactUpdate(
        _person(request.customer),
        _consent(request.email_consent),
        _consent(request.sms_consent),
        timezone,
        time_from_proto(request.observed_at) if request.HasField("observed_at") else None,
    )
    return _item(request, semantic_digest(command), command)


def erasure(request: pb.EraseContactRequest) -> OnceItem[str]:
    """Whom to forget."""
    key = _key(request.customer_key, "customer_key")
    return _item(request, semantic_digest(key), key)


def lifting(request: pb.LiftBounceRequest) -> OnceItem[str]:
    """Whose address is written to again."""
    key = _key(request.customer_key, "customer_key")
    return _item(request, semantic_digest("lift", key), key)


def lift_response(lifted: bool) -> bytes:
    """The answer to a lifting."""
    return pb.LiftBounceResponse(lifted=lifted).SerializeToString()


def store_erasure(request: pb.EraseStoreRequest) -> OnceItem[None]:
    """Whose contacts to forget."""
    return _item(request, semantic_digest("store"), None)


def cancellation(request: pb.CancelFlowsRequest) -> OnceItem[Cancellation]:
    """Raises `InvalidInput` for an order without its buyer."""
    key = _key(request.customer_key, "customer_key") if request.order_id else ""
    command = Cancellation(_key(request.order_id, "order_id") if request.order_id else "", key)
    return _item(request, semantic_digest(command.order_id, command.customer_key), command)


def availability(request: pb.PutProductAvailabilityRequest) -> OnceItem[tuple[Availability, ...]]:
    """Raises `InvalidInput` for too many products, and for one that is there twice."""
    if len(request.products) > _MAX_PRODUCTS:
        raise InvalidInput(
            f"at most {_MAX_PRODUCTS} products are told at once, got {len(request.products)}", reason="BATCH_TOO_LARGE"
        )
    told = tuple([Availability(_key(p.product_id, "product_id"), p.sellable, p.decision_seq) for p in request.products])
    if len({item.product_id for item in told}) < len(told):
        raise InvalidInput("a product is told once in a request, got one twice", reason="BAD_FIELD")
    return _item(request, semantic_digest(told), told)


def availability_response(applied: int) -> bytes:
    """The answer to what can be bought."""
    return pb.PutProductAvailabilityResponse(applied=applied).SerializeToString()


def discount_code(request: pb.PutDiscountCodeRequest) -> OnceItem[DiscountCode]:
    """Raises `InvalidInput` when the code or its expiry is missing."""
    if not request.HasField("expires_at"):
        raise InvalidInput("a discount code needs expires_at", reason="MISSING_FIELD")
    command = DiscountCode(request.flow_id, _key(request.code, "code"), time_from_proto(request.expires_at))
    return _item(request, semantic_digest(command.flow_id, command.code, command.expires_at), command)


def post_purchase_response(plan: Plan) -> bytes:
    """The answer to a post-purchase trigger."""
    emails, sms = _messages(plan)
    return pb.TriggerPostPurchaseFlowResponse(
        flow_id=plan.flow_id,
        status=_status(plan),
        scheduled_emails=emails,
        scheduled_sms=sms,
        suppressed=_suppressed(plan),
    ).SerializeToString()


def churn_prevention_response(plan: Plan) -> bytes:
    """The answer to a churn trigger: no code yet."""
    answer = pb.TriggerChurnPreventionResponse(
        flow_id=plan.flow_id, status=_status(plan), discount_percent=plan.percent, suppressed=_suppressed(plan)
    )
    if plan.code_wanted_by is not None:
        answer.code_wanted_by.CopyFrom(time_to_proto(plan.code_wanted_by))
    return answer.SerializeToString()


def upsell_response(plan: Plan) -> bytes:
    """The answer to an upsell trigger."""
    return pb.TriggerUpsellFlowResponse(
        flow_id=plan.flow_id,
        status=_status(plan),
        recommended_products=[
            pb.RecommendedProduct(product_id=item.product_id, title=item.title, bought_together=item.bought_together)
            for item in plan.recommended
        ],
        campaign_id=plan.campaign_id,
        scheduled_emails=_messages(plan)[0],
        suppressed=_suppressed(plan),
    ).SerializeToString()


def discount_code_response(plan: Plan) -> bytes:
    """The answer to a discount code."""
    emails, sms = _messages(plan)
    return pb.PutDiscountCodeResponse(
        flow_id=plan.flow_id,
        status=_status(plan),
        scheduled_emails=emails,
        scheduled_sms=sms,
        suppressed=_suppressed(plan),
    ).SerializeToString()


def put_contact_response(result: PutResult) -> bytes:
    """The answer to a contact update."""
    return pb.PutContactResponse(
        email_marketing_allowed=result.email_allowed, sms_marketing_allowed=result.sms_allowed, applied=result.applied
    ).SerializeToString()


def erase_response(erased: Erased) -> bytes:
    """The answer to an erasure."""
    return pb.EraseContactResponse(erased=erased.held, messages_cancelled=erased.messages_cancelled).SerializeToString()


def erase_store_response(contacts: int) -> bytes:
    """The answer to the erasure of a store."""
    return pb.EraseStoreResponse(contacts_erased=contacts).SerializeToString()


def cancel_response(messages: int) -> bytes:
    """The answer to a cancellation."""
    return pb.CancelFlowsResponse(messages_cancelled=messages).SerializeToString()


def contact_response(
    contact: Contact, identity: Identity, bounced_at: dt.datetime | None = None
) -> pb.GetContactResponse:
    """A contact with its personal fields."""
    answer = pb.GetContactResponse(
        customer=common.CustomerInfo(
            customer_id=contact.customer_id,
            customer_key=contact.customer_key,
            email=identity.email,
            phone=identity.phone,
            first_name=identity.first_name,
            accepts_email_marketing=contact.email_consent is True and contact.email_unsubscribed_at is None,
            accepts_sms_marketing=contact.sms_consent is True and contact.sms_unsubscribed_at is None,
            locale=contact.locale,
        ),
        email_consent=_consent_message(contact.email_consent, contact.email_consent_at, contact.email_consent_source),
        sms_consent=_consent_message(contact.sms_consent, contact.sms_consent_at, contact.sms_consent_source),
        timezone=contact.timezone,
    )
    if contact.email_unsubscribed_at is not None:
        answer.email_unsubscribed_at.CopyFrom(time_to_proto(contact.email_unsubscribed_at))
    if contact.sms_unsubscribed_at is not None:
        answer.sms_unsubscribed_at.CopyFrom(time_to_proto(contact.sms_unsubscribed_at))
    if bounced_at is not None:
        answer.email_bounced_at.CopyFrom(time_to_proto(bounced_at))
    return answer


def bounce_message(row: BounceRow) -> pb.Bounce:
    """A refused address as read models show it."""
    return pb.Bounce(
        customer_key=row.customer_key,
        refused_at=time_to_proto(row.refused_at),
        reason=row.reason,
        refusals=row.refusals,
        suppressed=row.suppressed,
    )


def flow_message(flow: FlowRow, messages: list[MessageRow]) -> pb.Flow:
    """A flow as read models show it."""
    return pb.Flow(
        flow_id=flow.flow_id,
        store_id=flow.store_id,
        kind=_KINDS[flow.kind],
        status=_STATUSES[flow.status],
        held_out=flow.held_out,
        customer_key=flow.customer_key,
        subject=flow.subject,
        created_at=time_to_proto(flow.created_at),
        messages=[message_message(row) for row in messages],
        suppressed=[_suppression(item) for item in flow.suppressed],
        campaign_id=flow.campaign_id,
    )


def message_message(row: MessageRow) -> pb.Message:
    """A message as read models show it."""
    return pb.Message(
        message_id=row.message_id,
        store_id=row.store_id,
        flow_id=row.flow_id,
        channel=_CHANNELS[row.channel],
        template=row.template,
        marketing=row.marketing,
        status=_MESSAGE_STATUSES[row.status],
        send_at=time_to_proto(row.send_at),
        settled_at=optional_time_to_proto(row.settled_at),
        reason=row.reason,
        attempts=row.attempts,
        customer_key=row.customer_key,
    )


def _item(request: _Keyed, digest: bytes, command: _T) -> OnceItem[_T]:
    if request.store_id <= 0:
        raise InvalidInput("store_id is missing", reason="MISSING_FIELD")
    return OnceItem(request.store_id, _key(request.event_id, "event_id"), digest, command)


def _person(info: common.CustomerInfo) -> Person:
    return Person(
        _key(info.customer_key, "customer.customer_key"),
        _text(info.customer_id, 128),
        _text(info.email, 320),
        _text(info.phone, 32),
        _text(info.first_name, 100),
        info.accepts_email_marketing,
        info.accepts_sms_marketing,
        _text(info.locale, 35),
    )


def _shop(info: pb.ShopInfo) -> Shop:
    return _shop_of(info.name, info.timezone, info.url)


@lru_cache(maxsize=1024)
def _shop_of(name: str, timezone: str, url: str) -> Shop:
    return Shop(_text(name, 200), _text(timezone, 64), _text(url, _MAX_TEXT))


def _consent(message: pb.Consent) -> Consent:
    granted = {pb.CONSENT_STATE_GRANTED: True, pb.CONSENT_STATE_DENIED: False}.get(message.state)
    given_at = time_from_proto(message.given_at) if message.HasField("given_at") else None
    return Consent(granted, given_at, _text(message.source, 64))


def _consent_message(granted: bool | None, at: dt.datetime | None, source: str) -> pb.Consent:
    state = {True: pb.CONSENT_STATE_GRANTED, False: pb.CONSENT_STATE_DENIED, None: pb.CONSENT_STATE_UNSPECIFIED}[
        granted
    ]
    return pb.Consent(state=state, given_at=optional_time_to_proto(at), source=source)


def _key(text: str, name: str) -> str:
    if not text or len(text) > _MAX_KEY or "\x00" in text:
        raise InvalidInput(f"{name} has 1 to {_MAX_KEY} characters, got {len(text)}", reason="BAD_FIELD")
    return text


def _text(text: str, limit: int) -> str:
    if len(text) <= limit and text.isprintable():
        return text
    return "".join([char for char in text[:limit] if char.isprintable() or char in _KEPT])


def _messages(plan: Plan) -> tuple[list[pb.ScheduledMessage], list[pb.ScheduledMessage]]:
    emails: list[pb.ScheduledMessage] = []
    sms: list[pb.ScheduledMessage] = []
    for message in plan.messages:
        (emails if message.channel is Channel.EMAIL else sms).append(_scheduled(message))
    return emails, sms


def _scheduled(message: PlannedMessage) -> pb.ScheduledMessage:
    since = message.send_at - _EPOCH
    return pb.ScheduledMessage(
        message_id=message.message_id,
        template=message.template,
        send_at=Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000),
        marketing=message.marketing,
    )


def _suppressed(plan: Plan) -> list[pb.Suppression]:
    return [_suppression(item) for item in plan.suppressed]


@lru_cache(maxsize=256)
def _suppression(item: Suppressed) -> pb.Suppression:
    return pb.Suppression(channel=_CHANNELS[item.channel], template=item.template, reason=item.reason)


def _status(plan: Plan) -> Any:
    return _STATUSES[plan.status]


def channel_value(channel: Channel) -> Any:
    """A channel in the contract's enum."""
    return _CHANNELS[channel]


def span(request: pb.GetFlowStatisticsRequest) -> tuple[dt.datetime | None, dt.datetime | None]:
    """First instant and first instant after, each None when open."""
    period = request.period
    start = time_from_proto(period.start) if period.HasField("start") else None
    return start, time_from_proto(period.end) if period.HasField("end") else None


def statistics_response(
    flows: Sequence[tuple[int, bool, int, int]], messages: Sequence[tuple[int, int, str, int]]
) -> pb.GetFlowStatisticsResponse:
    """Counts of flows and messages."""
    return pb.GetFlowStatisticsResponse(
        flows=[
            pb.FlowCount(kind=_KINDS[FlowKind(kind)], held_out=held, status=_STATUSES[FlowStatus(status)], count=count)
            for kind, held, status, count in flows
        ],
        messages=[
            pb.MessageCount(
                channel=_CHANNELS[Channel(channel)],
                status=_MESSAGE_STATUSES[MessageStatus(status)],
                reason=reason,
                count=count,
            )
            for channel, status, reason, count in messages
        ],
    )
