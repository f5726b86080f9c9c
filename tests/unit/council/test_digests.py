"""A command keeps its digest from version to version: a call from before an upgrade is known again after it.

Who changes what an agent declares of a command sees one of these change. A field that is new goes to the converter's
`_LATER_…` (docs/decisions/0003): a request that does not tell it then has the digest that stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from kiki.council.synccreate.convert import brief, refresh
from kiki.council.syncengage.convert import (
    availability,
    cancellation,
    churn_prevention,
    contact_update,
    discount_code,
    erasure,
    post_purchase,
    store_erasure,
    upsell,
)
from kiki.council.syncflow.servicer import _BIDS, _MARGINS, _PAUSE, _RESUME, _item, _Kind
from kiki.council.syncledger.convert import contract_item, refund_item, revenue_item, reversal_item
from kiki.council.syncledger.experiments_convert import reading_item
from kiki.council.syncledger.statements_convert import close_item
from kiki.council.syncvalue.convert import baseline_item, merge_item, order_item
from kiki.council.syncvalue.convert_promotions import put_item, removal_item
from kiki.kit.digest import semantic_digest
from kiki.kit.grpc.money import minor_to_proto
from kiki.kit.receipts import OnceItem
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import synccreate_pb2 as create
from kiki.rpc.v1 import syncengage_pb2 as engage
from kiki.rpc.v1 import syncflow_pb2 as flow
from kiki.rpc.v1 import syncledger_pb2 as ledger
from kiki.rpc.v1 import syncvalue_pb2 as value

AT = Timestamp(seconds=1_790_000_000)
EUR = minor_to_proto(1_234, "EUR")
ADA = common.CustomerInfo(customer_id="c1", customer_key="k1", email="ada@customer.example", locale="de-DE")
LAMP = common.ProductInfo(product_id="p1", title="Lamp", price=EUR, image_urls=["https://shop.example/lamp.jpg"])
SPRING = value.ShopPromotion(first_day=Date(year=2026, month=3, day=1), last_day=Date(year=2026, month=3, day=8))
CONTRACT = ledger.Contract(fee_rate="0.2", settlement_currency="EUR", time_zone="Europe/Berlin", connected_at=AT)
BASELINE = ledger.Contract(
    settlement_currency="EUR",
    baseline=ledger.BaselineFigures(revenue=EUR, monthly_average=EUR, months_available=12),
)
MARCH = ledger.BillingMonth(year=2026, month=3)


def made(kind: type[Any], **fields: Any) -> Any:
    return kind(store_id=1, event_id="e", **fields)


def decided(kind: _Kind) -> Callable[[Any], OnceItem[Any]]:
    return lambda request: _item(request, kind)


CASES: Sequence[tuple[Callable[[Any], OnceItem[Any]], Any, str]] = (
    (
        brief,
        made(create.GenerateProductCreativeRequest, product=LAMP, creative_type=1, ad_network=1),
        "c07a9d77b842182171756602a871bfb7",
    ),
    (refresh, made(create.RefreshProductCreativeRequest, product=LAMP, reason=1), "961f53229b720a03386e729892c64f4e"),
    (
        post_purchase,
        made(engage.TriggerPostPurchaseFlowRequest, customer=ADA, order_id="1", placed_at=AT, total=EUR),
        "952399a9d2d4beb9e5191e54354d7535",
    ),
    (
        churn_prevention,
        made(engage.TriggerChurnPreventionRequest, customer=ADA, churn_risk=0.5),
        "7b7925fc0f8e094ad46b51ed1c8df840",
    ),
    (
        upsell,
        made(engage.TriggerUpsellFlowRequest, customer=ADA, purchased_product_ids=["p1"]),
        "e3f176897c1e77fc5176614264cdbc7b",
    ),
    (
        contact_update,
        made(engage.PutContactRequest, customer=ADA, timezone="Europe/Berlin"),
        "f86ce1b4ceadfef8eec30c0083d2af9a",
    ),
    (erasure, made(engage.EraseContactRequest, customer_key="k1"), "6e2d9e0ca67de5b48dd040a0c6a349af"),
    (
        cancellation,
        made(engage.CancelFlowsRequest, order_id="1", customer_key="k1"),
        "942ad2e9215639d20ef5530946a9d992",
    ),
    (
        availability,
        made(
            engage.PutProductAvailabilityRequest,
            products=[engage.ProductAvailability(product_id="p1", sellable=True, decision_seq=3)],
        ),
        "74b6bc5daa9604d5a8cd3fb4862fcb47",
    ),
    (store_erasure, made(engage.EraseStoreRequest), "f04c65bb98b94761fbe86ae9b33dfd44"),
    (
        discount_code,
        made(engage.PutDiscountCodeRequest, flow_id=7, code="TEN", expires_at=AT),
        "028915e709e44c217034f5022e473cce",
    ),
    (
        decided(_PAUSE),
        made(flow.PauseProductCampaignsRequest, product_id="p1", reason=1),
        "286378bd056141af3c753de7b1bae88d",
    ),
    (
        decided(_RESUME),
        made(flow.ResumeProductCampaignsRequest, product_id="p1", new_quantity=3),
        "81b050b538d69f98ea5894b553acd8e6",
    ),
    (
        decided(_BIDS),
        made(flow.AdjustBidsForInventoryRequest, product_id="p1", quantity=1, low_stock_threshold=5, factor="0.5"),
        "7d90b88f5dafb47330a0972d13d6b0fe",
    ),
    (
        decided(_MARGINS),
        made(flow.UpdateProductMarginsRequest, margins={"p1": 0.4}, margin_floor=0.1),
        "05f510de53e7ccb7ca14ef5cb9b4960a",
    ),
    (
        revenue_item,
        made(
            ledger.RecordIncrementalRevenueRequest,
            order_id="1",
            order_amount=EUR,
            confidence=0.8,
            ordered_at=AT,
            paid_at=AT,
        ),
        "4548635a1d886b8bc1f542b75c2b2c28",
    ),
    (
        refund_item,
        made(ledger.RecordRefundRequest, order_id="1", refund_id="r", amount=EUR, refunded_at=AT),
        "e2e1883c7d4f0f3a803d0bc052767f08",
    ),
    (
        reversal_item,
        made(ledger.ReverseOrderRevenueRequest, order_id="1", decision_seq=2),
        "8bdc1cd3692c618da28a8b159f3ffd08",
    ),
    (contract_item, made(ledger.PutContractRequest, contract=CONTRACT), "000ca717eb16733fde1433ac275f23e4"),
    (contract_item, made(ledger.PutContractRequest, contract=BASELINE), "c86732fd69f2f6f424802f11b1407130"),
    (close_item, made(ledger.CloseMonthRequest, year=2026, month=3), "d3b054914c67be461be999ab8e7a6d0a"),
    (
        reading_item,
        made(
            ledger.RecordExperimentReadingRequest,
            experiment_id="x",
            revision=1,
            month=MARCH,
            estimate=EUR,
            lower_bound=EUR,
            started_at=AT,
            as_of=AT,
            users=9,
        ),
        "bfecb6a0f4608d8f8deeec509922e0ca",
    ),
    (
        order_item,
        made(value.UpdateCustomerLTVRequest, customer_key="k1", order_id="1", order_amount=EUR, ordered_at=AT),
        "b794e8fcf8865983d53b2d2859a80dc0",
    ),
    (
        merge_item,
        made(value.MergeCustomersRequest, kept_customer_key="a", merged_customer_key="b"),
        "77667212fd88f3df27fe78c43b91bbab",
    ),
    (
        baseline_item,
        made(value.UpdateBaselineMetricsRequest, connected_at=AT, time_zone="Europe/Berlin", currency="EUR"),
        "6645425ce94fd3f5e52d47f2782c6773",
    ),
    (put_item, made(value.PutPromotionsRequest, promotions=[SPRING]), "34e3814d222303dc33cdec2cb34c872f"),
    (removal_item, made(value.RemovePromotionRequest, promotion_id=3), "ccecc09283e9f3e9c285df374a6b9a31"),
)


@pytest.mark.parametrize(
    ("read", "told", "digest"), [pytest.param(*case, id=f"{type(case[1]).__name__}-{case[2][:4]}") for case in CASES]
)
def test_a_command_has_the_digest_that_it_had(read: Callable[[Any], OnceItem[Any]], told: Any, digest: str) -> None:
    assert read(told).digest.hex()[:32] == digest


def test_what_left_nothing_out_is_still_known() -> None:
    """Receipts of contracts and baselines from before `grown_digests`."""
    contract = contract_item(made(ledger.PutContractRequest, contract=CONTRACT))
    assert semantic_digest("contract", contract.command) in contract.former
    assert "8c259332803d69b0831f22ff65e31d04" in {each.hex()[:32] for each in contract.former}
    asked = made(value.UpdateBaselineMetricsRequest, connected_at=AT, time_zone="UTC", currency="EUR")
    baseline = baseline_item(asked)
    assert semantic_digest("baseline", baseline.command) in baseline.former
    told = baseline_item(made(value.UpdateBaselineMetricsRequest, **_plain(asked), promotions=[SPRING]))
    assert semantic_digest("baseline", told.command) == told.digest


def _plain(asked: Any) -> dict[str, Any]:
    return {field.name: found for field, found in asked.ListFields() if field.name not in ("store_id", "event_id")}
