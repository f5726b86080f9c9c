"""The diff of a recalculation says what the worker does when it decides anew."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from integration.orchestrator.workflows.ruling import rules
from integration.orchestrator.workflows.shop import NOW, Shop, order, visit
from kiki.commerce.attribution_models import (
    DIFFS,
    DiffRow,
    count_diff,
    diff_values,
    forget_diffs,
    list_diff,
    sum_diff,
)
from kiki.commerce.events import CommerceEvent
from kiki.commerce.history import Span
from kiki.commerce.stores import StoreRepository
from kiki.orchestrator.attribution.registry import available_models, build_model
from kiki.orchestrator.attribution.speaking import Speakers, alone
from kiki.orchestrator.workflows.reading import Page, Shelf, read_page, read_shelf
from kiki.orchestrator.workflows.recalculating import SideBySide, differences, paths_in

AGO = NOW - dt.timedelta(days=3)
CLICK = visit("autumn", AGO - dt.timedelta(days=2))


async def read(shop: Shop, span: Span | None = None) -> tuple[Shelf, Page]:
    async with shop.database.connection() as connection:
        shelf = await read_shelf(connection, await StoreRepository(shop.sealer).get(connection, shop.store_id))
        asked = span or Span(shop.store_id)
        return shelf, await read_page(connection, shelf, asked, after="", limit=100, now=shop.now, sealer=shop.sealer)


async def diff(shop: Shop, spoken: Speakers | None = None) -> list[DiffRow]:
    shelf, page = await read(shop)
    return differences(page, shelf.view, spoken or shelf.view.speakers, 7)


def buyer(number: int, order_id: str, **how: Any) -> CommerceEvent:
    return order(order_id, email=f"u{number}@example.com", customer_id=f"c{number}", **how)


async def newsletter(shop: Shop, order_id: str) -> None:
    """A late word that the order's buyer came by somebody else's mail as well."""
    key = (await shop.row("orders", order_id=order_id))["customer_key"]
    (who, *_) = await shop.rows("identities", customer_key=key)
    told = {"touchpoint_id": "n1", "at": (AGO - dt.timedelta(days=1)).isoformat(), "kind": "click", "source": "server"}
    channel = {"utm_source": "news", "utm_medium": "email"}
    named = {"identities": [{"kind": who["kind"], "value": who["value"].hex()}]}
    await shop.fact("touchpoints_added", {"touchpoints": [{**told, **channel, **named}]})


@pytest.fixture(autouse=True)
async def _campaign(shop: Shop) -> None:
    await shop.register(products=["p1"])


async def test_nothing_differs_from_what_was_just_decided(shop: Shop) -> None:
    await shop.tell(buyer(1, "1", touch=CLICK), buyer(2, "2"), buyer(1, "3"), buyer(3, "4", product_id="p2"))
    assert await diff(shop) == []


async def test_the_diff_names_cause_month_and_amounts(shop: Shop) -> None:
    await rules(shop, attribution_model="last")
    october = dt.datetime(2026, 10, 31, 23, 30, tzinfo=dt.UTC)
    early = visit("autumn", october - dt.timedelta(days=1))
    await shop.tell(
        buyer(1, "1", placed_at=AGO, touch=CLICK, product_id="p2"),
        buyer(2, "2", placed_at=october, touch=early),
        buyer(3, "3", placed_at=AGO),
        buyer(4, "4", placed_at=AGO, touch=CLICK, paid=False, product_id="p2"),
    )
    rows = {row.order_id: row for row in await diff(shop, alone(build_model("default")))}
    assert {name: (row.cause, row.then_minor, row.now_minor) for name, row in rows.items()} == {
        "1": ("billed_no_more", 10_000, 0),
        "3": ("verdict", 0, 0),
        "4": ("verdict", 0, 0),
    }
    assert (rows["1"].then_model, rows["1"].now_model, rows["1"].month) == ("last", "default", "2026-11")
    assert (rows["3"].then_model, rows["3"].then_verdict, rows["3"].now_verdict) == ("", "none", "touched")
    back = await diff(shop, alone(build_model("first")))
    assert back == [], "first and last agree where there is one click"
    shelf, page = await read(shop, Span(shop.store_id, placed_to=AGO))
    assert [row.order_id for row in page.orders] == ["2"]
    (none,) = page.orders
    assert differences(page, shelf.view, alone(build_model("default")), 7) == [], none


async def test_what_is_applied_is_what_was_shown(shop: Shop) -> None:
    """The first order becomes ours, and with it the buyer: the second one's evidence changes by the first's verdict."""
    await rules(shop, attribution_model="linear")
    first = AGO - dt.timedelta(hours=2)
    await shop.tell(buyer(1, "0", placed_at=first - dt.timedelta(days=40), touch=None, product_id="p2"))
    await shop.tell(buyer(9, "x", placed_at=first))
    await shop.tell(buyer(2, "9", placed_at=first, touch=CLICK, product_id="p1"))
    await newsletter(shop, "9")
    await shop.tell(buyer(2, "10", placed_at=AGO, product_id="p2"))
    verdicts = {row["order_id"]: row["verdict"] for row in await shop.rows("orders")}
    assert (verdicts["9"], verdicts["10"]) == ("touched", "touched"), "half of the credit is the newsletter's"
    shown = await diff(shop, alone(build_model("default")))
    assert {row.order_id: row.now_verdict for row in shown} == {"10": "incremental", "9": "incremental", "x": "touched"}
    await rules(shop, attribution_model="default")
    await shop.fact("orders_reopened", {"order_ids": sorted(row.order_id for row in shown)})
    verdicts = {row["order_id"]: row["verdict"] for row in await shop.rows("orders")}
    assert {row.order_id: row.now_verdict for row in shown}.items() <= verdicts.items()
    assert await diff(shop) == []


async def test_what_a_person_approved_is_left_alone(shop: Shop) -> None:
    await rules(shop, review_below="0.6")
    await shop.tell(buyer(1, "1", touch=CLICK, product_id="p2"))
    await shop.fact("review_decided", {"orders": [{"order_id": "1", "approved": True, "actor": "user:7"}]})
    assert (await shop.row("orders", order_id="1"))["verdict"] == "incremental"
    assert await diff(shop) == []
    (request,) = await shop.calls("RecordIncrementalRevenue")
    assert (request.model, request.HasField("incremental_amount")) == ("review", False)


async def test_models_stand_side_by_side_with_the_stores_own(shop: Shop) -> None:
    await shop.tell(buyer(1, "1", touch=CLICK), buyer(2, "2", touch=CLICK, product_id="p2"), buyer(3, "3", paid=False))
    shelf, page = await read(shop)
    found = SideBySide(available_models(shelf.fitted))
    found.add(page, shelf.view)
    sides = {row["model"]: row for row in found.plain(200_000)}
    own, default, last = sides["own"], sides["default"], sides["last"]
    assert {**own, "model": "", "version": ""} == {**default, "model": "", "version": ""}, "what decided, decides so"
    assert (own["orders"], own["touched"], own["billed_orders"], own["billed_minor"]) == (3, 3, 1, 10_000)
    assert (last["billed_orders"], last["fee_minor"], last["agreement"]) == (2, 4_000, round(2 / 3, 4))
    (one, two) = paths_in(page, shelf.view)
    assert (one.channels, one.value, two.nulls) == (("k1",), 10_000.0, 0.0)


async def test_diffs_are_kept_page_by_page_and_old_ones_go(shop: Shop) -> None:
    await rules(shop, attribution_model="last")
    await shop.tell(*(buyer(n, str(n), touch=CLICK, product_id="p2") for n in range(3)))
    shelf, page = await read(shop)
    rows: list[DiffRow] = []
    async with shop.database.transaction() as connection:
        for job in (1, 2, 3):
            rows = differences(page, shelf.view, alone(build_model("default")), job)
            await DIFFS.upsert(connection, [diff_values(row) for row in rows])
        assert await list_diff(connection, shop.store_id, 3, "0", 5) == rows[1:]
        (summed,) = await sum_diff(connection, shop.store_id, 3)
        assert (summed["cause"], summed["orders"], summed["then_minor"], summed["now_minor"]) == (
            "billed_no_more",
            3,
            30_000,
            0,
        )
        await forget_diffs(connection, shop.store_id, keep=3)
        assert [await count_diff(connection, shop.store_id, job) for job in (1, 2, 3)] == [0, 3, 3]
