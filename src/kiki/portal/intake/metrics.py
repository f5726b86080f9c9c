"""What the intake counts."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import Counter, Histogram

from kiki.kit.telemetry import Metrics


class IntakeMetrics:
    """Counters with their children made once, so that counting costs no label look-up."""

    def __init__(self, metrics: Metrics, waiting_bytes: Callable[[], int], flushes: Callable[[], int]) -> None:
        self._answers = metrics.counter("webhooks_total", "Webhook requests answered.", ("platform", "outcome"))
        self._refused = metrics.counter("webhooks_refused_total", "Webhooks refused.", ("platform", "reason"))
        self._children: dict[tuple[str, str], Counter] = {}
        self.answer_seconds: Histogram = metrics.histogram(
            "webhook_answer_seconds", "Time from the request to the answer of accepted webhooks."
        )
        waiting = metrics.gauge("intake_waiting_bytes", "Bytes of deliveries that wait for the database.")
        waiting.set_function(waiting_bytes)
        commits = metrics.gauge("intake_group_commits", "Group commits since the start.")
        commits.set_function(flushes)

    def answered(self, platform: str, outcome: str) -> None:
        """One answer. `platform` is one that we know, never what a sender wrote."""
        child = self._children.get((platform, outcome))
        if child is None:
            child = self._children[(platform, outcome)] = self._answers.labels(platform, outcome)
        child.inc()

    def refused(self, platform: str, reason: str) -> None:
        self._refused.labels(platform, reason).inc()
