"""Every kind of job and what does it."""

from __future__ import annotations

from kiki.clients.council import CouncilClients
from kiki.kit.clock import Clock
from kiki.kit.database import Database
from kiki.kit.http import OutboundHttp
from kiki.kit.sealing import Sealer
from kiki.platforms.protocol import Resource
from kiki.platforms.registry import readers
from kiki.portal.jobs.attribution import History, compare_work, fit_work
from kiki.portal.jobs.history import history_work
from kiki.portal.jobs.learning import Learning, learn_work
from kiki.portal.jobs.recalculation import recalculation_work
from kiki.portal.jobs.runner import Work
from kiki.portal.jobs.sync import Syncing, sync_work

SYNC_PRODUCTS = "sync_products"
SYNC_ORDERS = "sync_orders"
RECALCULATE = "recalculate_attribution"
FIT_ATTRIBUTION = "attribution_fit"
COMPARE_ATTRIBUTION = "attribution_compare"
LEARN_ATTRIBUTION = "attribution_learn"
READING = (SYNC_PRODUCTS, SYNC_ORDERS)
"""Those that wait for shops."""


def job_kinds(
    *, database: Database, sealer: Sealer, http: OutboundHttp, clients: CouncilClients, clock: Clock
) -> dict[str, Work]:
    """Kind → work."""
    syncing = Syncing(database=database, sealer=sealer, http=http, clock=clock, readers=readers())
    past = History(database, sealer, clock)
    return {
        SYNC_PRODUCTS: sync_work(Resource.PRODUCTS, syncing),
        SYNC_ORDERS: history_work(syncing, clients),
        RECALCULATE: recalculation_work(past),
        FIT_ATTRIBUTION: fit_work(past),
        COMPARE_ATTRIBUTION: compare_work(past),
        LEARN_ATTRIBUTION: learn_work(Learning(database, sealer, clock)),
    }
