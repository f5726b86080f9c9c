"""Which batch method carries which single method: the table that the dispatcher goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

AGENTS: Mapping[str, str] = {
    "syncvalue": "kiki.rpc.v1.SyncValueService",
    "syncflow": "kiki.rpc.v1.SyncFlowService",
    "syncledger": "kiki.rpc.v1.SyncLedgerService",
    "synccreate": "kiki.rpc.v1.SyncCreateService",
    "syncengage": "kiki.rpc.v1.SyncEngageService",
    "syncshield": "kiki.rpc.v1.SyncShieldService",
}
"""Agent name → full service name."""


@dataclass(frozen=True, slots=True)
class BatchMethod:
    """`single` travels as an item of `batch`; messages are named after them.

    A batch of several kinds stands for itself: its items hold one of the single requests each.
    """

    single: str
    batch: str


_BATCHES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "syncvalue": (("UpdateCustomerLTV", "BatchUpdateOrders"),),
    "syncflow": (
        ("PauseProductCampaigns", "BatchPauseProductCampaigns"),
        ("ResumeProductCampaigns", "BatchResumeProductCampaigns"),
        ("AdjustBidsForInventory", "BatchAdjustBidsForInventory"),
        ("UpdateProductMargins", "BatchUpdateProductMargins"),
    ),
    "syncledger": (
        ("RecordIncrementalRevenue", "BatchRecordIncrementalRevenue"),
        ("RecordRefund", "BatchRecordRefund"),
        ("PutContract", "BatchPutContract"),
    ),
    "synccreate": (
        ("GenerateProductCreative", "BatchGenerateCreatives"),
        ("RefreshProductCreative", "BatchRefreshProductCreatives"),
    ),
    "syncengage": (
        ("TriggerPostPurchaseFlow", "BatchTriggerPostPurchaseFlows"),
        ("TriggerChurnPrevention", "BatchTriggerChurnPreventions"),
        ("TriggerUpsellFlow", "BatchTriggerUpsellFlows"),
        ("PutContact", "BatchPutContacts"),
        ("BatchEngage", "BatchEngage"),
    ),
    "syncshield": (
        ("LogWebhookEvent", "BatchLogWebhookEvents"),
        ("LogDataAccess", "BatchLogDataAccess"),
    ),
}

BATCH_METHODS: Mapping[tuple[str, str], BatchMethod] = {
    (agent, single): BatchMethod(single, batch) for agent, pairs in _BATCHES.items() for single, batch in pairs
}
"""(agent, single method) → its batch form. A method that is not here travels alone."""
