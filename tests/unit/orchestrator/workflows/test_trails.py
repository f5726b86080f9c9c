"""A decision looks at the contacts around its order, and says what it would say if it looked at all of them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.commerce.campaigns import TouchpointRow
from kiki.commerce.orders import OrderRow
from kiki.commerce.stores import StoreConnection, StoreSettings
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.attribution.campaigns import CampaignIndex, KnownCampaign
from kiki.orchestrator.attribution.default_model import LATEST_CLICKS, DefaultModel
from kiki.orchestrator.attribution.fitted import LearnedParameters
from kiki.orchestrator.attribution.learned_model import LearnedModel
from kiki.orchestrator.attribution.model import Case, Model, Rules, Touch
from kiki.orchestrator.attribution.speaking import Speakers, all_facts, alone
from kiki.orchestrator.attribution.touch_models import TOUCH_MODELS
from kiki.orchestrator.stock_guard.guard import GuardRules
from kiki.orchestrator.workflows.attributing import case_of, channel_of, leads_to
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.orchestrator.workflows.trails import Trail, reach_of

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
WINDOW = 30 * DAY
SEALER = Sealer(Keyring.parse(Keyring.generate()))
LEARNED = LearnedModel(
    LearnedParameters(
        features=(),
        base=-1.0,
        lift=0.5,
        exposure=None,
        penalty=None,
        slope=1.0,
        treated=100,
        held_out=100,
        mean_standard_error=0.1,
    )
)
MODELS: tuple[Model, ...] = (DefaultModel(), LEARNED, *TOUCH_MODELS.values())
SPOKEN = [alone(model) for model in MODELS] + [all_facts(DefaultModel()), Speakers(DefaultModel(), LEARNED)]


def row(source: str, at: dt.datetime, campaign: str = "autumn", name: str = "", kind: str = "click") -> TouchpointRow:
    return TouchpointRow(
        store_id=1,
        touchpoint_id=name or f"{source}:{at.isoformat()}",
        customer_key="k",
        at=at,
        kind=kind,
        source=source,
        campaign_id=None,
        utm_source="google",
        utm_medium=None,
        utm_campaign=campaign,
        utm_id=None,
        order_id=None,
        recorded_at=NOW,
    )


def counting(rows: Sequence[TouchpointRow], placed_at: dt.datetime = NOW) -> list[TouchpointRow]:
    return list(Trail(rows).newest(placed_at, WINDOW))[::-1]


@pytest.mark.parametrize(
    ("told", "is_same"),
    [
        pytest.param(row("pixel", NOW - DAY), True, id="the shop gave the time of the order"),
        pytest.param(row("pixel", NOW + 10 * MINUTE), True, id="consent took ten minutes"),
        pytest.param(row("pixel", NOW + DAY), False, id="came back a day later"),
        pytest.param(row("pixel", NOW - 31 * DAY), False, id="before the window"),
        pytest.param(row("pixel", NOW - DAY, "spring"), False, id="another campaign"),
        pytest.param(row("server", NOW - DAY), False, id="another server's word"),
    ],
)
def test_the_orders_own_word_gives_way_to_the_collectors_on_the_same_visit(told: TouchpointRow, is_same: bool) -> None:
    own = row("order", NOW)
    later = counting([own, told], NOW + 2 * DAY)
    assert (own not in later) is is_same


def test_what_the_collector_told_is_all_kept() -> None:
    rows = [row("pixel", NOW - MINUTE), row("pixel", NOW)]
    assert counting(rows) == rows
    assert counting([]) == []


def test_a_contact_that_comes_while_deciding_takes_its_place_once() -> None:
    rows = [row("order", NOW - 2 * DAY), row("server", NOW - DAY), row("server", NOW)]
    trail = Trail([rows[2], rows[0]])
    assert list(trail.newest(NOW, WINDOW)) == [rows[2], rows[0]]
    trail.add(rows[1])
    trail.add(rows[1])
    assert list(trail.newest(NOW, WINDOW)) == rows[::-1]
    collected = row("pixel", NOW - 3 * DAY)
    trail.add(collected)
    assert list(trail.newest(NOW, WINDOW)) == [rows[2], rows[1], collected], "the order's own visit is that one"


def view_with(spoken: Speakers) -> StoreView:
    store = StoreConnection(
        store_id=1,
        platform="shopify",
        store_key="a.example.com",
        display_name="A",
        currency="EUR",
        timezone="UTC",
        status="active",
        connected_at=NOW - 900 * DAY,
        settings=StoreSettings(),
    )
    campaigns = [
        KnownCampaign("k1", "autumn", "", since=NOW - 40 * DAY),
        KnownCampaign("k2", "spring", "", until=NOW - 20 * DAY),
        KnownCampaign("k3", "spring", ""),
    ]
    return StoreView(
        store=store,
        attribution=Rules(window=WINDOW, threshold=Decimal("0.5")),
        guard=GuardRules(resume_damping=dt.timedelta(0)),
        churn_threshold=Decimal("0.7"),
        campaigns=CampaignIndex(campaigns),
        uninstalled=False,
        speakers=spoken,
    )


def order_at(placed_at: dt.datetime) -> OrderRow:
    return OrderRow(
        store_id=1,
        order_id="1",
        number="#1",
        status="paid",
        customer_key="k",
        placed_at=placed_at,
        paid_at=placed_at,
        cancelled_at=None,
        deleted_at=None,
        updated_at=placed_at,
        triggered_at="",
        currency="EUR",
        total_minor=11_900,
        net_minor=10_000,
        refunded_minor=0,
        settlement_currency=None,
        exchange_rate=None,
        is_test=False,
        live=True,
        lines_digest=b"",
    )


def history(draw: random.Random) -> list[TouchpointRow]:
    """Some or many contacts of one person, sometimes several at one moment."""
    return [
        row(
            draw.choice(("pixel", "order", "server")),
            NOW - draw.randrange(100 * 24) * dt.timedelta(hours=1) + draw.choice((0, 20, 30, 31)) * MINUTE,
            draw.choice(("autumn", "spring", "theirs")),
            f"t{number:03}",
            draw.choice(("click", "click", "view")),
        )
        for number in range(draw.choice((0, 3, 30, 300)))
    ]


def plainly(rows: Sequence[TouchpointRow], view: StoreView, order: OrderRow) -> Case:
    """The case by the words of the rule: every contact ever, each compared with every other one."""
    collected = [each for each in rows if each.source == "pixel"]

    def is_told_twice(each: TouchpointRow) -> bool:
        return each.source == "order" and any(
            other.utm_campaign == each.utm_campaign and each.at - WINDOW <= other.at <= each.at + 30 * MINUTE
            for other in collected
        )

    kept = [(each, leads_to(view, order, each)) for each in rows if not is_told_twice(each)]
    touches = [Touch(each.touchpoint_id, name, each.kind, each.at) for each, name in kept if name is not None]
    others = [
        Touch(each.touchpoint_id, channel_of(each), "click", each.at)
        for each, name in kept
        if name is None and each.kind != "view" and view.speakers.wants_others
    ]
    return Case(
        order_id=order.order_id,
        placed_at=order.placed_at,
        touches=tuple(touches),
        acquired_by_order_id=None,
        promotions=(),
        rules=view.attribution,
        others=tuple(others),
    )


@given(seed=st.integers(0, 2**32), spoken=st.sampled_from(SPOKEN))
def test_what_is_around_an_order_is_enough_to_decide_it(seed: int, spoken: Speakers) -> None:
    draw, view = random.Random(seed), view_with(spoken)
    rows, order = history(draw), order_at(NOW - draw.randrange(90 * 24) * dt.timedelta(hours=1))
    begin, end = reach_of(order.placed_at, WINDOW)
    near = [each for each in rows if begin <= each.at <= end]
    known, late = (near[: len(near) // 2], near[len(near) // 2 :])
    batch = Batch(now=NOW, sealer=SEALER, new_key=str)
    batch.touches[1, "k"] = Trail(known)
    case_of(batch, view, order, None, ())
    for each in late:
        batch.trail(1, "k").add(each)
    case, expected = case_of(batch, view, order, None, ()), plainly(rows, view, order)
    for model in filter(None, (spoken.model, spoken.shadow)):
        assert model.decide(case) == model.decide(expected)
    if spoken.latest_clicks is not None:
        assert sum(touch.kind == "click" for touch in case.touches) <= LATEST_CLICKS


@given(seed=st.integers(0, 2**32))
def test_two_people_who_are_one_have_the_contacts_of_both(seed: int) -> None:
    draw = random.Random(seed)
    rows = history(draw)
    one, other = Trail(rows[::2]), Trail(rows[1::2])
    list(one.newest(NOW, WINDOW))
    one.join(other)
    assert list(one.newest(NOW, WINDOW)) == list(Trail(rows).newest(NOW, WINDOW))
