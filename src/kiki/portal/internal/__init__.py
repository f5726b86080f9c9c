"""`/internal/*`: what operators, the CLI and the dashboard use. One module per resource, all behind the key."""

from __future__ import annotations

from fastapi import APIRouter

from kiki.portal.internal import (
    attribution,
    audit,
    bounces,
    calls,
    campaigns,
    contracts,
    creatives,
    deliveries,
    events,
    exchange_rates,
    experiments,
    jobs,
    ledger,
    months,
    pixel,
    promotions,
    shop,
    stores,
    touchpoints,
    value,
)

routers: tuple[APIRouter, ...] = (
    stores.router,
    pixel.router,
    value.router,
    promotions.router,
    deliveries.router,
    calls.router,
    audit.router,
    bounces.router,
    shop.router,
    touchpoints.router,
    campaigns.router,
    contracts.router,
    ledger.router,
    events.router,
    experiments.router,
    jobs.router,
    months.router,
    exchange_rates.router,
    attribution.router,
    creatives.router,
    creatives.public,
)
