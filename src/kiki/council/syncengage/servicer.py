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
from kiki.kit.receipts import Once, OnceItem, Outcome
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

    async def PutDiscountCode(self, request: pb.PutDiscountCodeRequest, context: Any) -> pb.PutDiscountCodeResponse:
        items = [convert.discount_code(request)]
        return await _single(
            self._flows.put_discount_code(items, convert.discount_code_response), pb.PutDiscountCodeResponse
        )

    async def EraseContact(self, request: pb.EraseContactRequest, context: Any) -> pb.EraseContactResponse:
        items = [convert.erasure(request)]
        return await _single(self._contacts.erase(items, convert.erase_response), pb.EraseContactResponse)

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
        return await self._flows.trigger_post_purchase(items, convert.post_purchase_response)

    async def _churn_prevention(self, items: Sequence[OnceItem[Any]]) -> list[Outcome]:
        return await self._flows.trigger_churn_prevention(items, convert.churn_prevention_response)

    async def _upsell(self, items: Sequence[OnceItem[Any]]) -> list[Outcome]:
        return await self._flows.trigger_upsell(items, convert.upsell_response)

    async def _put_contact(self, items: Sequence[OnceItem[Any]]) -> list[Outcome]:
        return await self._contacts.put(items, convert.put_contact_response)


async def _single(work: Awaitable[list[Outcome]], response: type[_R]) -> _R:
    outcome = (await work)[0]
    if isinstance(outcome, KikiError):
        raise outcome
    return response.FromString(outcome)


async def _batch(requests: Sequence[Any], parse: Parse[_T], run: Run[_T]) -> list[Outcome]:
    """An outcome per request, in order; a request that cannot be read fails alone."""
    if len(requests) > _MAX_BATCH:
        raise InvalidInput(f"a batch has at most {_MAX_BATCH} requests, got {len(requests)}", reason="BATCH_TOO_LARGE")
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
