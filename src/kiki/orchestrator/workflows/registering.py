"""What SyncFlow's registry says now, projected: since when each campaign, its keys and its promotions count.

A campaign counts as it was registered when an order came in. What is registered or changed later counts for later
orders only, unless whoever registers it names an earlier time; then the orders since are decided anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from kiki.commerce.campaigns import EVER, CampaignRow, FormerKeys, PromotionRow
from kiki.commerce.stores import StoreConnection
from kiki.kit.digest import event_id
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.workflows.batch import Batch, Key, StoreView
from kiki.orchestrator.workflows.scanning import Scan
from kiki.rpc.v1 import syncflow_pb2


def campaigns_changed(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """Project SyncFlow's registry: campaigns as they are now, each with its promotions.

    Without campaigns it says that something changed: SyncFlow is asked for all of them, page by page. With
    `effective_from` they count since then, and the orders since then are decided anew.
    """
    if "campaigns" not in body or body.get("next_page_token"):
        _ask_for_campaigns(batch, item, body.get("next_page_token", ""))
    earlier = _time(body.get("effective_from"))
    for entry in body.get("campaigns", ()):
        _project(batch, item.store_id, entry, earlier)
    if earlier is not None:
        batch.out.scans.append(scan_of(view.store, body["campaigns"], earlier, batch.now))


def scan_of(store: StoreConnection, entries: Iterable[dict[str, Any]], since: dt.datetime, now: dt.datetime) -> Scan:
    """The orders that these campaigns may have led to since a time, as far back as touchpoints are kept for."""
    entries = list(entries)
    window = dt.timedelta(days=store.settings.attribution_window_days)
    margin = dt.timedelta(days=store.settings.touchpoint_margin_days)
    ids = {entry["campaign_id"] for entry in entries}
    return Scan(
        store_id=store.store_id,
        window=window,
        timezone=store.timezone,
        campaign_ids=tuple(sorted(ids)),
        names=tuple(sorted({name.strip().lower() for name in _said(entries, "utm_campaign") | ids})),
        utm_ids=tuple(sorted({name.strip() for name in _said(entries, "utm_id") | ids})),
        products=tuple(sorted({told["product_id"] for entry in entries for told in entry["promotions"]})),
        since=max(since - window, now - margin),
    )


def _said(entries: Iterable[dict[str, Any]], name: str) -> set[str]:
    return {entry[name] for entry in entries if entry[name]}


def _project(batch: Batch, store_id: int, entry: dict[str, Any], earlier: dt.datetime | None) -> None:
    key = (store_id, entry["campaign_id"])
    former = batch.campaigns.get(key)
    if former is not None and former.ended_at is not None and not entry["ended"]:
        batch.promoted[key] = [_cut(row, former.ended_at) for row in batch.promoted.get(key, ())]
    batch.campaigns[key] = batch.out.campaigns[key] = _campaign(batch, key, entry, earlier)
    known: dict[str, list[PromotionRow]] = {}
    for each in batch.promoted.get(key, ()):
        known.setdefault(each.product_id, []).append(each)
    rows = [_promotion(batch, key, told, known.get(told["product_id"], ()), earlier) for told in entry["promotions"]]
    batch.out.promotions[key] = rows
    _remember(batch, key, rows)


def _campaign(batch: Batch, key: Key, entry: dict[str, Any], earlier: dt.datetime | None) -> CampaignRow:
    known, since = batch.campaigns.get(key), earlier or batch.now
    keys = (entry["utm_campaign"], entry["utm_id"])
    if known is not None and (known.utm_campaign, known.utm_id) == keys:
        since = known.since_at if earlier is None else min(known.since_at, earlier)
    elif known is not None:
        batch.out.former_keys.append(FormerKeys(*key, batch.now, known.since_at, known.utm_campaign, known.utm_id))
    return CampaignRow(
        store_id=key[0],
        campaign_id=entry["campaign_id"],
        network=entry["network"],
        name=entry["name"],
        utm_campaign=entry["utm_campaign"],
        utm_id=entry["utm_id"],
        status=entry["status"],
        active=not entry["ended"],
        registered_at=batch.now,
        ended_at=((known.ended_at if known is not None else None) or batch.now) if entry["ended"] else None,
        since_at=since,
    )


def _promotion(
    batch: Batch, key: Key, told: dict[str, Any], known: Sequence[PromotionRow], earlier: dt.datetime | None
) -> PromotionRow:
    """One that is known goes on; one that was ended meanwhile begins anew, not before it is planned to, and the gap
    between is none of ours."""
    wanted, until = _time(told.get("from_at")) or EVER, _time(told.get("to_at"))
    goes_on = [row for row in known if row.to_at is None or row.to_at > batch.now or row.to_at == until]
    same = next((row for row in goes_on if row.from_at == wanted), None)
    begins, since = wanted, earlier or batch.now
    if same is None and any(row.from_at == wanted for row in known):
        same = max((row for row in goes_on if row.from_at > wanted), key=lambda row: row.from_at, default=None)
        begins = max(wanted, since) if same is None else same.from_at
    if same is not None:
        since = same.since_at if earlier is None else min(same.since_at, earlier)
    return PromotionRow(key[0], told["product_id"], key[1], begins, until, since)


def _cut(row: PromotionRow, ended_at: dt.datetime) -> PromotionRow:
    """As far as its campaign ran, which is taken up again now."""
    return row if row.to_at is not None and row.to_at <= ended_at else replace(row, to_at=ended_at)


def _remember(batch: Batch, key: Key, rows: Sequence[PromotionRow]) -> None:
    """What is known of a campaign's promotions once they are written."""
    places = {(row.product_id, row.from_at) for row in rows}
    ended = [
        replace(row, to_at=batch.now) if row.to_at is None or row.to_at > batch.now else row
        for row in batch.promoted.get(key, ())
        if (row.product_id, row.from_at) not in places
    ]
    batch.promoted[key] = [*ended, *rows]


def _ask_for_campaigns(batch: Batch, item: WorkItem, page_token: str) -> None:
    request = syncflow_pb2.ListCampaignsRequest(store_id=item.store_id, page_size=1000, page_token=page_token)
    batch.out.calls.append(
        CallIntent(
            store_id=item.store_id,
            agent="syncflow",
            method="ListCampaigns",
            lane=item.lane,
            entity="campaigns",
            subject="campaigns",
            event_id=event_id(item.store_id, "campaigns_listed", str(item.delivery_id)),
            request=request.SerializeToString(),
        )
    )


def _time(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
