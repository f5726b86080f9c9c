"""How every table grows and what ends its rows. A table that is not named here fails the tests: nobody may add one
without saying who empties it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Growth = Literal["settings", "shops", "catalogue", "customers", "orders", "deliveries", "months", "work"]
"""With what a table grows. `work`: rows live until what they stand for is done; at rest it is empty."""

FOR_EVER = "kept"
"""Money, proof, consent, or what makes an answer repeatable: nothing ends it but the erasure of a person."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The life of a table's rows."""

    grows_with: Growth
    until: str
    """`kept`, `done`, `replaced`, or the setting that holds the days."""


def _each(grows_with: Growth, until: str, *names: str) -> dict[str, Kept]:
    return {name: Kept(grows_with, until) for name in names}


_DONE, _REPLACED = "done", "replaced"
_AGENTS = ("syncvalue", "syncflow", "syncledger", "synccreate", "syncengage", "syncshield")

TABLES: dict[str, Kept] = {
    # Deliveries and what became of them.
    **_each("deliveries", "SYNCWORKER_DELIVERY_DAYS", "inbox.deliveries", "inbox.outcomes", "inbox.dead_letters"),
    **_each("deliveries", "SYNCWORKER_DELIVERY_DAYS", "inbox.replays"),
    **_each("deliveries", "SYNCWORKER_KEY_DAYS", "inbox.delivery_keys"),
    **_each("work", _DONE, "inbox.queue", "inbox.parked", "calls.queue", "calls.parked"),
    **_each("settings", _REPLACED, "inbox.leases", "inbox.workers", "inbox.job_runs"),
    **_each("orders", "SYNCWORKER_HISTORY_DAYS", "calls.history", "calls.dead"),
    **_each("orders", "SYNCWORKER_EVENT_DAYS", "events.log"),
    **_each("shops", FOR_EVER, "events.heads", "events.subscriptions"),
    # What the shop says.
    **_each("shops", FOR_EVER, "commerce.store_connections", "portal.store_credentials"),
    **_each("catalogue", FOR_EVER, "commerce.products", "commerce.product_states", "commerce.variants"),
    **_each("catalogue", FOR_EVER, "commerce.inventory_items", "commerce.inventory_levels"),
    **_each("catalogue", FOR_EVER, "commerce.inventory_events", "commerce.holds"),
    **_each("customers", FOR_EVER, "commerce.customers", "commerce.identities", "commerce.identity_merges"),
    **_each("customers", FOR_EVER, "commerce.data_requests"),
    **_each("orders", FOR_EVER, "commerce.orders", "commerce.order_items", "commerce.order_refunds"),
    **_each("months", FOR_EVER, "commerce.exchange_rates", "commerce.former_exchange_rates"),
    **_each("settings", _REPLACED, "commerce.exchange_rate_fetches"),
    **_each("work", _DONE, "commerce.waiting_orders"),
    # What was decided.
    **_each("orders", FOR_EVER, "commerce.attributions", "commerce.attribution_shadows", "commerce.reviews"),
    **_each("orders", "days that the store's settings say", "commerce.touchpoints"),
    **_each("shops", FOR_EVER, "commerce.attribution_models", "commerce.campaigns", "commerce.campaign_former_keys"),
    **_each("shops", FOR_EVER, "commerce.campaign_backdates", "commerce.campaign_products"),
    **_each("settings", _REPLACED, "commerce.attribution_diffs"),
    **_each("months", FOR_EVER, "experiments.registrations", "experiments.readings"),
    **_each("customers", FOR_EVER, "experiments.assignments", "experiments.exposures"),
    **_each("shops", _REPLACED, "closing.months"),
    **_each("months", FOR_EVER, "closing.requests", "portal.jobs"),
    # The agents.
    **_each("orders", FOR_EVER, *(f"{agent}.receipts" for agent in _AGENTS)),
    **_each("shops", FOR_EVER, "syncvalue.stores", "syncvalue.baselines", "syncvalue.promotions", "syncvalue.models"),
    **_each("orders", FOR_EVER, "syncvalue.orders"),
    **_each("customers", FOR_EVER, "syncvalue.customers", "syncvalue.aliases"),
    **_each("months", FOR_EVER, "syncvalue.forecasts"),
    **_each("shops", FOR_EVER, "syncflow.ad_networks", "syncflow.campaigns", "syncflow.promotions"),
    **_each("catalogue", FOR_EVER, "syncflow.products", "syncflow.actions"),
    **_each("work", _DONE, "syncflow.work", "synccreate.jobs", "syncengage.baskets"),
    **_each("shops", FOR_EVER, "syncledger.books", "syncledger.contracts", "syncledger.accounts"),
    **_each("orders", FOR_EVER, "syncledger.transactions", "syncledger.postings", "syncledger.orders"),
    **_each("orders", FOR_EVER, "syncledger.refunds", "syncledger.statement_pages"),
    **_each("months", FOR_EVER, "syncledger.balances", "syncledger.statements", "syncledger.experiment_readings"),
    **_each("months", FOR_EVER, "syncledger.experiment_bills", "syncledger.experiment_credits"),
    **_each("months", FOR_EVER, "syncledger.experiment_refunds"),
    **_each("catalogue", FOR_EVER, "synccreate.creatives", "synccreate.versions", "synccreate.assets"),
    **_each("shops", FOR_EVER, "syncengage.shops"),
    **_each("customers", FOR_EVER, "syncengage.contacts", "syncengage.consent_log", "syncengage.bounces"),
    **_each("orders", FOR_EVER, "syncengage.flows", "syncengage.messages"),
    **_each("catalogue", FOR_EVER, "syncengage.products", "syncengage.co_purchases", "syncengage.availability"),
    **_each("shops", FOR_EVER, "syncshield.audit_heads", "syncshield.data_keys", "syncshield.master_keys"),
    **_each("orders", FOR_EVER, "syncshield.audit_events"),
    **_each("customers", FOR_EVER, "syncshield.subject_requests"),
}
