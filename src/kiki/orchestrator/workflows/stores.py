"""A store was connected, its terms changed, its history is known, or the app was removed: that ends the contract."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from kiki.commerce.events import AppUninstalled
from kiki.commerce.stores import UNINSTALLED
from kiki.kit.digest import event_id
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.workflows import messages
from kiki.orchestrator.workflows.batch import Batch, StoreView, observed_at
from kiki.orchestrator.workflows.billing import settle
from kiki.rpc.v1 import events_pb2, syncengage_pb2, syncledger_pb2, syncvalue_pb2

_BASES = {
    "net_sales": syncledger_pb2.FeeBasis.FEE_BASIS_NET_SALES,
    "total": syncledger_pb2.FeeBasis.FEE_BASIS_TOTAL,
}
_REVENUE_BASES = {
    "net_sales": syncvalue_pb2.RevenueBasis.REVENUE_BASIS_NET_SALES,
    "total": syncvalue_pb2.RevenueBasis.REVENUE_BASIS_TOTAL,
}
_RULES = {
    "attributed": syncledger_pb2.FeeRule.FEE_RULE_ATTRIBUTED,
    "uplift": syncledger_pb2.FeeRule.FEE_RULE_UPLIFT,
    "lesser_of": syncledger_pb2.FeeRule.FEE_RULE_LESSER_OF,
    "experiment_estimate": syncledger_pb2.FeeRule.FEE_RULE_EXPERIMENT_ESTIMATE,
    "experiment_lower_bound": syncledger_pb2.FeeRule.FEE_RULE_EXPERIMENT_LOWER_BOUND,
}


def store_connected(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """Tell SyncLedger the contract; that of a store whose app was removed has ended, whatever its settings say.

    `effective_from` is its first month where another contract has ended before.
    """
    if view.uninstalled:
        return
    store, settings = view.store, view.store.settings
    request = syncledger_pb2.PutContractRequest(
        store_id=store.store_id,
        event_id=event_id(store.store_id, "contract", str(store.store_id), str(body["revision"])),
        contract=syncledger_pb2.Contract(
            fee_rate=settings.fee_rate,
            basis=_BASES[settings.basis],
            rule=_RULES[settings.rule],
            settlement_currency=store.settled_in,
            time_zone=store.timezone,
            connected_at=store.connected_at,
            effective_from=_billing_month(body["effective_from"]) if body.get("effective_from") else None,
            experiment_id=settings.experiment_id if settings.rule.startswith("experiment_") else "",
        ),
    )
    subject = f"store:{store.store_id}"
    batch.call("syncledger", "PutContract", item.lane, entity=subject, subject=subject, request=request)
    batch.log(
        "StoreConnectedEvent",
        subject,
        events_pb2.StoreConnectedEvent(
            store_id=store.store_id, platform=store.platform, connected_at=store.connected_at
        ),
    )


def baseline_event(store_id: int, revision: str) -> str:
    """The event id under which SyncValue is asked for the baseline of a revision of the history."""
    return event_id(store_id, "baseline", str(store_id), revision)


def baseline_contract_event(store_id: int, asked: str) -> str:
    """The event id under which SyncLedger is told the baseline that was asked for under `asked`."""
    return event_id(store_id, "contract_baseline", str(store_id), asked)


def history_synced(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """The order history was read and decided: ask SyncValue for the baseline, on the contract's revenue basis."""
    store = view.store
    request = syncvalue_pb2.UpdateBaselineMetricsRequest(
        store_id=store.store_id,
        event_id=baseline_event(store.store_id, str(body["revision"])),
        connected_at=store.connected_at,
        time_zone=store.timezone,
        currency=store.currency,
        basis=_REVENUE_BASES[store.settings.basis],
        history_from=dt.datetime.fromisoformat(body["history_from"]),
    )
    subject = f"store:{store.store_id}"
    batch.call("syncvalue", "UpdateBaselineMetrics", item.lane, entity=subject, subject=subject, request=request)


def baseline_computed(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """Tell SyncLedger the baseline, and nothing else of the contract.

    One in another currency than is settled in is left out: there is no rate for a year's revenue.
    """
    store, subject = view.store, f"store:{item.store_id}"
    settled_in = store.settled_in
    for entry in body["baselines"]:
        if entry["currency"] != settled_in:
            continue
        figures = syncledger_pb2.BaselineFigures(
            revenue=messages.amount(entry["revenue_minor"], settled_in),
            monthly_average=messages.amount(entry["monthly_minor"], settled_in),
            months_available=entry["months_available"],
        )
        request = syncledger_pb2.PutContractRequest(
            store_id=store.store_id,
            event_id=baseline_contract_event(store.store_id, entry["asked"]),
            contract=syncledger_pb2.Contract(basis=_BASES[entry["basis"]], baseline=figures),
        )
        batch.call("syncledger", "PutContract", item.lane, entity=subject, subject=subject, request=request)


def app_uninstalled(batch: Batch, view: StoreView, item: WorkItem, _event: AppUninstalled) -> None:
    """The app was removed."""
    end_connection(batch, view, item)


def end_connection(batch: Batch, view: StoreView, item: WorkItem) -> None:
    """Billing ends with that moment, secrets are destroyed, and nothing is sent to customers any more; once.

    What was caused before is still settled. A removal from before the connection ended an earlier one.
    """
    at = min(observed_at(item), item.received_at)
    if view.uninstalled or at < view.store.connected_at:
        return
    view.uninstalled = True
    view.store = dataclasses.replace(view.store, status=UNINSTALLED, uninstalled_at=at)
    batch.out.uninstalled_stores[item.store_id] = at
    _end_contract(batch, view, item, at)
    subject = f"store:{item.store_id}"
    request = syncengage_pb2.CancelFlowsRequest(
        store_id=item.store_id, event_id=event_id(item.store_id, "store_left", view.store.connected_at.isoformat())
    )
    batch.call("syncengage", "CancelFlows", item.lane, entity=subject, subject=subject, request=request)
    batch.log(
        "StoreDisconnectedEvent",
        f"store:{item.store_id}",
        events_pb2.StoreDisconnectedEvent(store_id=item.store_id, disconnected_at=at),
    )


def ended_event(store_id: int, connected_at: dt.datetime) -> str:
    """The event id under which the contract of a connection ends, once."""
    return event_id(store_id, "contract_ended", connected_at.isoformat())


def first_month_after(removed_at: dt.datetime, now: dt.datetime, time_zone: str) -> Month:
    """The first month without the contract: the one after the removal, or the running one where that is told so late
    that others may be closed. The month of the removal is still settled by the contract's terms."""
    return max(Month.at(removed_at, time_zone).following, Month.at(now, time_zone))


def _end_contract(batch: Batch, view: StoreView, item: WorkItem, at: dt.datetime) -> None:
    store, subject = view.store, f"store:{item.store_id}"
    contract = syncledger_pb2.Contract(
        fee_rate=store.settings.fee_rate,
        basis=_BASES[store.settings.basis],
        rule=syncledger_pb2.FeeRule.FEE_RULE_ENDED,
        settlement_currency=store.settled_in,
        time_zone=store.timezone,
        connected_at=store.connected_at,
        effective_from=_billing_month(first_month_after(at, batch.now, store.timezone).text),
        ended_at=at,
    )
    request = syncledger_pb2.PutContractRequest(
        store_id=store.store_id, event_id=ended_event(store.store_id, store.connected_at), contract=contract
    )
    batch.call("syncledger", "PutContract", item.lane, entity=subject, subject=subject, request=request)


def contract_ended(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """Orders that were placed after the contract had ended and decided before we knew: they are not billed."""
    ended_at = dt.datetime.fromisoformat(body["ended_at"])
    for entry in body["orders"]:
        order = batch.orders.get((item.store_id, entry["order_id"]))
        if order is None or not order.live or order.placed_at < ended_at:
            continue
        if not view.uninstalled and order.placed_at >= view.store.connected_at:
            continue  # Placed after the shop came back.
        order.live = False
        batch.out.orders.add((order.store_id, order.order_id))
        settle(batch, view, item.lane, order)


def _billing_month(text: str) -> syncledger_pb2.BillingMonth:
    month = Month.read(text)
    return syncledger_pb2.BillingMonth(year=month.year, month=month.number)
