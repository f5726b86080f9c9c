"""Whatever comes in whatever order, a connection bills the orders placed from its beginning to the app's removal."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiki.commerce.campaigns import TouchpointRow
from kiki.commerce.events import AppUninstalled, OrderLine, OrderObserved
from kiki.commerce.stores import ACTIVE, StoreConnection, StoreSettings
from kiki.kit.money import Money
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.attribution.campaigns import CampaignIndex, KnownCampaign
from kiki.orchestrator.attribution.model import Rules
from kiki.orchestrator.closing.endings import Outside, ending_facts
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.stock_guard.guard import GuardRules
from kiki.orchestrator.workflows import orders, stores
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.orchestrator.workflows.trails import Trail
from kiki.rpc.v1 import syncledger_pb2

CONNECTED = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SEALER = Sealer(Keyring.parse(Keyring.generate()))


def at(hour: float) -> dt.datetime:
    return CONNECTED + hour * HOUR


class Life:
    """One store in memory: its connections, one after another."""

    def __init__(self) -> None:
        self._buyer = ""
        self._told = list[OrderObserved]()
        self.batch = Batch(now=at(10_000), sealer=SEALER, new_key=lambda: self._buyer)
        self.view = StoreView(
            store=StoreConnection(
                1, "shopify", "a.example.com", "A", "EUR", "Europe/Berlin", ACTIVE, CONNECTED, StoreSettings()
            ),
            attribution=Rules(threshold=Decimal("0.5")),
            guard=GuardRules(resume_damping=dt.timedelta(0)),
            churn_threshold=Decimal("0.7"),
            campaigns=CampaignIndex([KnownCampaign("k", "", "")]),
            uninstalled=False,
        )
        self.batch.stores[1] = self.view

    def order(self, hour: int) -> None:
        """The order placed in that hour is delivered, whenever that is; a click of ours led to it."""
        placed = at(hour)
        line = OrderLine(
            line_id="l",
            product_id="p",
            variant_id="v",
            sku="",
            title="Lamp",
            quantity=1,
            net_total=Money(10_000, "EUR"),
        )
        event = OrderObserved(
            order_id=str(hour),
            number=f"#{hour}",
            updated_at=placed,
            placed_at=placed,
            paid_at=placed,
            cancelled_at=None,
            currency="EUR",
            total=Money(10_000, "EUR"),
            net_sales=Money(10_000, "EUR"),
            is_test=False,
            customer=None,
            lines=(line,),
            status="paid",
        )
        self._told.append(event)
        self.batch.identities_of[id(event)] = []
        self._buyer = f"buyer-{hour}"
        click = (placed - HOUR / 2, "click", "server", "k", None, None, None, None, None, placed)
        self.batch.touches[1, self._buyer] = Trail([TouchpointRow(1, f"t{hour}", self._buyer, *click)])
        orders.order_observed(self.batch, self.view, self.item(hour), event)

    def remove(self, hour: float) -> None:
        """The removal of that hour is delivered, whenever that is."""
        stores.app_uninstalled(self.batch, self.view, self.item(hour), AppUninstalled())

    def come_back(self, hour: float) -> None:
        """The shop connects again; what the worker has not told apart yet is told by the portal, later."""
        self.tell_apart()
        self.view.uninstalled = False
        self.view.store = dataclasses.replace(
            self.view.store, status=ACTIVE, uninstalled_at=None, connected_at=at(hour)
        )

    def tell_apart(self) -> None:
        """What `list_outside` finds, and what follows."""
        ended_at = self.view.store.uninstalled_at
        if ended_at is None:
            return
        found = [
            Outside(1, ended_at, order.order_id)
            for order in self.batch.orders.values()
            if order.live and order.placed_at >= ended_at
        ]
        for fact in ending_facts(found):
            stores.contract_ended(self.batch, self.view, self.item(10_000), fact.body)

    @staticmethod
    def item(hour: float) -> WorkItem:
        triggered_at = at(hour).isoformat()
        return WorkItem(1, 1, "shopify", "test", Lane.LIVE, "webhook", at(10_000), triggered_at, 0, [], None)

    @property
    def billed(self) -> set[int]:
        """Orders that stand in the books, as SyncLedger was told."""
        told: dict[str, bool] = {}
        for call in self.batch.out.calls:
            if call.method in ("RecordIncrementalRevenue", "ReverseOrderRevenue"):
                told[call.subject] = call.method == "RecordIncrementalRevenue"
        return {int(subject.removeprefix("order:")) for subject, stands in told.items() if stands}

    def contracts(self) -> Iterator[syncledger_pb2.PutContractRequest]:
        for call in self.batch.out.calls:
            if call.method == "PutContract":
                yield syncledger_pb2.PutContractRequest.FromString(call.request)


HOURS = st.integers(0, 40)
PLACED = st.lists(HOURS, max_size=8, unique=True)


@settings(deadline=None)
@given(data=st.data(), placed=PLACED, removed=HOURS, copies=st.integers(1, 3))
def test_a_removal_ends_billing_wherever_it_comes_among_the_orders(
    data: st.DataObject, placed: Sequence[int], removed: int, copies: int
) -> None:
    deliveries = [("order", hour) for hour in placed] * 2 + [("removal", removed)] * copies
    life = Life()
    for kind, hour in data.draw(st.permutations(deliveries)):
        life.order(hour) if kind == "order" else life.remove(hour)
        if data.draw(st.booleans()):
            life.tell_apart()
    life.tell_apart()
    assert life.billed == {hour for hour in placed if hour < removed}
    (ended,) = life.contracts()
    assert ended.contract.rule == syncledger_pb2.FEE_RULE_ENDED
    assert life.view.store.uninstalled_at == at(removed)


@settings(deadline=None)
@given(data=st.data(), placed=PLACED, spans=st.lists(st.integers(1, 8), min_size=4, max_size=4))
def test_connections_after_one_another_bill_each_its_own_orders(
    data: st.DataObject, placed: Sequence[int], spans: Sequence[int]
) -> None:
    """Orders of one life may be delivered until it ends, or be repeated ever after; old removals may be, too."""
    marks = [sum(spans[:count]) for count in range(5)]
    lives = [(marks[0], marks[1]), (marks[2], marks[3])]
    life, seen = Life(), list[int]()
    for connected, removed in lives:
        if connected:
            life.come_back(connected)
        own = [hour for hour in placed if connected <= hour < removed]
        gap = [] if connected else [hour for hour in placed if marks[1] <= hour < marks[2]]
        news = [("order", hour) for hour in own + gap]
        old = [("order", hour) for hour in seen] + [("removal", end) for _, end in lives if end <= connected]
        for kind, hour in data.draw(st.permutations([*news, *old, ("removal", removed)])):
            life.order(hour) if kind == "order" else life.remove(hour)
        seen += own + gap
        if data.draw(st.booleans()):
            life.tell_apart()
    life.tell_apart()
    assert life.billed == {hour for hour in seen if any(start <= hour < end for start, end in lives)}
    assert len(list(life.contracts())) == 2
    assert len({request.event_id for request in life.contracts()}) == 2, "each connection ends once"


@pytest.mark.parametrize(
    ("removed", "told", "first"),
    [
        ("2026-10-20T12:00:00Z", "2026-10-20T12:00:05Z", "2026-11"),
        ("2026-10-31T22:30:00Z", "2026-10-31T22:31:00Z", "2026-11"),
        ("2026-10-31T23:30:00Z", "2026-10-31T23:31:00Z", "2026-12"),
        ("2026-10-31T22:59:59Z", "2026-10-31T23:00:10Z", "2026-11"),
        ("2026-10-20T12:00:00Z", "2027-02-03T12:00:00Z", "2027-02"),
        ("2026-12-20T12:00:00Z", "2026-12-20T12:00:00Z", "2027-01"),
    ],
    ids=["within a month", "before midnight", "after midnight in the shop", "told after it", "told late", "december"],
)
def test_the_contract_ends_with_the_month_of_the_removal(removed: str, told: str, first: str) -> None:
    found = stores.first_month_after(
        dt.datetime.fromisoformat(removed), dt.datetime.fromisoformat(told), "Europe/Berlin"
    )
    assert found.text == first


def test_a_removal_never_lies_after_its_arrival() -> None:
    """Whatever a shop's clock says."""
    life = Life()
    item = msgspec.structs.replace(Life.item(20_000), received_at=at(5))
    stores.app_uninstalled(life.batch, life.view, item, AppUninstalled())
    assert life.view.store.uninstalled_at == at(5)
