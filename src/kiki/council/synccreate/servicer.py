"""The gRPC edge of SyncCreate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message

from kiki.council.synccreate import convert
from kiki.council.synccreate.service import CreativeService
from kiki.kit.errors import InvalidInput, KikiError
from kiki.kit.grpc.status import item_error
from kiki.kit.grpc.times import time_to_proto
from kiki.kit.receipts import Once, OnceItem, Outcome
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import synccreate_pb2 as pb
from kiki.rpc.v1 import synccreate_pb2_grpc

_R = TypeVar("_R", bound=Message)
_T = TypeVar("_T")
_MAX_BATCH = 300


class SyncCreateServicer(synccreate_pb2_grpc.SyncCreateServiceServicer):
    """Reads requests, calls the service, writes answers."""

    def __init__(self, *, creatives: CreativeService, once: Once) -> None:
        self._creatives = creatives
        self._once = once

    async def GenerateProductCreative(
        self, request: pb.GenerateProductCreativeRequest, context: Any
    ) -> pb.GenerateProductCreativeResponse:
        return _single(await self._generate([convert.brief(request)]), pb.GenerateProductCreativeResponse)

    async def BatchGenerateCreatives(
        self, request: pb.BatchGenerateCreativesRequest, context: Any
    ) -> pb.BatchGenerateCreativesResponse:
        outcomes = await _batch(request.requests, convert.brief, self._generate)
        failed = sum(isinstance(outcome, KikiError) for outcome in outcomes)
        results = _results(pb.GenerateProductCreativeResult, outcomes)
        return pb.BatchGenerateCreativesResponse(results=results, processed=len(outcomes) - failed, failed=failed)

    async def RefreshProductCreative(
        self, request: pb.RefreshProductCreativeRequest, context: Any
    ) -> pb.RefreshProductCreativeResponse:
        return _single(await self._refresh([convert.refresh(request)]), pb.RefreshProductCreativeResponse)

    async def BatchRefreshProductCreatives(
        self, request: pb.BatchRefreshProductCreativesRequest, context: Any
    ) -> pb.BatchRefreshProductCreativesResponse:
        outcomes = await _batch(request.requests, convert.refresh, self._refresh)
        failed = sum(isinstance(outcome, KikiError) for outcome in outcomes)
        results = _results(pb.RefreshProductCreativeResult, outcomes)
        return pb.BatchRefreshProductCreativesResponse(results=results, processed=len(outcomes) - failed, failed=failed)

    async def GetCreative(self, request: pb.GetCreativeRequest, context: Any) -> pb.GetCreativeResponse:
        creative = await self._creatives.get(request.store_id, request.creative_id, request.version)
        return pb.GetCreativeResponse(creative=convert.creative_message(creative, self._creatives.url))

    async def ListCreatives(self, request: pb.ListCreativesRequest, context: Any) -> pb.ListCreativesResponse:
        creatives, following = await self._creatives.list_page(
            request.store_id,
            product_id=request.product_id,
            network=request.ad_network,
            status=request.status,
            before=convert.read_page_token(request.page_token),
            limit=convert.page_size(request.page_size),
        )
        return pb.ListCreativesResponse(
            creatives=[convert.creative_message(creative, self._creatives.url) for creative in creatives],
            next_page_token=convert.page_token(following),
        )

    async def GetAsset(self, request: pb.GetAssetRequest, context: Any) -> pb.GetAssetResponse:
        content, content_type, digest, at = await self._creatives.asset(request.asset_id)
        return pb.GetAssetResponse(
            content=content, content_type=content_type, sha256=digest.hex(), created_at=time_to_proto(at)
        )

    async def CountEffects(self, request: common.CountEffectsRequest, context: Any) -> common.CountEffectsResponse:
        counts = await self._once.count(request.store_id)
        return common.CountEffectsResponse(
            counts=[common.EffectCount(method=method, count=count) for method, count in counts.items()]
        )

    async def _generate(self, items: Sequence[OnceItem[Any]]) -> list[Outcome]:
        return await self._creatives.generate(items, convert.made_response)

    async def _refresh(self, items: Sequence[OnceItem[Any]]) -> list[Outcome]:
        return await self._creatives.refresh(items, convert.refreshed_response)


def _single(outcomes: Sequence[Outcome], response: type[_R]) -> _R:
    outcome = outcomes[0]
    if isinstance(outcome, KikiError):
        raise outcome
    return response.FromString(outcome)


async def _batch(
    requests: Sequence[Any],
    parse: Callable[[Any], OnceItem[_T]],
    run: Callable[[Sequence[OnceItem[_T]]], Awaitable[list[Outcome]]],
) -> list[Outcome]:
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
            made.error.code, made.error.reason, made.error.message = item_error(outcome)
        results.append(made)
    return results
