"""What the intake counts: plain integers, told to Prometheus when it asks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from kiki.kit.telemetry import LATENCY_BUCKETS, Metrics

_BOUNDS = [*(str(float(bound)) for bound in LATENCY_BUCKETS), "+Inf"]


class IntakeMetrics(Collector):
    """Counting costs a dictionary look-up; label children, locks and text are for who scrapes."""

    def __init__(self, metrics: Metrics, waiting_bytes: Callable[[], int], flushes: Callable[[], int]) -> None:
        self._answers: dict[tuple[str, str], int] = {}
        self._refused: dict[tuple[str, str], int] = {}
        self._seconds = [0] * (len(LATENCY_BUCKETS) + 1)
        self._seconds_sum = 0.0
        waiting = metrics.gauge("intake_waiting_bytes", "Bytes of deliveries that wait for the database.")
        waiting.set_function(waiting_bytes)
        commits = metrics.gauge("intake_group_commits", "Group commits since the start.")
        commits.set_function(flushes)
        metrics.registry.register(self)

    def answered(self, platform: str, outcome: str) -> None:
        """One answer. `platform` is one that we know, never what a sender wrote."""
        key = (platform, outcome)
        self._answers[key] = self._answers.get(key, 0) + 1

    def accepted_within(self, seconds: float) -> None:
        """How long an accepted webhook waited for its answer."""
        self._seconds[bisect_left(LATENCY_BUCKETS, seconds)] += 1
        self._seconds_sum += seconds

    def refused(self, platform: str, reason: str) -> None:
        key = (platform, reason)
        self._refused[key] = self._refused.get(key, 0) + 1

    def collect(self) -> Iterable[Metric]:
        """The families, as `CollectorRegistry` asks for them."""
        yield _counter("webhooks", "Webhook requests answered.", "outcome", self._answers)
        yield _counter("webhooks_refused", "Webhooks refused.", "reason", self._refused)
        buckets = list(zip(_BOUNDS, map(float, accumulate(self._seconds)), strict=True))
        text = "Time from the request to the answer of accepted webhooks."
        yield HistogramMetricFamily("kiki_webhook_answer_seconds", text, buckets=buckets, sum_value=self._seconds_sum)


def _counter(name: str, text: str, label: str, counts: dict[tuple[str, str], int]) -> Metric:
    family = CounterMetricFamily(f"kiki_{name}", text, labels=("platform", label))
    for labels, count in counts.items():
        family.add_metric(labels, count)
    return family
