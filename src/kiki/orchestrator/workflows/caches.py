"""What the decider keeps of stores between batches: campaigns and models, read again when their revision moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kiki.commerce.attribution_models import find_fitted
from kiki.commerce.campaigns import find_campaigns, find_former_keys
from kiki.commerce.stores import StoreSettings
from kiki.kit.database import Connection
from kiki.orchestrator.attribution.campaigns import CampaignIndex, KnownCampaign
from kiki.orchestrator.attribution.fitted import Fitted
from kiki.orchestrator.attribution.registry import read_parameters
from kiki.orchestrator.attribution.speaking import DEFAULT, Naming, Speakers, speakers


class CampaignCache:
    """Campaign indexes by store, read again when the projection's revision moved."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, CampaignIndex]] = {}

    async def load(self, connection: Connection, revisions: dict[int, int]) -> dict[int, CampaignIndex]:
        """The indexes of these stores as of the revisions just read."""
        stale = [s for s, revision in revisions.items() if self._known.get(s, (-1, None))[0] != revision]
        if stale:
            for store_id, campaigns in (await known_campaigns(connection, stale)).items():
                self._known[store_id] = (revisions[store_id], CampaignIndex(campaigns))
        return {store_id: self._known[store_id][1] for store_id in revisions}


async def known_campaigns(connection: Connection, store_ids: Sequence[int]) -> dict[int, tuple[KnownCampaign, ...]]:
    """These stores' campaigns, under the keys that they have and those that they had."""
    present, former = await find_campaigns(connection, store_ids), await find_former_keys(connection, store_ids)
    return {
        store_id: (
            *(KnownCampaign(row.campaign_id, row.utm_campaign, row.utm_id, row.since_at) for row in present[store_id]),
            *(
                KnownCampaign(row.campaign_id, row.utm_campaign, row.utm_id, row.since_at, row.until_at)
                for row in former[store_id]
            ),
        )
        for store_id in store_ids
    }


class ModelCache:
    """Attribution models by store, read again when its settings or its revision moved; the default costs nothing."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, Naming, Speakers]] = {}

    async def load(
        self, connection: Connection, stores: Sequence[tuple[int, int, StoreSettings]]
    ) -> dict[int, Speakers]:
        """The models of these stores: (id, revision just read, settings)."""
        found: dict[int, Speakers] = {}
        stale: list[tuple[int, int, Naming]] = []
        for store_id, revision, settings in stores:
            if settings.attribution_model == "default" and not settings.attribution_shadow:
                found[store_id] = DEFAULT
                continue
            naming = naming_of(settings)
            known = self._known.get(store_id)
            if known is not None and known[:2] == (revision, naming):
                found[store_id] = known[2]
            else:
                stale.append((store_id, revision, naming))
        if stale:
            fitted = await _fitted(connection, [store_id for store_id, _, naming in stale if naming.wanting_fit()])
            for store_id, revision, naming in stale:
                found[store_id] = speakers(store_id, naming, fitted.get(store_id, {}))
                self._known[store_id] = (revision, naming, found[store_id])
        return found


def naming_of(settings: StoreSettings) -> Naming:
    """What a store's settings say about models."""
    return Naming(settings.attribution_model, settings.attribution_shadow, settings.attribution_ab_share)


async def _fitted(connection: Connection, store_ids: Sequence[int]) -> dict[int, dict[str, Fitted]]:
    if not store_ids:
        return {}
    return {store_id: read_fitted(plain) for store_id, plain in (await find_fitted(connection, store_ids)).items()}


def read_fitted(plain: Mapping[str, Any]) -> dict[str, Fitted]:
    """Stored parameters by model."""
    read = {name: read_parameters(name, parameters) for name, parameters in plain.items()}
    return {name: parameters for name, parameters in read.items() if parameters is not None}
