"""`/internal/*`: what operators, the CLI and the dashboard use. One module per resource, all behind the key."""

from __future__ import annotations

from fastapi import APIRouter

from kiki.portal.internal import (
    calls,
    campaigns,
    contracts,
    creatives,
    deliveries,
    events,
    jobs,
    pixel,
    shop,
    stores,
    touchpoints,
)

routers: tuple[APIRouter, ...] = (
    stores.router,
    pixel.router,
    deliveries.router,
    calls.router,
    shop.router,
    touchpoints.router,
    campaigns.router,
    contracts.router,
    events.router,
    jobs.router,
    creatives.router,
    creatives.public,
)
