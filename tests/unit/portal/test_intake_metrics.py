"""What the intake tells Prometheus."""

from __future__ import annotations

from kiki.kit.telemetry import Metrics
from kiki.portal.intake.metrics import IntakeMetrics


def test_plain_counts_become_families() -> None:
    metrics = Metrics()
    intake = IntakeMetrics(metrics, lambda: 7, lambda: 3)
    for _ in range(2):
        intake.answered("shopify", "accepted")
    intake.refused("shopify", "BAD_SIGNATURE")
    for seconds in (0.0005, 0.001, 0.004, 99.0):
        intake.accepted_within(seconds)
    text = metrics.render().decode()
    assert 'kiki_webhooks_total{outcome="accepted",platform="shopify"} 2.0' in text
    assert 'kiki_webhooks_refused_total{platform="shopify",reason="BAD_SIGNATURE"} 1.0' in text
    assert 'kiki_webhook_answer_seconds_bucket{le="0.001"} 2.0' in text
    assert 'kiki_webhook_answer_seconds_bucket{le="0.005"} 3.0' in text
    assert 'kiki_webhook_answer_seconds_bucket{le="+Inf"} 4.0' in text
    assert "kiki_webhook_answer_seconds_count 4.0" in text
    assert "kiki_intake_waiting_bytes 7.0" in text
