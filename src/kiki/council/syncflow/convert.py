"""Messages → values and back for decisions about products."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from google.type.money_pb2 import Money as MoneyMessage

from kiki.council.syncflow.domain import STOCK_REASONS, AdjustBids, Pause, PauseReason, Resume, SetMargin
from kiki.council.syncflow.errors import BadField
from kiki.council.syncflow.repository.work import BULK_LANE, LIVE_LANE, STOCK_LANE
from kiki.council.syncflow.service.decisions import Changed
from kiki.kit.grpc.money import money_to_proto
from kiki.kit.grpc.times import time_from_proto
from kiki.kit.money import Money
from kiki.rpc.v1 import syncflow_pb2 as pb

_MAX_TEXT = 200
_MAX_NOTE = 1_000
_MAX_MARGINS = 1_000
REASONS = {
    pb.PAUSE_REASON_OUT_OF_STOCK: PauseReason.OUT_OF_STOCK,
    pb.PAUSE_REASON_PRODUCT_DELETED: PauseReason.PRODUCT_DELETED,
    pb.PAUSE_REASON_LOW_MARGIN: PauseReason.LOW_MARGIN,
    pb.PAUSE_REASON_MANUAL: PauseReason.MANUAL,
}
REASON_NUMBERS = {value: number for number, value in REASONS.items()}
_DEFAULT_FACTOR = Decimal("0.5")


def pause(message: pb.PauseProductCampaignsRequest) -> Pause:
    if message.reason not in REASONS:
        raise BadField("a pause names its reason", reason="BAD_REASON")
    reason = REASONS[message.reason]
    manual = reason is PauseReason.MANUAL
    return Pause(
        store_id=store(message.store_id),
        product_id=text("product_id", message.product_id),
        lane=lane(message.lane),
        decision_seq=number("decision_seq", message.decision_seq),
        sku=text("sku", message.sku, required=False),
        actor=text("actor", message.actor, required=manual),
        note=text("note", message.note, required=manual, most=_MAX_NOTE),
        expires_at=optional_time(message, "expires_at") if manual else None,
        reason=reason,
    )


def resume(message: pb.ResumeProductCampaignsRequest) -> Resume:
    if any(reason not in REASONS for reason in message.reasons):
        raise BadField("a resume names the reasons that end, or none", reason="BAD_REASON")
    reasons = frozenset(REASONS[reason] for reason in message.reasons) or STOCK_REASONS
    manual = PauseReason.MANUAL in reasons
    return Resume(
        store_id=store(message.store_id),
        product_id=text("product_id", message.product_id),
        lane=lane(message.lane),
        decision_seq=number("decision_seq", message.decision_seq),
        sku=text("sku", message.sku, required=False),
        actor=text("actor", message.actor, required=manual),
        note=text("note", message.note, required=manual, most=_MAX_NOTE),
        expires_at=optional_time(message, "expires_at") if manual else None,
        new_quantity=message.new_quantity,
        reasons=reasons,
    )


def adjust_bids(message: pb.AdjustBidsForInventoryRequest) -> AdjustBids:
    return AdjustBids(
        store_id=store(message.store_id),
        product_id=text("product_id", message.product_id),
        lane=lane(message.lane),
        decision_seq=number("decision_seq", message.decision_seq),
        quantity=message.quantity,
        low_stock_threshold=number("low_stock_threshold", message.low_stock_threshold),
        factor=_factor(message.factor),
    )


def margins(message: pb.UpdateProductMarginsRequest) -> list[SetMargin]:
    """One decision per product, in the order of product ids: a map has no order of its own."""
    if len(message.margins) > _MAX_MARGINS:
        raise BadField(f"at most {_MAX_MARGINS} margins, got {len(message.margins)}", reason="TOO_MANY_MARGINS")
    store_id, seq = store(message.store_id), number("decision_seq", message.decision_seq)
    floor, in_lane = _fraction("margin_floor", message.margin_floor), lane(message.lane)
    return [
        SetMargin(
            store_id=store_id,
            product_id=text("product_id", product_id),
            lane=in_lane,
            decision_seq=seq,
            margin=_fraction("margin", margin),
            floor=floor,
        )
        for product_id, margin in sorted(message.margins.items())
    ]


def pause_response(changed: Sequence[Changed]) -> pb.PauseProductCampaignsResponse:
    (item,) = changed
    amounts = [money_to_proto(amount) for amount in item.daily_spend]
    return pb.PauseProductCampaignsResponse(
        campaign_ids=item.campaigns,
        count=len(item.campaigns),
        estimated_daily_spend_saved=_first(amounts),
        further_daily_spend_saved=amounts[1:],
        superseded=item.superseded,
        held_campaign_ids=item.held,
    )


def resume_response(changed: Sequence[Changed]) -> pb.ResumeProductCampaignsResponse:
    (item,) = changed
    amounts = [money_to_proto(amount) for amount in item.daily_spend]
    return pb.ResumeProductCampaignsResponse(
        campaign_ids=item.campaigns,
        count=len(item.campaigns),
        estimated_daily_spend_restored=_first(amounts),
        further_daily_spend_restored=amounts[1:],
        superseded=item.superseded,
        held_campaign_ids=item.held,
        remaining_reasons=reason_numbers(item.after.shown_reasons),
    )


def bids_response(changed: Sequence[Changed]) -> pb.AdjustBidsForInventoryResponse:
    (item,) = changed
    return pb.AdjustBidsForInventoryResponse(
        campaign_ids=item.campaigns,
        changes=[
            pb.BidChange(
                campaign_id=move.campaign_id, old_bid=money_to_proto(move.old), new_bid=money_to_proto(move.new)
            )
            for move in item.bids
        ],
        superseded=item.superseded,
    )


def margins_response(changed: Sequence[Changed]) -> pb.UpdateProductMarginsResponse:
    stored = [item for item in changed if not item.superseded]
    return pb.UpdateProductMarginsResponse(
        updated=len(stored),
        paused_product_ids=[item.after.product_id for item in stored if item.after.paused and not item.before.paused],
        resumed_product_ids=[item.after.product_id for item in stored if item.before.paused and not item.after.paused],
        superseded=len(changed) - len(stored),
    )


def store(store_id: int) -> int:
    if store_id <= 0:
        raise BadField(f"store_id is a positive number, got {store_id}")
    return store_id


def text(name: str, value: str, *, required: bool = True, most: int = _MAX_TEXT) -> str:
    if len(value) > most or "\x00" in value or (required and not value.strip()):
        raise BadField(f"{name} has {1 if required else 0} to {most} characters, got {len(value)}")
    return value


def number(name: str, value: int) -> int:
    if value < 0:
        raise BadField(f"{name} is not negative, got {value}")
    return value


def lane(value: int) -> int:
    """A lane that is not said is the live one."""
    return value if value in (STOCK_LANE, LIVE_LANE, BULK_LANE) else LIVE_LANE


def optional_time(message: object, name: str) -> dt.datetime | None:
    """A time that may be absent."""
    if not message.HasField(name):  # type: ignore[attr-defined]  # every generated message has it
        return None
    return time_from_proto(getattr(message, name))


def money_or_none(minor: int | None, currency: str) -> MoneyMessage | None:
    return None if minor is None else money_to_proto(Money(minor, currency))


def reason_numbers(reasons: Sequence[PauseReason]) -> list[pb.PauseReason]:
    return [REASON_NUMBERS[reason] for reason in reasons]


def page_size(given: int, *, default: int, most: int) -> int:
    """A page's size within its bounds."""
    return min(given, most) if given > 0 else default


def encode_token(*parts: object) -> str:
    """An opaque page token."""
    return base64.urlsafe_b64encode("|".join(map(str, parts)).encode()).decode().rstrip("=")


def decode_token(token: str, parts: int) -> list[str]:
    """What `encode_token` was given, as text; `BadField` for anything else. The last part may hold the separator."""
    try:
        found = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().split("|", parts - 1)
    except (ValueError, binascii.Error):
        found = []
    if len(found) != parts:
        raise BadField("the page token is not one of ours", reason="BAD_PAGE_TOKEN")
    return found


def _factor(given: str) -> Decimal:
    try:
        factor = Decimal(given) if given else _DEFAULT_FACTOR
    except InvalidOperation:
        factor = Decimal(0)
    if not factor.is_finite() or not 0 < factor <= 1:
        raise BadField("factor is a decimal number over 0 and up to 1", reason="BAD_FACTOR")
    return factor


def _fraction(name: str, value: float) -> Decimal:
    if not math.isfinite(value) or value > 1 or value < -1_000:
        raise BadField(f"{name} is a fraction up to 1", reason="BAD_FRACTION")
    return Decimal(repr(round(value, 9)))


def _first(amounts: Sequence[MoneyMessage]) -> MoneyMessage | None:
    return amounts[0] if amounts else None
