"""Lifetime value: the model that serves a store, and how right it was."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from kiki.portal.access import documented_key
from kiki.portal.convert import message_json
from kiki.portal.internal.answers.stores import ValueAccuracy, ValueModelPage
from kiki.portal.internal.pages import Cursor, StoreId
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Injected
from kiki.rpc.v1 import syncvalue_pb2 as value

router = AnswerRouter(prefix="/internal/stores", tags=["lifetime value"], dependencies=[documented_key])

_Version = Annotated[int, Query(ge=0, lt=2**31, description="The model's version; 0: the one that serves.")]


@router.get(
    "/{store_id}/value",
    operation_id="get_value_accuracy",
    summary="The fitted model of lifetime value, and how right it was",
)
async def show(services: Injected, store_id: StoreId, version: _Version = 0) -> ValueAccuracy:
    """Calibration, errors and coverage as they were when the model was fitted; nothing is computed here."""
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
    request = value.GetAccuracyRequest(store_id=store_id, version=version)
    answer = await services.clients.syncvalue.call("GetAccuracy", request, value.GetAccuracyResponse)
    return {"store_id": store_id, **message_json(answer)}


@router.get(
    "/{store_id}/value/models",
    operation_id="list_value_models",
    summary="Fitted models of lifetime value, the last one first",
)
async def list_models(
    services: Injected,
    store_id: StoreId,
    limit: Annotated[int, Query(ge=1, le=100, description="Rows of a page.")] = 20,
    cursor: Cursor = "",
) -> ValueModelPage:
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
    request = value.ListModelsRequest(store_id=store_id, page_size=limit, page_token=cursor)
    answer = await services.clients.syncvalue.call("ListModels", request, value.ListModelsResponse)
    return {"models": [message_json(model) for model in answer.models], "next_cursor": answer.next_page_token}
