"""Which registered campaign a contact leads to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownCampaign:
    """A campaign of SyncFlow's registry, as far as recognising it goes."""

    campaign_id: str
    utm_campaign: str
    utm_id: str


class CampaignIndex:
    """Finds a store's campaigns by what a link or a caller says. Somebody else's names find nothing."""

    def __init__(self, campaigns: Iterable[KnownCampaign]) -> None:
        self._ids: set[str] = set()
        self._names: dict[str, str] = {}
        self._utm_ids: dict[str, str] = {}
        for campaign in sorted(campaigns, key=lambda known: known.campaign_id):
            self._ids.add(campaign.campaign_id)
            if campaign.utm_campaign:
                self._names.setdefault(campaign.utm_campaign.strip().lower(), campaign.campaign_id)
            if campaign.utm_id:
                self._utm_ids.setdefault(campaign.utm_id.strip(), campaign.campaign_id)

    def __bool__(self) -> bool:
        return bool(self._ids)

    def find(self, *, campaign_id: str | None, utm_campaign: str | None, utm_id: str | None) -> str | None:
        """The campaign, by our own id first, then `utm_id`, then `utm_campaign`; letter case of the name is ignored."""
        if campaign_id and campaign_id in self._ids:
            return campaign_id
        if utm_id:
            found = self._utm_ids.get(utm_id.strip()) or (utm_id.strip() if utm_id.strip() in self._ids else None)
            if found:
                return found
        if utm_campaign:
            name = utm_campaign.strip()
            return self._names.get(name.lower()) or (name if name in self._ids else None)
        return None
