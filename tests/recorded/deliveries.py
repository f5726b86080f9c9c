"""The recorded WooCommerce requests, and the payload samples beside the repository where they are present."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

WOOCOMMERCE = Path(__file__).parent / "woocommerce"
WOOCOMMERCE_SECRET = "acceptance-secret"
WOOCOMMERCE_SOURCE = "http://127.0.0.1:8089/"
_SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "payloads"


@dataclass(frozen=True)
class RecordedRequest:
    """One request as a shop sent it."""

    name: str
    headers: dict[str, str]
    body: bytes

    @property
    def topic(self) -> str:
        return self.headers.get("x-wc-webhook-topic", "")

    @property
    def is_ping(self) -> bool:
        return not self.topic


def recorded_requests() -> list[RecordedRequest]:
    """All of them, pings included, in the order of their names."""
    return [_read(path) for path in sorted(WOOCOMMERCE.glob("deliveries*/*.json"))]


def recorded(name: str) -> RecordedRequest:
    """One by its path under the folder, e.g. `deliveries/021-order.created.json`."""
    return _read(WOOCOMMERCE / name)


def sample(name: str) -> Any:
    """A payload sample such as `shopify/webhook_orders_create.json`; skips the test where the samples are absent."""
    path = _SAMPLES / name
    if not path.is_file():
        pytest.skip("the payload samples are not beside this repository (../shared/payloads)")
    return json.loads(path.read_text(encoding="utf-8"))


def _read(path: Path) -> RecordedRequest:
    raw = json.loads(path.read_text(encoding="utf-8"))
    return RecordedRequest(
        name=f"{path.parent.name}/{path.name}",
        headers={name.lower(): value for name, value in raw["headers"]},
        body=raw["body"].encode("utf-8"),
    )
