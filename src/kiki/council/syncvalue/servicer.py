"""The gRPC edge of SyncValue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kiki.council.syncvalue import convert, convert_models, convert_promotions
from kiki.council.syncvalue.baseline import divided
from kiki.council.syncvalue.baselining import Baselines
from kiki.council.syncvalue.domain import Order
from kiki.council.syncvalue.errors import BadRequest
from kiki.council.syncvalue.modelling import Modelling
from kiki.council.syncvalue.promoting import ShopPromotions
from kiki.council.syncvalue.service import SyncValue
from kiki.kit.errors import KikiError
from kiki.kit.grpc.status import item_error
from kiki.kit.grpc.times import time_from_proto
from kiki.kit.money import check_currency
from kiki.kit.receipts import OnceItem, Outcome
from kiki.rpc.v1 import common_pb2, syncvalue_pb2, syncvalue_pb2_grpc

MAX_BATCH = 300
_MAX_PAGE = 1_000
_MAX_MODELS = 100


class SyncValueServicer(syncvalue_pb2_grpc.SyncValueServiceServicer):
    """Converts, calls the service, converts back."""

    def __init__(
        self, service: SyncValue, baselines: Baselines, modelling: Modelling, promotions: ShopPromotions
    ) -> None:
        self._service = service
        self._baselines = baselines
        self._modelling = modelling
        self._promotions = promotions

    async def UpdateCustomerLTV(
        self, request: syncvalue_pb2.UpdateCustomerLTVRequest, _context: Any
    ) -> syncvalue_pb2.UpdateCustomerLTVResponse:
        outcome = (await self._update([request]))[0]
        return syncvalue_pb2.UpdateCustomerLTVResponse.FromString(_checked(outcome))

    async def BatchUpdateOrders(
        self, request: syncvalue_pb2.BatchUpdateOrdersRequest, _context: Any
    ) -> syncvalue_pb2.BatchUpdateOrdersResponse:
        if len(request.requests) > MAX_BATCH:
            raise BadRequest(
                f"a batch holds at most {MAX_BATCH} requests, got {len(request.requests)}", reason="BATCH_TOO_LARGE"
            )
        answer = syncvalue_pb2.BatchUpdateOrdersResponse()
        failed = 0
        for outcome in await self._update(request.requests):
            result = answer.results.add()
            if isinstance(outcome, bytes):
                result.response.MergeFromString(outcome)
            else:
                failed += 1
                result.error.code, result.error.reason, result.error.message = item_error(outcome)
        answer.failed = failed
        answer.processed = len(answer.results) - failed
        return answer

    async def GetCustomerLTV(
        self, request: syncvalue_pb2.GetCustomerLTVRequest, _context: Any
    ) -> syncvalue_pb2.GetCustomerLTVResponse:
        found = await self._service.get_customer(request.store_id, request.customer_key, convert.as_of(request))
        return convert.customer_message(*found)

    async def UpdateBaselineMetrics(
        self, request: syncvalue_pb2.UpdateBaselineMetricsRequest, _context: Any
    ) -> syncvalue_pb2.UpdateBaselineMetricsResponse:
        outcome = await self._baselines.update(convert.baseline_item(request), convert.baseline_answer)
        return syncvalue_pb2.UpdateBaselineMetricsResponse.FromString(_checked(outcome))

    async def GetBaseline(
        self, request: syncvalue_pb2.GetBaselineRequest, _context: Any
    ) -> syncvalue_pb2.GetBaselineResponse:
        month = convert.month_of(request)
        as_of = time_from_proto(request.as_of) if request.HasField("as_of") else None
        baseline, forecast = await self._baselines.get(request.store_id, as_of)
        return syncvalue_pb2.GetBaselineResponse(baseline=convert.baseline_message(baseline, forecast, month))

    async def GetRevenueInPeriod(
        self, request: syncvalue_pb2.GetRevenueInPeriodRequest, _context: Any
    ) -> syncvalue_pb2.GetRevenueInPeriodResponse:
        start, end = convert.span_of(request.period)
        currency = check_currency(request.currency)
        basis = convert.basis_of(request.basis)
        revenue = await self._baselines.revenue(request.store_id, start, end, currency, basis)
        return convert.revenue_message(revenue, divided(revenue.revenue_minor, revenue.orders), currency)

    async def ListChurnRisks(
        self, request: syncvalue_pb2.ListChurnRisksRequest, _context: Any
    ) -> syncvalue_pb2.ListChurnRisksResponse:
        if not (math.isfinite(request.min_churn_risk) and 0 <= request.min_churn_risk <= 1):
            raise BadRequest("min_churn_risk lies between 0 and 1", reason="BAD_THRESHOLD")
        after = request.last_order_after if request.HasField("last_order_after") else None
        risks, following = await self._service.list_risks(
            store_id=request.store_id,
            threshold=request.min_churn_risk,
            min_orders=request.min_orders,
            last_order_after=None if after is None else time_from_proto(after),
            limit=min(max(request.page_size, 1), _MAX_PAGE) if request.page_size else 100,
            after_key=request.page_token,
        )
        return syncvalue_pb2.ListChurnRisksResponse(
            risks=[convert.risk_message(risk) for risk in risks], next_page_token=following
        )

    async def MergeCustomers(
        self, request: syncvalue_pb2.MergeCustomersRequest, _context: Any
    ) -> syncvalue_pb2.MergeCustomersResponse:
        outcome = await self._service.merge(convert.merge_item(request), convert.merge_answer)
        return syncvalue_pb2.MergeCustomersResponse.FromString(_checked(outcome))

    async def ListModels(
        self, request: syncvalue_pb2.ListModelsRequest, _context: Any
    ) -> syncvalue_pb2.ListModelsResponse:
        limit = min(max(request.page_size, 1), _MAX_MODELS) if request.page_size else 20
        found = await self._modelling.list(request.store_id, convert_models.version_before(request.page_token), limit)
        return convert_models.models_page(found, limit)

    async def GetAccuracy(
        self, request: syncvalue_pb2.GetAccuracyRequest, _context: Any
    ) -> syncvalue_pb2.GetAccuracyResponse:
        return convert_models.accuracy_answer(await self._modelling.get(request.store_id, request.version))

    async def PutPromotions(
        self, request: syncvalue_pb2.PutPromotionsRequest, _context: Any
    ) -> syncvalue_pb2.PutPromotionsResponse:
        outcome = await self._promotions.put(convert_promotions.put_item(request), convert_promotions.put_answer)
        return syncvalue_pb2.PutPromotionsResponse.FromString(_checked(outcome))

    async def RemovePromotion(
        self, request: syncvalue_pb2.RemovePromotionRequest, _context: Any
    ) -> syncvalue_pb2.RemovePromotionResponse:
        item = convert_promotions.removal_item(request)
        outcome = await self._promotions.remove(item, convert_promotions.removal_answer)
        return syncvalue_pb2.RemovePromotionResponse.FromString(_checked(outcome))

    async def ListPromotions(
        self, request: syncvalue_pb2.ListPromotionsRequest, _context: Any
    ) -> syncvalue_pb2.ListPromotionsResponse:
        return convert_promotions.list_answer(await self._promotions.list_all(request.store_id))

    async def CountEffects(
        self, request: common_pb2.CountEffectsRequest, _context: Any
    ) -> common_pb2.CountEffectsResponse:
        counts = await self._service.count_effects(request.store_id)
        return common_pb2.CountEffectsResponse(
            counts=[common_pb2.EffectCount(method=method, count=count) for method, count in counts.items()]
        )

    async def _update(self, requests: Sequence[syncvalue_pb2.UpdateCustomerLTVRequest]) -> list[Outcome]:
        """An outcome per request, in order; a request that cannot be read does not hold up the others."""
        outcomes: list[Outcome | None] = []
        items: list[OnceItem[Order]] = []
        for request in requests:
            try:
                items.append(convert.order_item(request))
                outcomes.append(None)
            except KikiError as error:
                outcomes.append(error)
        done = iter(await self._service.update_orders(items, convert.order_answer))
        return [next(done) if outcome is None else outcome for outcome in outcomes]


def _checked(outcome: Outcome) -> bytes:
    if isinstance(outcome, bytes):
        return outcome
    raise outcome
