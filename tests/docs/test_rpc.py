"""Every service, method, message, field and enum value of the contract has reference text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROTO = Path(__file__).resolve().parents[2] / "proto"
FILES = sorted(PROTO.rglob("*.proto"))
METHODS = {
    "syncvalue": "UpdateCustomerLTV UpdateBaselineMetrics GetCustomerLTV BatchUpdateOrders",
    "syncflow": "PauseProductCampaigns ResumeProductCampaigns AdjustBidsForInventory UpdateProductMargins",
    "syncledger": "RecordIncrementalRevenue RecordRefund CalculateSuccessFee GetOrderAttribution",
    "synccreate": "GenerateProductCreative BatchGenerateCreatives RefreshProductCreative",
    "syncengage": "TriggerPostPurchaseFlow TriggerChurnPrevention TriggerUpsellFlow",
    "syncshield": "LogDataAccess EncryptCustomerData DecryptCustomerData LogWebhookEvent",
}
_DECLARATION = re.compile(
    r"^\s*(?:(?:service|message|enum|rpc)\s+\w+"
    r"|(?:repeated |optional )?(?:map<[^>]+>|[\w.]+)\s+\w+\s*=\s*\d+"
    r"|[A-Z][A-Z0-9_]*\s*=\s*\d+)"
)


def _undocumented(text: str) -> Iterator[str]:
    """Declarations without a comment above or behind them."""
    before = ""
    for line in text.splitlines():
        if _DECLARATION.match(line) and "//" not in line and not before.lstrip().startswith(("//", "*/")):
            yield line.strip()
        if line.strip():
            before = line


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_everything_is_documented(path: Path) -> None:
    assert list(_undocumented(path.read_text())) == []


@pytest.mark.parametrize("agent", METHODS)
def test_every_method_of_the_specification_exists(agent: str) -> None:
    text = (PROTO / "kiki" / "rpc" / "v1" / f"{agent}.proto").read_text()
    declared = set(re.findall(r"^\s*rpc (\w+)\(", text, re.MULTILINE))
    assert set(METHODS[agent].split()) - declared == set()
