"""Creatives: their list, and their pictures as SyncCreate rendered them."""

from __future__ import annotations

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from kiki.portal.access import documented_key
from kiki.portal.convert import message_json
from kiki.portal.internal.answers.campaigns import CreativePage
from kiki.portal.internal.pages import Cursor, Limit, StoreId
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Injected
from kiki.rpc.v1 import synccreate_pb2 as create

router = AnswerRouter(prefix="/internal/creatives", tags=["creatives"], dependencies=[documented_key])
public = AnswerRouter(prefix="/creatives", tags=["creatives"])
"""Ad networks and shops fetch pictures without a key: the asset's name is unguessable."""

_FOREVER = "public, max-age=31536000, immutable"


@router.get("/{store_id}", operation_id="list_creatives", summary="List a store's creatives, newest first")
async def list_creatives(
    services: Injected,
    store_id: StoreId,
    product_id: str = Query(default="", max_length=200),
    limit: Limit = 100,
    cursor: Cursor = "",
) -> CreativePage:
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
    request = create.ListCreativesRequest(store_id=store_id, product_id=product_id, page_size=limit, page_token=cursor)
    answer = await services.clients.synccreate.call("ListCreatives", request, create.ListCreativesResponse)
    return {"creatives": [message_json(each) for each in answer.creatives], "next_cursor": answer.next_page_token}


@public.get("/{path:path}", operation_id="get_creative_picture", summary="A rendered picture", response_class=Response)
async def picture(services: Injected, request: Request, path: str = Path(max_length=300)) -> Response:
    """A picture never changes under its name: it may be kept for good."""
    wanted = create.GetAssetRequest(asset_id=path)
    asset = await services.clients.synccreate.call("GetAsset", wanted, create.GetAssetResponse)
    tag = f'"{asset.sha256}"'
    headers = {"etag": tag, "cache-control": _FOREVER, "x-content-type-options": "nosniff"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.content_type, headers=headers)
