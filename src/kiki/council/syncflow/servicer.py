"""gRPC edge of SyncFlow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message

from kiki.council.syncflow import convert, convert_registry
from kiki.council.syncflow.errors import BadField
from kiki.council.syncflow.service import decisions
from kiki.council.syncflow.service.decisions import Changed, Decision
from kiki.council.syncflow.service.registry import Registry
from kiki.kit.clock import Clock
from kiki.kit.database import Connection
from kiki.kit.digest import semantic_digest
from kiki.kit.errors import KikiError
from kiki.kit.grpc.status import item_error
from kiki.kit.grpc.times import time_key
from kiki.kit.receipts import Once, OnceItem, Outcome
from kiki.rpc.v1 import common_pb2, syncflow_pb2_grpc
from kiki.rpc.v1 import syncflow_pb2 as pb

MAX_BATCH = 300
_Response = TypeVar("_Response", bound=Message)
_Result = TypeVar("_Result", bound=Message)
Parse = Callable[[Any], Sequence[Decision]]
Encode = Callable[[Sequence[Changed]], Message]


class SyncFlowServicer(syncflow_pb2_grpc.SyncFlowServiceServicer):
    """Translates; decides nothing. `wake` is called when work was committed."""

    def __init__(self, *, registry: Registry, once: Once, clock: Clock, wake: Callable[[], None]) -> None:
        self._registry = registry
        self._once = once
        self._clock = clock
        self._wake = wake

    async def PauseProductCampaigns(
        self, request: pb.PauseProductCampaignsRequest, context: Any
    ) -> pb.PauseProductCampaignsResponse:
        return await self._one(request, _PAUSE, pb.PauseProductCampaignsResponse)

    async def BatchPauseProductCampaigns(
        self, request: pb.BatchPauseProductCampaignsRequest, context: Any
    ) -> pb.BatchPauseProductCampaignsResponse:
        results = await self._many(
            request.requests, _PAUSE, pb.PauseProductCampaignsResponse, pb.PauseProductCampaignsResult
        )
        return pb.BatchPauseProductCampaignsResponse(results=results)

    async def ResumeProductCampaigns(
        self, request: pb.ResumeProductCampaignsRequest, context: Any
    ) -> pb.ResumeProductCampaignsResponse:
        return await self._one(request, _RESUME, pb.ResumeProductCampaignsResponse)

    async def BatchResumeProductCampaigns(
        self, request: pb.BatchResumeProductCampaignsRequest, context: Any
    ) -> pb.BatchResumeProductCampaignsResponse:
        results = await self._many(
            request.requests, _RESUME, pb.ResumeProductCampaignsResponse, pb.ResumeProductCampaignsResult
        )
        return pb.BatchResumeProductCampaignsResponse(results=results)

    async def AdjustBidsForInventory(
        self, request: pb.AdjustBidsForInventoryRequest, context: Any
    ) -> pb.AdjustBidsForInventoryResponse:
        return await self._one(request, _BIDS, pb.AdjustBidsForInventoryResponse)

    async def BatchAdjustBidsForInventory(
        self, request: pb.BatchAdjustBidsForInventoryRequest, context: Any
    ) -> pb.BatchAdjustBidsForInventoryResponse:
        results = await self._many(
            request.requests, _BIDS, pb.AdjustBidsForInventoryResponse, pb.AdjustBidsForInventoryResult
        )
        return pb.BatchAdjustBidsForInventoryResponse(results=results)

    async def UpdateProductMargins(
        self, request: pb.UpdateProductMarginsRequest, context: Any
    ) -> pb.UpdateProductMarginsResponse:
        return await self._one(request, _MARGINS, pb.UpdateProductMarginsResponse)

    async def BatchUpdateProductMargins(
        self, request: pb.BatchUpdateProductMarginsRequest, context: Any
    ) -> pb.BatchUpdateProductMarginsResponse:
        results = await self._many(
            request.requests, _MARGINS, pb.UpdateProductMarginsResponse, pb.UpdateProductMarginsResult
        )
        return pb.BatchUpdateProductMarginsResponse(results=results)

    async def PutAdNetwork(self, request: pb.PutAdNetworkRequest, context: Any) -> pb.PutAdNetworkResponse:
        given = convert_registry.network_connection(request, self._clock.now())

        async def put(connection: Connection) -> pb.PutAdNetworkResponse:
            stored = await self._registry.put_network(connection, given)
            return pb.PutAdNetworkResponse(connection=convert_registry.connection_message(stored))

        fields = (given.network, given.base_url, given.token)
        return await self._exactly_once("PutAdNetwork", request, fields, put, pb.PutAdNetworkResponse)

    async def ListAdNetworks(self, request: pb.ListAdNetworksRequest, context: Any) -> pb.ListAdNetworksResponse:
        found = await self._registry.list_networks(convert.store(request.store_id))
        return pb.ListAdNetworksResponse(connections=[convert_registry.connection_message(item) for item in found])

    async def RegisterCampaigns(
        self, request: pb.RegisterCampaignsRequest, context: Any
    ) -> pb.RegisterCampaignsResponse:
        definitions = convert_registry.definitions(request)

        async def register(connection: Connection) -> pb.RegisterCampaignsResponse:
            added, replaced = await self._registry.register(connection, request.store_id, definitions)
            return pb.RegisterCampaignsResponse(added=added, replaced=replaced)

        fields = tuple(convert_registry.definition_fields(item) for item in definitions)
        return await self._exactly_once("RegisterCampaigns", request, fields, register, pb.RegisterCampaignsResponse)

    async def ListCampaigns(self, request: pb.ListCampaignsRequest, context: Any) -> pb.ListCampaignsResponse:
        size = convert.page_size(request.page_size, default=200, most=1_000)
        found = await self._registry.list_campaigns(
            store_id=request.store_id or None,
            updated_after=convert.optional_time(request, "updated_after"),
            after=convert_registry.campaign_cursor(request.page_token),
            limit=size + 1,
        )
        return pb.ListCampaignsResponse(
            campaigns=[convert_registry.campaign_message(item) for item in found[:size]],
            next_page_token=convert_registry.campaign_token(found[size - 1]) if len(found) > size else "",
        )

    async def HoldCampaign(self, request: pb.HoldCampaignRequest, context: Any) -> pb.HoldCampaignResponse:
        given = convert_registry.hold(request, self._clock.now())

        async def put(connection: Connection) -> pb.HoldCampaignResponse:
            campaign = await self._registry.hold(connection, request.store_id, request.campaign_id, given)
            return pb.HoldCampaignResponse(campaign=convert_registry.campaign_message(campaign))

        expires = time_key(request.expires_at) if given.expires_at else None
        fields = (request.campaign_id, given.reason, given.actor, expires)
        return await self._exactly_once("HoldCampaign", request, fields, put, pb.HoldCampaignResponse)

    async def ReleaseHold(self, request: pb.ReleaseHoldRequest, context: Any) -> pb.ReleaseHoldResponse:
        actor = convert.text("actor", request.actor)

        async def release(connection: Connection) -> pb.ReleaseHoldResponse:
            campaign, released = await self._registry.release(connection, request.store_id, request.campaign_id)
            return pb.ReleaseHoldResponse(campaign=convert_registry.campaign_message(campaign), released=released)

        fields = (request.campaign_id, actor)
        return await self._exactly_once("ReleaseHold", request, fields, release, pb.ReleaseHoldResponse)

    async def GetProductState(self, request: pb.GetProductStateRequest, context: Any) -> pb.GetProductStateResponse:
        state, campaigns = await self._registry.get_product(convert.store(request.store_id), request.product_id)
        return convert_registry.product_message(state, campaigns)

    async def ListActions(self, request: pb.ListActionsRequest, context: Any) -> pb.ListActionsResponse:
        query = convert_registry.action_query(request)
        found = await self._registry.list_actions(query)
        shown = found[: query.limit - 1]
        return pb.ListActionsResponse(
            actions=[convert_registry.action_message(item) for item in shown],
            next_page_token=convert.encode_token(shown[-1].action_id) if len(found) == query.limit else "",
        )

    async def CountEffects(
        self, request: common_pb2.CountEffectsRequest, context: Any
    ) -> common_pb2.CountEffectsResponse:
        counts = await self._once.count(request.store_id)
        return common_pb2.CountEffectsResponse(
            counts=[common_pb2.EffectCount(method=method, count=count) for method, count in counts.items()]
        )

    async def _one(self, request: Any, kind: _Kind, answer: type[_Response]) -> _Response:
        (outcome,) = await self._run([_item(request, kind)], kind)
        if isinstance(outcome, KikiError):
            raise outcome
        return answer.FromString(outcome)

    async def _many(
        self, requests: Sequence[Any], kind: _Kind, answer: type[Message], result: Callable[..., _Result]
    ) -> list[_Result]:
        """A result per request: unreadable ones fail alone."""
        if len(requests) > MAX_BATCH:
            raise BadField(f"a batch has at most {MAX_BATCH} requests, got {len(requests)}", reason="BATCH_TOO_LARGE")
        outcomes: list[Outcome | None] = []
        items: list[OnceItem[Sequence[Decision]]] = []
        for request in requests:
            try:
                items.append(_item(request, kind))
                outcomes.append(None)
            except KikiError as error:
                outcomes.append(error)
        done = iter(await self._run(items, kind))
        results: list[_Result] = []
        for outcome in outcomes:
            known = next(done) if outcome is None else outcome
            if isinstance(known, KikiError):
                results.append(result(error=_item_error(known)))
            else:
                results.append(result(response=answer.FromString(known)))
        return results

    async def _run(self, items: Sequence[OnceItem[Sequence[Decision]]], kind: _Kind) -> list[Outcome]:
        async def work(connection: Connection, fresh: Sequence[OnceItem[Sequence[Decision]]]) -> Sequence[Outcome]:
            flat = [decision for item in fresh for decision in item.command]
            changed = iter(await decisions.decide(connection, flat, self._clock.now()))
            return [kind.encode([next(changed) for _ in item.command]).SerializeToString() for item in fresh]

        outcomes = await self._once.run(kind.method, items, work)
        self._wake()
        return outcomes

    async def _exactly_once(
        self,
        method: str,
        request: Any,
        fields: tuple[object, ...],
        work: Callable[[Connection], Awaitable[_Response]],
        answer: type[_Response],
    ) -> _Response:
        item = OnceItem(
            convert.store(request.store_id),
            convert.text("event_id", request.event_id),
            semantic_digest(method, *fields),
            None,
        )

        async def run(connection: Connection, fresh: Sequence[OnceItem[None]]) -> Sequence[Outcome]:
            return [(await work(connection)).SerializeToString() for _ in fresh]

        (outcome,) = await self._once.run(method, [item], run)
        self._wake()
        if isinstance(outcome, KikiError):
            raise outcome
        return answer.FromString(outcome)


class _Kind:
    """One kind of decision: its method, and how it is read, told apart and answered."""

    def __init__(self, method: str, parse: Parse, fields: Callable[[Any], tuple[object, ...]], encode: Encode) -> None:
        self.method = method
        self.parse = parse
        self.fields = fields
        self.encode = encode


def _item(request: Any, kind: _Kind) -> OnceItem[Sequence[Decision]]:
    """Lane and decision number say how a decision travels, not what it says: they are not in the digest."""
    parsed = kind.parse(request)
    event_id = convert.text("event_id", request.event_id)
    digest = semantic_digest(kind.method, *kind.fields(request))
    return OnceItem(convert.store(request.store_id), event_id, digest, parsed)


def _item_error(error: KikiError) -> common_pb2.ItemError:
    code, reason, message = item_error(error)
    return common_pb2.ItemError(code=code, reason=reason, message=message)


_PAUSE = _Kind(
    "PauseProductCampaigns",
    lambda m: [convert.pause(m)],
    lambda m: (m.product_id, m.sku, m.reason, m.actor, m.note, time_key(m.expires_at)),
    convert.pause_response,
)
_RESUME = _Kind(
    "ResumeProductCampaigns",
    lambda m: [convert.resume(m)],
    lambda m: (
        m.product_id,
        m.sku,
        m.new_quantity,
        sorted(m.reasons),
        m.actor,
        m.note,
        time_key(m.expires_at),
    ),
    convert.resume_response,
)
_BIDS = _Kind(
    "AdjustBidsForInventory",
    lambda m: [convert.adjust_bids(m)],
    lambda m: (m.product_id, m.quantity, m.low_stock_threshold, m.factor),
    convert.bids_response,
)
_MARGINS = _Kind(
    "UpdateProductMargins",
    convert.margins,
    lambda m: (sorted(m.margins.items()), m.margin_floor),
    convert.margins_response,
)
