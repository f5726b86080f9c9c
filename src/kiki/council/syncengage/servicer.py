"""The gRPC edge of SyncEngage."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message

from kiki.council.syncengage import convert
from kiki.council.syncengage.contacts import ContactService
from kiki.council.syncengage.queries import QueryService
from kiki.council.syncengage.service import FlowService
from kiki.kit.errors import InvalidInput, KikiError
from kiki.kit.grpc.status import item_error
from kiki.kit.receipts import Once, OnceItem, Outcome, Part
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import syncengage_pb2 as pb
from kiki.rpc.v1 import syncengage_pb2_grpc

_R = TypeVar("_R", bound=Message)
_T = TypeVar("_T")
_MAX_BATCH = 300

Parse = Callable[[Any], OnceItem[_T]]
Run = Callable[[Sequence[OnceItem[_T]]], Awaitable[list[Outcome]]]


class SyncEngageServicer(syncengage_pb2_grpc.SyncEngageServiceServicer):
    """Reads requests, calls the services, writes answers."""

    def __init__(self, *, flows: FlowService, contacts: ContactService, queries: QueryService, once: Once) -> None:
        self._flows = flows
        self._contacts = contacts
        self._queries = queries
        self._once = once

    async def TriggerPostPurchaseFlow(
        self, request: pb.TriggerPostPurchaseFlowRequest, context: Any
    ) -> pb.TriggerPostPurchaseFlowResponse:
        item = convert.post_purchase(request)
        return await _single(self._post_purchase([item]), pb.TriggerPostPurchaseFlowResponse)

    async def BatchTriggerPostPurchaseFlows(
        self, request: pb.BatchTriggerPostPurchaseFlowsRequest, context: Any
    ) -> pb.BatchTriggerPostPurchaseFlowsResponse:
        outcomes = await _batch(request.requests, convert.post_purchase, self._post_purchase)
        return pb.BatchTriggerPostPurchaseFlowsResponse(results=_results(pb.TriggerPostPurchaseFlowResult, outcomes))

    async def TriggerChurnPrevention(
        self, request: pb.TriggerChurnPreventionRequest, context: Any
    ) -> pb.TriggerChurnPreventionResponse:
        item = convert.churn_prevention(request)
        return await _single(self._churn_prevention([item]), pb.TriggerChurnPreventionResponse)

    async def BatchTriggerChurnPreventions(
        self, request: pb.BatchTriggerChurnPreventionsRequest, context: Any
    ) -> pb.BatchTriggerChurnPreventionsResponse:
        outcomes = await _batch(request.requests, convert.churn_prevention, self._churn_prevention)
        return pb.BatchTriggerChurnPreventionsResponse(results=_results(pb.TriggerChurnPreventionResult, outcomes))

    async def TriggerUpsellFlow(
        self, request: pb.TriggerUpsellFlowRequest, context: Any
    ) -> pb.TriggerUpsellFlowResponse:
        return await _single(self._upsell([convert.upsell(request)]), pb.TriggerUpsellFlowResponse)

    async def BatchTriggerUpsellFlows(
        self, request: pb.BatchTriggerUpsellFlowsRequest, context: Any
    ) -> pb.BatchTriggerUpsellFlowsResponse:
        outcomes = await _batch(request.requests, convert.upsell, self._upsell)
        return pb.BatchTriggerUpsellFlowsResponse(results=_results(pb.TriggerUpsellFlowResult, outcomes))

    async def PutContact(self, request: pb.PutContactRequest, context: Any) -> pb.PutContactResponse:
        return await _single(self._put_contact([convert.contact_update(request)]), pb.PutContactResponse)

    async def BatchPutContacts(self, request: pb.BatchPutContactsRequest, context: Any) -> pb.BatchPutContactsResponse:
        outcomes = await _batch(request.requests, convert.contact_update, self._put_contact)
        return pb.BatchPutContactsResponse(results=_results(pb.PutContactResult, outcomes))

    async def BatchEngage(self, request: pb.BatchEngageRequest, context: Any) -> pb.BatchEngageResponse:
        _check_size(request.requests)
        outcomes: list[Outcome | None] = [None] * len(request.requests)
        read: list[tuple[int, str, OnceItem[Any]]] = []
        for position, one in enumerate(request.requests):
            kind = one.WhichOneof("request")
            try:
                if kind is None:
                    raise InvalidInput("a request holds none of the four kinds", reason="MISSING_FIELD")
                read.append((position, kind, _ENGAGE[kind](getattr(one, kind))))
            except KikiError as error:
                outcomes[position] = error
        for wave in _waves(read):
            parts = [self._part(kind, [item for _, item in items]) for kind, items in wave]
            for (_, items), done in zip(wave, await self._flows.run(parts), strict=True):
                for (position, _), outcome in zip(items, done, strict=True):
                    outcomes[position] = outcome
        results = [
            _engaged(one.WhichOneof("request") or "", outcome)
            for one, outcome in zip(request.requests, outcomes, strict=True)
            if outcome is not None
        ]
        return pb.BatchEngageResponse(results=results)

    async def PutDiscountCode(self, request: pb.PutDiscountCodeRequest, context: Any) -> pb.PutDiscountCodeResponse:
        items = [convert.discount_code(request)]
        return await _single(
            self._flows.put_discount_code(items, convert.discount_code_response), pb.PutDiscountCodeResponse
        )

    async def EraseContact(self, request: pb.EraseContactRequest, context: Any) -> pb.EraseContactResponse:
        items = [convert.erasure(request)]
        return await _single(self._contacts.erase(items, convert.erase_response), pb.EraseContactResponse)

    async def EraseStore(self, request: pb.EraseStoreRequest, context: Any) -> pb.EraseStoreResponse:
        items = [convert.store_erasure(request)]
        return await _single(self._contacts.erase_store(items, convert.erase_store_response), pb.EraseStoreResponse)

    async def CancelFlows(self, request: pb.CancelFlowsRequest, context: Any) -> pb.CancelFlowsResponse:
        items = [convert.cancellation(request)]
        return await _single(self._flows.cancel(items, convert.cancel_response), pb.CancelFlowsResponse)

    async def PutProductAvailability(
        self, request: pb.PutProductAvailabilityRequest, context: Any
    ) -> pb.PutProductAvailabilityResponse:
        items = [convert.availability(request)]
        return await _single(
            self._flows.put_availability(items, convert.availability_response), pb.PutProductAvailabilityResponse
        )

    async def GetContact(self, request: pb.GetContactRequest, context: Any) -> pb.GetContactResponse:
        if not request.customer_key and not request.email:
            raise InvalidInput("a contact is asked for by customer_key or by email", reason="MISSING_FIELD")
        return convert.contact_response(
            *await self._contacts.get(request.store_id, request.customer_key, request.email)
        )

    async def Unsubscribe(self, request: pb.UnsubscribeRequest, context: Any) -> pb.UnsubscribeResponse:
        done = await self._contacts.unsubscribe(request.token)
        return pb.UnsubscribeResponse(
            store_id=done.store_id,
            channel=convert.channel_value(done.channel),
            shop_name=done.shop_name,
            already=done.already,
            messages_cancelled=done.messages_cancelled,
        )

    async def ListBounces(self, request: pb.ListBouncesRequest, context: Any) -> pb.ListBouncesResponse:
        page = await self._queries.bounces(request.store_id, request.page_size, request.page_token)
        bounces = [convert.bounce_message(row) for row in page.rows]
        return pb.ListBouncesResponse(bounces=bounces, next_page_token=page.next_token)

    async def LiftBounce(self, request: pb.LiftBounceRequest, context: Any) -> pb.LiftBounceResponse:
        items = [convert.lifting(request)]
        return await _single(self._contacts.lift_bounce(items, convert.lift_response), pb.LiftBounceResponse)

    async def GetFlow(self, request: pb.GetFlowRequest, context: Any) -> pb.GetFlowResponse:
        flow, messages = await self._queries.flow(request.store_id, request.flow_id)
        return pb.GetFlowResponse(flow=convert.flow_message(flow, messages))

    async def ListFlows(self, request: pb.ListFlowsRequest, context: Any) -> pb.ListFlowsResponse:
        page = await self._queries.flows(
            request.store_id, request.kind, request.status, request.page_size, request.page_token
        )
        flows = [convert.flow_message(row, []) for row in page.rows]
        return pb.ListFlowsResponse(flows=flows, next_page_token=page.next_token)

    async def ListMessages(self, request: pb.ListMessagesRequest, context: Any) -> pb.ListMessagesResponse:
        page = await self._queries.messages(
            request.store_id, request.status, request.customer_key, request.page_size, request.page_token
        )
        messages = [convert.message_message(row) for row in page.rows]
        return pb.ListMessagesResponse(messages=messages, next_page_token=page.next_token)

    async def GetFlowStatistics(
        self, request: pb.GetFlowStatisticsRequest, context: Any
    ) -> pb.GetFlowStatisticsResponse:
        flows, messages = await self._queries.statistics(request.store_id, *convert.span(request))
        return convert.statistics_response(flows, messages)

    async def CountEffects(self, request: common.CountEffectsRequest, context: Any) -> common.CountEffectsResponse:
        counts = await self._once.count(request.store_id)
        return common.CountEffectsResponse(
            counts=[common.EffectCount(method=method, count=count) for method, count in counts.items()]
        )

    async def _post_purchase(self, items: Sequence[OnceItem[Any]]) -> list[Outcome]:
        return (await self._flows.run([self._part("post_purchase", items)]))[0]

    async def _churn_prevention(self, items: Sequence[OnceItem[Any]]) -> list[Outcome]:
        return (await self._flows.run([self._part("churn_prevention", items)]))[0]

    async def _upsell(self, items: Sequence[OnceItem[Any]]) -> list[Outcome]:
        return (await self._flows.run([self._part("upsell", items)]))[0]

    async def _put_contact(self, items: Sequence[OnceItem[Any]]) -> list[Outcome]:
        return (await self._flows.run([self._part("put_contact", items)]))[0]

    def _part(self, kind: str, items: Sequence[OnceItem[Any]]) -> Part[Any]:
        match kind:
            case "put_contact":
                return self._contacts.put(items, convert.put_contact_response)
            case "post_purchase":
                return self._flows.post_purchase(items, convert.post_purchase_response)
            case "churn_prevention":
                return self._flows.churn_prevention(items, convert.churn_prevention_response)
            case _:
                return self._flows.upsell(items, convert.upsell_response)


_ENGAGE: dict[str, Parse[Any]] = {
    "put_contact": convert.contact_update,
    "post_purchase": convert.post_purchase,
    "churn_prevention": convert.churn_prevention,
    "upsell": convert.upsell,
}
"""How the kinds of one batch are read, in the order in which they are done."""
_RANKS = {kind: rank for rank, kind in enumerate(_ENGAGE)}
_Wave = list[tuple[str, list[tuple[int, OnceItem[Any]]]]]


def _waves(requests: Sequence[tuple[int, str, OnceItem[Any]]]) -> list[_Wave]:
    """Requests by kind, in as few rounds as keep those for one contact in their order; mostly one."""
    waves: list[dict[str, list[tuple[int, OnceItem[Any]]]]] = []
    reached: dict[tuple[int, str], tuple[int, int]] = {}
    for position, kind, item in requests:
        key = (item.store_id, item.command.person.customer_key)
        wave, rank = reached.get(key, (0, 0))
        if _RANKS[kind] < rank:
            wave += 1
        reached[key] = (wave, _RANKS[kind])
        if wave == len(waves):
            waves.append({})
        waves[wave].setdefault(kind, []).append((position, item))
    return [sorted(wave.items(), key=lambda part: _RANKS[part[0]]) for wave in waves]


async def _single(work: Awaitable[list[Outcome]], response: type[_R]) -> _R:
    outcome = (await work)[0]
    if isinstance(outcome, KikiError):
        raise outcome
    return response.FromString(outcome)


async def _batch(requests: Sequence[Any], parse: Parse[_T], run: Run[_T]) -> list[Outcome]:
    """An outcome per request, in order; a request that cannot be read fails alone."""
    _check_size(requests)
    outcomes: list[Outcome | None] = []
    items: list[OnceItem[_T]] = []
    for request in requests:
        try:
            items.append(parse(request))
            outcomes.append(None)
        except KikiError as error:
            outcomes.append(error)
    done = iter(await run(items)) if items else iter(())
    return [next(done) if outcome is None else outcome for outcome in outcomes]


def _check_size(requests: Sequence[Any]) -> None:
    if len(requests) > _MAX_BATCH:
        raise InvalidInput(f"a batch has at most {_MAX_BATCH} requests, got {len(requests)}", reason="BATCH_TOO_LARGE")


def _engaged(kind: str, outcome: Outcome) -> pb.EngageResult:
    made = pb.EngageResult()
    if isinstance(outcome, bytes):
        getattr(made.response, kind).MergeFromString(outcome)
        getattr(made.response, kind).SetInParent()
    else:
        made.error.code, made.error.reason, made.error.message = item_error(outcome)
    return made


def _results(result: type[Any], outcomes: Sequence[Outcome]) -> list[Any]:
    results = []
    for outcome in outcomes:
        made = result()
        if isinstance(outcome, bytes):
            made.response.MergeFromString(outcome)
        else:
            code, reason, message = item_error(outcome)
            made.error.code, made.error.reason, made.error.message = code, reason, message
        results.append(made)
    return results
