"""Orders, products and the review queue."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal, cast

from fastapi import Path, Query
from starlette.status import HTTP_202_ACCEPTED

from kiki.kit.errors import Conflict
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.portal.access import documented_key
from kiki.portal.facts import add_fact
from kiki.portal.internal.answers.shop import (
    Order,
    OrderDetails,
    OrderPage,
    Product,
    ProductDetails,
    ProductPage,
    QueuedReview,
    ReviewDecided,
    ReviewPage,
)
from kiki.portal.internal.pages import Cursor, Limit, StoreId, bad_cursor, check_range, decode_cursor, encode_cursor
from kiki.portal.internal.schemas import DecisionBody, Instant
from kiki.portal.queries import shop
from kiki.portal.queries.shop import OrderFilter
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected

router = AnswerRouter(prefix="/internal", tags=["shop"], dependencies=[documented_key])

_Id = Annotated[str, Path(min_length=1, max_length=200)]
_Verdict = Literal["none", "touched", "incremental"]


@router.get("/orders/{store_id}", operation_id="list_orders", summary="List orders, newest first")
async def list_orders(
    services: Injected,
    store_id: StoreId,
    verdict: _Verdict | None = None,
    placed_from: Instant | None = None,
    placed_to: Instant | None = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> OrderPage:
    check_range("placed", placed_from, placed_to)
    before = _time_key(cursor)
    wanted = OrderFilter(verdict, placed_from, placed_to)
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
        rows = await shop.list_orders(connection, store_id, wanted, before=before, limit=limit)
    return {"orders": cast("list[Order]", rows), "next_cursor": _time_cursor(rows, limit, "placed_at")}


@router.get(
    "/orders/{store_id}/{order_id}", operation_id="get_order", summary="An order with attribution, evidence and calls"
)
async def show_order(services: Injected, store_id: StoreId, order_id: _Id) -> OrderDetails:
    async with services.database.connection() as connection:
        return cast("OrderDetails", await shop.get_order(connection, store_id, order_id))


@router.get("/products/{store_id}", operation_id="list_products", summary="List products")
async def list_products(
    services: Injected,
    store_id: StoreId,
    ads: Annotated[Literal["running", "paused"] | None, Query(description="How their ads stand.")] = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> ProductPage:
    after = decode_cursor(cursor, (str,))
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
        rows = await shop.list_products(connection, store_id, ads=ads, after=after[0] if after else None, limit=limit)
    last = encode_cursor(rows[-1]["product_id"]) if len(rows) == limit else ""
    return {"products": cast("list[Product]", rows), "next_cursor": last}


@router.get(
    "/products/{store_id}/{product_id}",
    operation_id="get_product",
    summary="A product with variants, inventory events and calls",
)
async def show_product(services: Injected, store_id: StoreId, product_id: _Id) -> ProductDetails:
    async with services.database.connection() as connection:
        return cast("ProductDetails", await shop.get_product(connection, store_id, product_id))


@router.get("/reviews/{store_id}", operation_id="list_reviews", summary="The review queue, the longest waiting first")
async def list_reviews(
    services: Injected,
    store_id: StoreId,
    status: Literal["open", "approved", "rejected", "superseded"] = "open",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> ReviewPage:
    after = _time_key(cursor)
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
        rows = await shop.list_reviews(connection, store_id, status=status, after=after, limit=limit)
    return {"reviews": cast("list[QueuedReview]", rows), "next_cursor": _time_cursor(rows, limit, "opened_at")}


@router.post(
    "/reviews/{store_id}/{order_id}",
    operation_id="decide_review",
    status_code=HTTP_202_ACCEPTED,
    summary="Decide a review",
)
async def decide_review(
    services: Injected, actor: Actor, store_id: StoreId, order_id: _Id, body: DecisionBody
) -> ReviewDecided:
    """An approval becomes billable in the next open month. The worker carries it out; who decided is audited."""
    now = services.clock.now()
    async with services.database.transaction() as connection:
        order = await shop.get_order(connection, store_id, order_id)
        review = order["review"]
        if review is None or review["status"] != "open":
            found = "none" if review is None else f"one that is {review['status']}"
            raise Conflict(
                f"only an open review is decided; order {order_id[:64]} has {found}", reason="NO_OPEN_REVIEW"
            )
        await add_fact(
            connection,
            services.sealer,
            store_id=store_id,
            kind="review_decided",
            body={
                "orders": [
                    {
                        "order_id": order_id,
                        "revision": review["revision"],
                        "approved": body.decision == "approve",
                        "actor": actor,
                        "reason": body.reason,
                    }
                ]
            },
            now=now,
        )
        intent = access_intent(
            store_id=store_id,
            actor=actor,
            action=f"review.{body.decision}",
            resource_type="order",
            resource_id=order_id,
            occurred_at=now,
        )
        await enqueue(connection, services.sealer, [intent])
    return {"store_id": store_id, "order_id": order_id, "decision": body.decision, "status": "accepted"}


def _time_key(cursor: str) -> tuple[dt.datetime, str] | None:
    key = decode_cursor(cursor, (str, str))
    if key is None:
        return None
    try:
        return dt.datetime.fromisoformat(key[0]), key[1]
    except ValueError:
        raise bad_cursor(cursor) from None


def _time_cursor(rows: list[dict[str, Any]], limit: int, name: str) -> str:
    return encode_cursor(rows[-1][name].isoformat(), rows[-1]["order_id"]) if len(rows) == limit else ""
