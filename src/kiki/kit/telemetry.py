"""Prometheus metrics on a registry that is handed in, never on the global one."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Makes metrics of one process. Names start with `kiki_`; labels never hold personal data or unbounded text."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(f"kiki_{name}", text, labels, registry=self.registry)

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(f"kiki_{name}", text, labels, registry=self.registry)

    def histogram(self, name: str, text: str, labels: Sequence[str] = ()) -> Histogram:
        """A histogram of seconds."""
        return Histogram(f"kiki_{name}", text, labels, registry=self.registry, buckets=LATENCY_BUCKETS)

    def render(self) -> bytes:
        """The exposition text."""
        return generate_latest(self.registry)
