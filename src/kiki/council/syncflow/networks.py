"""Ad networks as SyncFlow needs them, and the HTTP API that it speaks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import quote

import msgspec

from kiki.council.syncflow.domain import AdNetworkConnection, SeenCampaign
from kiki.council.syncflow.errors import (
    CampaignGone,
    NetworkBusy,
    NetworkDenied,
    NetworkMoved,
    OutcomeUnknown,
    Refused,
    Stale,
)
from kiki.kit.clock import SystemClock
from kiki.kit.errors import InvalidInput
from kiki.kit.http import HttpAnswer, OutboundHttp

_MOST_WAIT_SECONDS = 300.0


class AdNetwork(Protocol):
    """One account at one ad network.

    Changes are conditional on the campaign's revision (`Stale` otherwise) and idempotent. Errors: `CampaignGone`,
    `Refused` for good; `NetworkBusy`, `NetworkDenied` and other `Unavailable` for now; `DeadlineExceeded` when it is
    unknown whether the change was carried out.
    """

    async def read(self, external_id: str) -> SeenCampaign:
        """The campaign as it is."""
        ...

    async def set_campaign(
        self, external_id: str, *, status: str, bid_minor: int | None, revision: int, request_id: str
    ) -> SeenCampaign:
        """Set status or bid or both (empty, None: leave); the campaign after it."""
        ...

    async def set_product(
        self, external_id: str, product_id: str, *, status: str, revision: int, request_id: str
    ) -> SeenCampaign:
        """Set the status of a product's ads; the campaign after it."""
        ...


class NetworkDialler(Protocol):
    """Makes the client for a stored connection."""

    def __call__(self, connection: AdNetworkConnection) -> AdNetwork: ...


class _Ads(msgspec.Struct):
    product_id: str
    status: str


class _Campaign(msgspec.Struct):
    status: str
    revision: int
    name: str = ""
    bid_minor: int | None = None
    daily_budget_minor: int | None = None
    changed_by: str = ""
    products: list[_Ads] = []


class HttpAdNetwork:
    """The JSON API with bearer token, revisions and `If-Match`."""

    def __init__(self, http: OutboundHttp, connection: AdNetworkConnection, *, timeout_seconds: float) -> None:
        self._http = http
        self._base = connection.base_url.rstrip("/") + "/v1/campaigns/"
        self._authorization = f"Bearer {connection.token}"
        self._timeout_seconds = timeout_seconds

    async def read(self, external_id: str) -> SeenCampaign:
        return await self._send("GET", quote(external_id, safe=""), None, {})

    async def set_campaign(
        self, external_id: str, *, status: str, bid_minor: int | None, revision: int, request_id: str
    ) -> SeenCampaign:
        body: dict[str, object] = {}
        if status:
            body["status"] = status
        if bid_minor is not None:
            body["bid_minor"] = bid_minor
        return await self._send("PATCH", quote(external_id, safe=""), body, _conditions(revision, request_id))

    async def set_product(
        self, external_id: str, product_id: str, *, status: str, revision: int, request_id: str
    ) -> SeenCampaign:
        path = f"{quote(external_id, safe='')}/products/{quote(product_id, safe='')}"
        return await self._send("PATCH", path, {"status": status}, _conditions(revision, request_id))

    async def _send(
        self, method: str, path: str, body: dict[str, object] | None, headers: dict[str, str]
    ) -> SeenCampaign:
        answer = await self._http.request(
            method,
            self._base + path,
            json=body,
            headers={**headers, "authorization": self._authorization},
            timeout_seconds=self._timeout_seconds,
        )
        _check(answer)
        return _seen(answer.body)


def _conditions(revision: int, request_id: str) -> dict[str, str]:
    return {"if-match": str(revision), "x-request-id": request_id}


def _check(answer: HttpAnswer) -> None:
    status = answer.status
    if answer.ok:
        return
    if status in (409, 412):
        raise Stale("the campaign has another revision, or is being changed")
    if status in (404, 410):
        raise CampaignGone("the ad network has no such campaign or product ads")
    if status in (401, 403):
        raise NetworkDenied(f"the ad network does not accept the token ({status})")
    if status in (429, 503):
        raise NetworkBusy(f"the ad network is busy ({status})", retry_after_seconds=_retry_after(answer.headers))
    if status >= 500 or status in (408, 425):
        raise OutcomeUnknown(f"the ad network failed ({status})")
    if status < 400:
        raise NetworkMoved(f"the ad network answers with a way elsewhere ({status}), which is not followed")
    raise Refused(f"the ad network refuses the change ({status})")


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds to wait: told as such, or as a date (RFC 9110, section 10.2.3), which is taken by the network's clock."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return min(float(text), _MOST_WAIT_SECONDS)
    until = _date(text)
    if until is None:
        return 1.0
    now = _date(headers.get("date", "")) or SystemClock().now()
    return min(max((until - now).total_seconds(), 1.0), _MOST_WAIT_SECONDS)


def _date(text: str) -> dt.datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)


def _seen(body: bytes) -> SeenCampaign:
    try:
        campaign = msgspec.json.decode(body, type=_Campaign)
    except msgspec.MsgspecError as error:
        raise InvalidInput("the ad network's answer is not a campaign", reason="BAD_ANSWER") from error
    return SeenCampaign(
        status=campaign.status,
        revision=campaign.revision,
        bid_minor=campaign.bid_minor,
        budget_minor=campaign.daily_budget_minor,
        name=campaign.name,
        by_person=campaign.changed_by == "person",
        products={ads.product_id: ads.status for ads in campaign.products},
    )
