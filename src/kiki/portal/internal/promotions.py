"""A shop's promotions: days on which it sold, or will sell, at a special offer. The seasonal forecast uses them."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, cast

from fastapi import Path
from google.type.date_pb2 import Date
from pydantic import Field, model_validator
from starlette.status import HTTP_201_CREATED

from kiki.kit.digest import event_id
from kiki.kit.errors import NotFound
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.portal.access import documented_key
from kiki.portal.convert import message_json
from kiki.portal.internal.answers.stores import (
    KeptPromotion,
    PromotionForecast,
    RemovedPromotion,
    ShopPromotionList,
    ShopPromotions,
)
from kiki.portal.internal.pages import StoreId
from kiki.portal.internal.schemas import StrictBody, with_example
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected, Services
from kiki.rpc.v1 import syncvalue_pb2 as value

router = AnswerRouter(prefix="/internal/stores", tags=["promotions"], dependencies=[documented_key])

_LONGEST_DAYS = 366
_PromotionId = Annotated[int, Path(ge=1, lt=2**63, description="As the list tells it.")]


class ShopPromotionBody(StrictBody):
    """Days in the shop's time zone, both included."""

    first_day: dt.date = Field(description="YYYY-MM-DD.", examples=["2026-11-27"])
    last_day: dt.date = Field(description="YYYY-MM-DD.", examples=["2026-11-30"])
    name: str = Field(default="", max_length=200, description="What the merchant calls it.")

    @model_validator(mode="after")
    def _in_order(self) -> ShopPromotionBody:
        if not 0 <= (self.last_day - self.first_day).days < _LONGEST_DAYS:
            raise ValueError(f"last_day is not before first_day, and at most {_LONGEST_DAYS} days are one promotion")
        return self


class ShopPromotionsBody(StrictBody):
    """Promotions to register."""

    model_config = with_example(
        {"promotions": [{"first_day": "2026-11-27", "last_day": "2026-11-30", "name": "Black Friday"}]}
    )

    promotions: list[ShopPromotionBody] = Field(
        min_length=1, max_length=500, description="One on the same days as a known one gives it the new name."
    )


@router.get(
    "/{store_id}/promotions", operation_id="list_shop_promotions", summary="The shop's promotions, the earliest first"
)
async def show(services: Injected, store_id: StoreId) -> ShopPromotionList:
    """At most 500 are kept. `forecast` says what the last seasonal forecast made of them; null before the first one."""
    await _known_store(services, store_id)
    request = value.ListPromotionsRequest(store_id=store_id)
    answer = await services.clients.syncvalue.call("ListPromotions", request, value.ListPromotionsResponse)
    return {
        "promotions": [_promotion(own) for own in answer.promotions],
        "forecast": await _explanation(services, store_id),
    }


@router.post(
    "/{store_id}/promotions",
    operation_id="add_shop_promotions",
    status_code=HTTP_201_CREATED,
    summary="Register promotions, past or planned",
)
async def add(services: Injected, actor: Actor, store_id: StoreId, body: ShopPromotionsBody) -> ShopPromotions:
    """One on the same days gets the new name. The seasonal forecast is made anew with them, soon after."""
    await _known_store(services, store_id)
    request = value.PutPromotionsRequest(
        store_id=store_id,
        event_id=_identity(store_id, "promotions", "put"),
        promotions=[_message(promotion) for promotion in body.promotions],
    )
    answer = await services.clients.syncvalue.call("PutPromotions", request, value.PutPromotionsResponse)
    names = ",".join(str(own.promotion_id) for own in answer.promotions[:10])
    await _audit(services, store_id, actor, "promotions.put", names)
    return {"promotions": [_promotion(own) for own in answer.promotions]}


@router.delete(
    "/{store_id}/promotions/{promotion_id}", operation_id="remove_shop_promotion", summary="Take a promotion back"
)
async def remove(services: Injected, actor: Actor, store_id: StoreId, promotion_id: _PromotionId) -> RemovedPromotion:
    """The seasonal forecast is made anew without it, soon after."""
    await _known_store(services, store_id)
    request = value.RemovePromotionRequest(
        store_id=store_id,
        event_id=_identity(store_id, "promotion_removal", str(promotion_id)),
        promotion_id=promotion_id,
    )
    answer = await services.clients.syncvalue.call("RemovePromotion", request, value.RemovePromotionResponse)
    await _audit(services, store_id, actor, "promotions.remove", str(promotion_id))
    return {"removed": _promotion(answer.promotion)}


async def _explanation(services: Services, store_id: int) -> PromotionForecast | None:
    request = value.GetBaselineRequest(store_id=store_id)
    try:
        answer = await services.clients.syncvalue.call("GetBaseline", request, value.GetBaselineResponse)
    except NotFound:
        return None
    if not answer.baseline.HasField("seasonal"):
        return None
    fields = message_json(answer.baseline.seasonal)
    return {
        "revision": fields["revision"],
        "computed_at": fields["computed_at"],
        "problem": fields["problem"],
        "promotions": fields["promotions"],
        "promotion_effect": fields.get("promotion_effect"),
    }


def _promotion(own: value.RegisteredPromotion) -> KeptPromotion:
    fields = message_json(own)
    told = {"promotion_id": own.promotion_id, **fields["promotion"], "registered_at": fields["registered_at"]}
    return cast("KeptPromotion", told)


def _message(body: ShopPromotionBody) -> value.ShopPromotion:
    return value.ShopPromotion(first_day=_day(body.first_day), last_day=_day(body.last_day), name=body.name)


def _day(day: dt.date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


def _identity(store_id: int, kind: str, name: str) -> str:
    """Every order by hand is a fact of its own."""
    return event_id(store_id, kind, name, uuid.uuid4().hex)


async def _known_store(services: Services, store_id: int) -> None:
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)


async def _audit(services: Services, store_id: int, actor: str, action: str, name: str) -> None:
    intent = access_intent(
        store_id=store_id,
        actor=actor,
        action=action,
        resource_type="promotions",
        resource_id=name[:200],
        occurred_at=services.clock.now(),
    )
    async with services.database.transaction() as connection:
        await enqueue(connection, services.sealer, [intent])
