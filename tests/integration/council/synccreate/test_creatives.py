"""Creatives over real gRPC and PostgreSQL: copy at once, versions, refresh, pages."""

from __future__ import annotations

import grpc
import pytest
from google.type.money_pb2 import Money

from integration.council.synccreate.harness import Create, generate, product, refresh
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import synccreate_pb2 as pb


async def test_the_copy_is_final_and_the_urls_are_known_at_once(create: Create) -> None:
    answer = await create.call("GenerateProductCreative", generate())
    assert answer.headline == "Handmade ceramic mug in…"
    assert answer.call_to_action == "SHOP_NOW"
    assert answer.version == 1
    assert len(set(answer.asset_urls)) == 3
    assert all(url.startswith("/creatives/1-") for url in answer.asset_urls)
    assert answer.status == pb.RENDER_STATUS_PENDING


async def test_a_repeated_event_gets_the_first_answer_and_other_content_is_refused(create: Create) -> None:
    first = await create.call("GenerateProductCreative", generate())
    assert await create.call("GenerateProductCreative", generate()) == first
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create.call("GenerateProductCreative", generate(product=product(title="Cup")))
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS
    counts = await create.call("CountEffects", common.CountEffectsRequest(store_id=1))
    assert [(count.method, count.count) for count in counts.counts] == [("GenerateProductCreative", 1)]


async def test_one_creative_twice_in_a_batch_makes_two_versions(create: Create) -> None:
    requests = [generate(1), generate(2, ad_network=0), generate(3, product=product(title="Cup"))]
    answer = await create.call("BatchGenerateCreatives", pb.BatchGenerateCreativesRequest(requests=requests))
    assert (answer.processed, answer.failed) == (2, 1)
    assert [result.WhichOneof("outcome") for result in answer.results] == ["response", "error", "response"]
    assert [answer.results[0].response.version, answer.results[2].response.version] == [1, 2]
    first = pb.GetCreativeRequest(store_id=1, creative_id=answer.results[0].response.creative_id, version=1)
    assert (await create.call("GetCreative", first)).creative.status == pb.RENDER_STATUS_SUPERSEDED


async def test_a_refresh_makes_a_new_version_of_what_visibly_changed(create: Create) -> None:
    made = await create.call("GenerateProductCreative", generate())
    await create.call("GenerateProductCreative", generate(2, ad_network=pb.AD_NETWORK_META))
    same = await create.call("RefreshProductCreative", refresh())
    assert (len(same.refreshed), same.unchanged) == (0, 2)
    cheaper = product(price=Money(currency_code="EUR", units=19), compare_at_price=Money(currency_code="EUR", units=24))
    changed = await create.call("RefreshProductCreative", refresh(2, product=cheaper))
    assert [item.version for item in changed.refreshed] == [2, 2]
    assert "price" in changed.refreshed[0].changed
    newest = await create.call("GetCreative", pb.GetCreativeRequest(store_id=1, creative_id=made.creative_id))
    assert newest.creative.description.startswith("Now €19.00 instead of €24.00.")
    assert newest.creative.cause == "price_change"


async def test_a_product_without_creatives_has_nothing_to_refresh(create: Create) -> None:
    answer = await create.call("RefreshProductCreative", refresh())
    assert (len(answer.refreshed), answer.unchanged) == (0, 0)


async def test_creatives_come_in_pages(create: Create) -> None:
    requests = [generate(number, product=product(product_id=f"p{number}")) for number in range(5)]
    await create.call("BatchGenerateCreatives", pb.BatchGenerateCreativesRequest(requests=requests))
    first = await create.call("ListCreatives", pb.ListCreativesRequest(store_id=1, page_size=3))
    rest = await create.call(
        "ListCreatives", pb.ListCreativesRequest(store_id=1, page_size=3, page_token=first.next_page_token)
    )
    found = [creative.product_id for creative in [*first.creatives, *rest.creatives]]
    assert sorted(found) == [f"p{number}" for number in range(5)]
    assert rest.next_page_token == ""
    assert len(first.creatives[0].assets) == 3


@pytest.mark.parametrize("asset_id", ["", "1-", "1-abc", "x-1", "1-..%2f", "9" * 40 + "-a"])
async def test_an_unknown_picture_is_not_found(create: Create, asset_id: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create.call("GetAsset", pb.GetAssetRequest(asset_id=asset_id))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
