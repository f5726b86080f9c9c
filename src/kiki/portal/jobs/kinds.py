"""Every kind of job and what does it."""

from __future__ import annotations

from kiki.kit.clock import Clock
from kiki.kit.database import Database
from kiki.kit.http import OutboundHttp
from kiki.kit.sealing import Sealer
from kiki.portal.jobs.recalculation import recalculation_work
from kiki.portal.jobs.runner import Work
from kiki.portal.jobs.shop_pages import Resource
from kiki.portal.jobs.sync import sync_work

SYNC_PRODUCTS = "sync_products"
SYNC_ORDERS = "sync_orders"
RECALCULATE = "recalculate_attribution"


def job_kinds(*, database: Database, sealer: Sealer, http: OutboundHttp, clock: Clock) -> dict[str, Work]:
    """Kind → work."""
    return {
        SYNC_PRODUCTS: sync_work(Resource.PRODUCTS, database=database, sealer=sealer, http=http, clock=clock),
        SYNC_ORDERS: sync_work(Resource.ORDERS, database=database, sealer=sealer, http=http, clock=clock),
        RECALCULATE: recalculation_work(sealer=sealer, clock=clock),
    }
