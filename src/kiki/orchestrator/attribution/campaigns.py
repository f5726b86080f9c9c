"""Which registered campaign a contact leads to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class KnownCampaign:
    """A campaign of SyncFlow's registry with keys that it has or had, as far as recognising it goes."""

    campaign_id: str
    utm_campaign: str
    utm_id: str
    since: dt.datetime = EVER
    """They count for orders that came in since."""
    until: dt.datetime | None = None
    """Former keys: they count for contacts from before this time."""


@dataclass(frozen=True, slots=True)
class _Span:
    campaign_id: str
    since: dt.datetime
    until: dt.datetime | None

    def counts(self, known_at: dt.datetime | None, at: dt.datetime | None) -> bool:
        if known_at is not None and self.since > known_at:
            return False
        return self.until is None or at is None or at < self.until


class CampaignIndex:
    """Finds a store's campaigns by what a link or a caller says. Somebody else's names find nothing."""

    def __init__(self, campaigns: Iterable[KnownCampaign]) -> None:
        self._ids: dict[str, _Span] = {}
        self._names: dict[str, list[_Span]] = {}
        self._utm_ids: dict[str, list[_Span]] = {}
        for known in sorted(campaigns, key=_former_first):
            span = _Span(known.campaign_id, known.since, known.until)
            first = self._ids.get(known.campaign_id)
            since = known.since if first is None else min(first.since, known.since)
            self._ids[known.campaign_id] = _Span(known.campaign_id, since, None)
            if known.utm_campaign:
                self._names.setdefault(known.utm_campaign.strip().lower(), []).append(span)
            if known.utm_id:
                self._utm_ids.setdefault(known.utm_id.strip(), []).append(span)

    def __bool__(self) -> bool:
        return bool(self._ids)

    def find(
        self,
        *,
        campaign_id: str | None,
        utm_campaign: str | None,
        utm_id: str | None,
        known_at: dt.datetime | None = None,
        at: dt.datetime | None = None,
    ) -> str | None:
        """The campaign, by our own id first, then `utm_id`, then `utm_campaign`; letter case of the name is ignored.

        `known_at` is when the order came in, `at` when the contact was; without them every time counts. Of campaigns
        with one key, the one that had it when the contact was goes first, then the first by id.
        """
        when = (known_at, at)
        if campaign_id and self._by_id(campaign_id, *when):
            return campaign_id
        if utm_id:
            key = utm_id.strip()
            found = _first(self._utm_ids.get(key, ()), *when) or self._by_id(key, *when)
            if found:
                return found
        if utm_campaign:
            name = utm_campaign.strip()
            return _first(self._names.get(name.lower(), ()), *when) or self._by_id(name, *when)
        return None

    def _by_id(self, name: str, known_at: dt.datetime | None, at: dt.datetime | None) -> str | None:
        span = self._ids.get(name)
        return name if span is not None and span.counts(known_at, at) else None


def _first(spans: Iterable[_Span], known_at: dt.datetime | None, at: dt.datetime | None) -> str | None:
    return next((span.campaign_id for span in spans if span.counts(known_at, at)), None)


def _former_first(known: KnownCampaign) -> tuple[bool, dt.datetime, str]:
    return known.until is None, known.until or EVER, known.campaign_id
