"""A store was connected, its terms changed, or the app was removed."""

from __future__ import annotations

from typing import Any

from kiki.commerce.events import AppUninstalled
from kiki.kit.digest import event_id
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.rpc.v1 import events_pb2, syncledger_pb2

_BASES = {
    "net_sales": syncledger_pb2.FeeBasis.FEE_BASIS_NET_SALES,
    "total": syncledger_pb2.FeeBasis.FEE_BASIS_TOTAL,
}
_RULES = {
    "attributed": syncledger_pb2.FeeRule.FEE_RULE_ATTRIBUTED,
    "uplift": syncledger_pb2.FeeRule.FEE_RULE_UPLIFT,
    "lesser_of": syncledger_pb2.FeeRule.FEE_RULE_LESSER_OF,
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
