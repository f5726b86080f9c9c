"""A store was connected, its terms changed, its history is known, or the app was removed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from kiki.commerce.events import AppUninstalled
from kiki.kit.digest import event_id
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.workflows import messages
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.rpc.v1 import events_pb2, syncledger_pb2, syncvalue_pb2

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
    """Tell SyncLedger the contract."""
    store, settings = view.store, view.store.settings
    request = syncledger_pb2.PutContractRequest(
        store_id=store.store_id,
        event_id=event_id(store.store_id, "contract", str(store.store_id), str(body["revision"])),
        contract=syncledger_pb2.Contract(
            fee_rate=settings.fee_rate,
            basis=_BASES[settings.basis],
            rule=_RULES[settings.rule],
            settlement_currency=settings.settlement_currency or store.currency,
            time_zone=store.timezone,
            connected_at=store.connected_at,
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
    settled_in = store.settings.settlement_currency or store.currency
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
    """Secrets are destroyed and nothing is sent to customers any more; what was decided is still settled."""
    if view.uninstalled:
        return
    view.uninstalled = True
    batch.out.uninstalled_stores.add(item.store_id)
    batch.log(
        "StoreDisconnectedEvent",
        f"store:{item.store_id}",
        events_pb2.StoreDisconnectedEvent(store_id=item.store_id, disconnected_at=item.received_at),
    )
