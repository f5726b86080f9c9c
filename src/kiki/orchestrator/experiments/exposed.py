"""What a reading says of exposures: contamination, compliance, the effect on compliers, by which campaigns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kiki.kit.money import exponent
from kiki.orchestrator.experiments.assignment import HOLDOUT, TREATED
from kiki.orchestrator.experiments.compliance import CONTAMINATED_FROM, ExposedArm, complier_effect, rate_interval
from kiki.orchestrator.experiments.outcomes import ArmMoments, CampaignReach
from kiki.orchestrator.experiments.registration import Metric

_SHOWN_CAMPAIGNS = 20


def exposure_json(
    treated: ArmMoments, held_out: ArmMoments, critical: float, currency: str, reach: Sequence[CampaignReach]
) -> dict[str, Any]:
    """Rates are parts of an arm; effects are per complier, a rate or major units. `critical`: in standard errors."""
    return {
        "compliance": _rate(treated, critical),
        "contamination": _rate(held_out, critical),
        "complier_effect": {
            metric.value: _complier_effect(treated, held_out, metric, critical, currency) for metric in Metric
        },
        "campaigns": _campaigns(reach),
    }


def exposure_warnings(treated: ArmMoments, held_out: ArmMoments) -> list[str]:
    """What speaks against the estimate, or cannot be said."""
    found = []
    part = held_out.exposed / held_out.users
    if part > CONTAMINATED_FROM:
        found.append(f"{part:.1%} of held-out people were exposed: the estimate is pulled towards zero")
    if not treated.exposed:
        found.append("no contact of treated people with a campaign is known: compliance cannot be told")
    return found


def _rate(row: ArmMoments, critical: float) -> dict[str, Any]:
    return {
        "users": row.users,
        "exposed": row.exposed,
        "contacts": row.contacts,
        "rate": row.exposed / row.users,
        "interval": list(rate_interval(row.exposed, row.users, critical)),
    }


def _complier_effect(
    treated: ArmMoments, held_out: ArmMoments, metric: Metric, critical: float, currency: str
) -> dict[str, Any] | None:
    scale = 1 if metric is Metric.ORDER_RATE else 10 ** exponent(currency)
    found = complier_effect(_arm(treated, metric), _arm(held_out, metric), critical)
    if found is None:
        return None
    return {
        "effect": found.effect / scale,
        "standard_error": found.standard_error / scale,
        "interval": None if found.interval is None else [bound / scale for bound in found.interval],
        "compliers": found.compliers,
    }


def _arm(row: ArmMoments, metric: Metric) -> ExposedArm:
    if metric is Metric.ORDER_RATE:
        rate = row.buyers / row.users
        variance = rate * (1 - rate) * row.users / (row.users - 1)
        return ExposedArm(row.users, rate, variance, row.exposed, float(row.exposed_buyers))
    if metric is Metric.REVENUE:
        return ExposedArm(row.users, row.gross_mean, row.gross_variance, row.exposed, row.exposed_gross)
    return ExposedArm(row.users, row.net_mean, row.net_variance, row.exposed, row.exposed_net)


def _campaigns(reach: Sequence[CampaignReach]) -> list[dict[str, Any]]:
    """A campaign a row, the one that reached most held-out people first."""
    rows: dict[str, dict[str, Any]] = {}
    for one in reach:
        row = rows.setdefault(one.campaign_id, {"campaign_id": one.campaign_id, HOLDOUT: 0, TREATED: 0})
        row[one.arm] = one.people
    ordered = sorted(rows.values(), key=lambda row: (-row[HOLDOUT], -row[TREATED], row["campaign_id"]))
    return ordered[:_SHOWN_CAMPAIGNS]
