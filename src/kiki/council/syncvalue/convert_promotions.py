"""Protobuf ↔ a shop's promotions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from google.type.date_pb2 import Date

from kiki.council.syncvalue.domain import PromotionRemoval, PromotionsPut, RegisteredPromotion
from kiki.council.syncvalue.errors import BadRequest
from kiki.council.syncvalue.promoting import MOST
from kiki.council.syncvalue.seasonal.outlook import Promotion
from kiki.kit.digest import semantic_digest
from kiki.kit.grpc.times import time_to_proto
from kiki.kit.receipts import OnceItem
from kiki.rpc.v1 import syncvalue_pb2 as pb

_LONGEST_NAME = 200
_LONGEST_DAYS = 366
_LONGEST_EVENT = 512


def put_item(request: pb.PutPromotionsRequest) -> OnceItem[PromotionsPut]:
    """The promotions to register. Raises `BadRequest`."""
    if not request.promotions:
        raise BadRequest(f"1 to {MOST} promotions are registered at once, got none", reason="NO_PROMOTION")
    put = PromotionsPut(_store(request.store_id), promotions(request.promotions))
    return OnceItem(put.store_id, _event(request.event_id), semantic_digest("promotions", put), put)


def removal_item(request: pb.RemovePromotionRequest) -> OnceItem[PromotionRemoval]:
    """The promotion to take back. Raises `BadRequest`."""
    removal = PromotionRemoval(_store(request.store_id), request.promotion_id)
    return OnceItem(removal.store_id, _event(request.event_id), semantic_digest("promotion_removal", removal), removal)


def put_answer(found: Sequence[RegisteredPromotion]) -> bytes:
    """The serialized answer to `PutPromotions`."""
    return pb.PutPromotionsResponse(promotions=[_registered(own) for own in found]).SerializeToString()


def removal_answer(removed: RegisteredPromotion) -> bytes:
    """The serialized answer to `RemovePromotion`."""
    return pb.RemovePromotionResponse(promotion=_registered(removed)).SerializeToString()


def list_answer(found: Sequence[RegisteredPromotion]) -> pb.ListPromotionsResponse:
    """A store's promotions."""
    return pb.ListPromotionsResponse(promotions=[_registered(own) for own in found])


def promotions(messages: Sequence[pb.ShopPromotion]) -> tuple[Promotion, ...]:
    """The promotions told. Raises `BadRequest`."""
    if len(messages) > MOST:
        raise BadRequest(f"at most {MOST} promotions, got {len(messages)}", reason="TOO_MANY_PROMOTIONS")
    return tuple(_promotion(message) for message in messages)


def promotion_message(promotion: Promotion) -> pb.ShopPromotion:
    """Days and name."""
    return pb.ShopPromotion(
        first_day=_day_message(promotion.first), last_day=_day_message(promotion.last), name=promotion.name
    )


def _registered(own: RegisteredPromotion) -> pb.RegisteredPromotion:
    return pb.RegisteredPromotion(
        promotion_id=own.promotion_id,
        promotion=promotion_message(own.promotion),
        registered_at=time_to_proto(own.registered_at),
    )


def _promotion(message: pb.ShopPromotion) -> Promotion:
    promotion = Promotion(_day(message.first_day), _day(message.last_day), message.name)
    days = (promotion.last - promotion.first).days + 1
    if not 1 <= days <= _LONGEST_DAYS:
        raise BadRequest(
            f"a promotion's last day is not before its first, and at most {_LONGEST_DAYS} days are one promotion;"
            f" got {promotion.first} to {promotion.last}",
            reason="BAD_PROMOTION",
        )
    if len(message.name) > _LONGEST_NAME or "\0" in message.name:
        raise BadRequest(
            f"a promotion's name has at most {_LONGEST_NAME} characters and no NUL, got {len(message.name)}",
            reason="BAD_PROMOTION",
        )
    return promotion


def _day(message: Date) -> dt.date:
    try:
        return dt.date(message.year, message.month, message.day)
    except ValueError:
        got = f"{message.year}-{message.month}-{message.day}"
        raise BadRequest(f"a promotion has a first and a last day, got {got}", reason="BAD_PROMOTION") from None


def _day_message(day: dt.date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


def _store(store_id: int) -> int:
    if store_id <= 0:
        raise BadRequest(f"store_id is a positive number, got {store_id}", reason="BAD_STORE")
    return store_id


def _event(event_id: str) -> str:
    if not event_id or len(event_id) > _LONGEST_EVENT or "\0" in event_id:
        raise BadRequest(
            f"event_id has 1 to {_LONGEST_EVENT} characters and no NUL, got {len(event_id)}", reason="BAD_TEXT"
        )
    return event_id
