"""A simulated ad network over HTTP: campaigns, ads per product, bids, read-back, a change log, and faults.

Every request carries `Authorization: Bearer <token>`; otherwise 401. Bodies are JSON. An error is
`{"error": {"code": "NOT_FOUND", "message": "…"}}`; codes: UNAUTHENTICATED (401), NOT_FOUND (404), INVALID (400),
STALE (412), RATE_LIMITED (429, with Retry-After in seconds), INTERNAL (500), UNAVAILABLE (503).

A campaign::

    {"id": "c-1", "name": "Summer shoes", "status": "active", "currency": "EUR", "bid_minor": 120,
     "daily_budget_minor": 5000, "revision": 7, "updated_at": "2026-11-23T00:20:00.123456Z", "changed_by": "api",
     "products": [{"product_id": "101", "status": "active"}, {"product_id": "102", "status": "paused"}]}

`status` is `active`, `paused` or `removed` (a removed campaign answers reads and refuses changes with 404); a product's
ads are `active` or `paused`. `bid_minor` is a whole number of minor units of `currency`, at least the network's
`least_bid_minor` (1 unless said; 400 INVALID under it). `revision` grows with
every change that changed something. `changed_by` is `api` (a bearer of the token) or `person` (somebody in the
network's own console).

Routes:

- `GET /v1/campaigns?after=ID&limit=N` → `{"campaigns": […], "next_after": "ID" | null}`, ordered by id, N ≤ 500, 100 by
  default;
- `GET /v1/campaigns/{id}` → the campaign;
- `PATCH /v1/campaigns/{id}` with `{"status": "active" | "paused"}`, `{"bid_minor": n}` or both → the campaign as it is
  after the change. Setting what is already set succeeds and changes nothing (same `revision`);
- `PATCH /v1/campaigns/{id}/products/{product_id}` with `{"status": "active" | "paused"}` → the campaign as it is then;
- `GET /v1/changes?after=SEQ&limit=N` → `{"changes": […], "last_seq": n}`, oldest first, N ≤ 1000, each change
  `{"seq": 1, "at": "…Z", "campaign_id": "c-1", "product_id": null | "101", "field": "status" | "bid_minor",
  "old": …, "new": …, "actor": "api" | "person", "request_id": "…"}`; `request_id` echoes the `X-Request-Id` header.

Both PATCH routes take an optional `If-Match: <revision>`: 412 STALE when the campaign has another one.

Faults (`Faults`) are drawn per request by seed: an answer that comes late, 500 before anything happened, 503/429 with
Retry-After, a connection closed without an answer, *applied but the answer was lost* (the change stands, the caller
sees 500 or a closed connection), which only a read-back tells apart, and *answered but not applied* (200 with the
campaign as it was).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from kiki.kit.clock import Clock, SystemClock
from kiki.sandbox.http_server import Answer, Request, serve_http

ACTIVE, PAUSED, REMOVED = "active", "paused", "removed"
_BY_API, _BY_PERSON = "api", "person"
_Patch = TypeVar("_Patch")


class ProductAds(msgspec.Struct):
    """A product's ads in a campaign."""

    product_id: str
    status: str = ACTIVE


class Campaign(msgspec.Struct):
    """A campaign as the network keeps it and shows it."""

    id: str
    name: str
    currency: str
    bid_minor: int
    daily_budget_minor: int
    products: list[ProductAds] = msgspec.field(default_factory=list)
    status: str = ACTIVE
    revision: int = 1
    updated_at: str = ""
    changed_by: str = _BY_PERSON


class Change(msgspec.Struct, frozen=True):
    """One change of one field, in the order in which they took effect."""

    seq: int
    at: str
    campaign_id: str
    product_id: str | None
    field: str
    old: str | int
    new: str | int
    actor: str
    request_id: str


class _CampaignPatch(msgspec.Struct, forbid_unknown_fields=True):
    status: str | None = None
    bid_minor: int | None = None


class _ProductPatch(msgspec.Struct, forbid_unknown_fields=True):
    status: str


@dataclass(slots=True)
class Faults:
    """What goes wrong, as shares of requests between 0 and 1, drawn in this order; may be changed at any time."""

    seed: int = 0
    latency_seconds: tuple[float, float] = (0.0, 0.0)
    hang_up_rate: float = 0.0
    error_rate: float = 0.0
    unavailable_rate: float = 0.0
    rate_limited_rate: float = 0.0
    lost_answer_rate: float = 0.0
    """Of changes alone: applied, then answered with 500 or a closed connection."""
    ignored_rate: float = 0.0
    """Of changes alone: answered 200 with the campaign as it was before, and not applied."""
    offline: bool = False
    """Every request is answered 503."""
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def draw(self) -> float:
        return self._random.random()

    def latency(self) -> float:
        low, high = self.latency_seconds
        return low if high <= low else self._random.uniform(low, high)


class AdNetworkError(Exception):
    """A request that the network refuses."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class AdNetwork:
    """The network's state: campaigns and the log of changes. The HTTP edge is `serve_ad_network`."""

    def __init__(self, campaigns: Iterable[Campaign] = (), *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._campaigns = {campaign.id: campaign for campaign in campaigns}
        self.changes: list[Change] = []
        self.requests = 0
        self.least_bid_minor = 1
        self._changed = asyncio.Condition()

    def put(self, campaign: Campaign) -> None:
        """Add a campaign or replace it, without an entry in the log."""
        campaign.updated_at = campaign.updated_at or self._now()
        self._campaigns[campaign.id] = campaign

    def get(self, campaign_id: str) -> Campaign:
        """A campaign as it is now."""
        try:
            return self._campaigns[campaign_id]
        except KeyError:
            raise AdNetworkError(404, "NOT_FOUND", "no campaign has this id") from None

    def list(self, *, after: str = "", limit: int = 100) -> list[Campaign]:
        """Campaigns by id."""
        return [self._campaigns[key] for key in sorted(self._campaigns) if key > after][:limit]

    def is_running(self, campaign_id: str, product_id: str) -> bool:
        """Whether this product's ads are shown in this campaign: both the campaign and the ads are active."""
        campaign = self.get(campaign_id)
        return campaign.status == ACTIVE and any(
            ads.product_id == product_id and ads.status == ACTIVE for ads in campaign.products
        )

    async def change(
        self,
        campaign_id: str,
        *,
        status: str | None = None,
        bid_minor: int | None = None,
        product_id: str | None = None,
        actor: str = _BY_PERSON,
        request_id: str = "",
        if_revision: int | None = None,
    ) -> Campaign:
        """Set a campaign's status or bid, or with `product_id` the status of its ads; by default a person's doing."""
        campaign = self.get(campaign_id)
        if campaign.status == REMOVED:
            raise AdNetworkError(404, "NOT_FOUND", "the campaign was removed")
        if if_revision is not None and campaign.revision != if_revision:
            raise AdNetworkError(412, "STALE", "the campaign has another revision")
        _check(status, bid_minor, least=self.least_bid_minor, person=actor == _BY_PERSON)
        target: Campaign | ProductAds = campaign if product_id is None else _ads(campaign, product_id)
        wanted = {"status": status, "bid_minor": bid_minor}
        news = {
            name: value for name, value in wanted.items() if value is not None and getattr(target, name, None) != value
        }
        if not news:
            return campaign
        async with self._changed:
            campaign.revision += 1
            campaign.updated_at, campaign.changed_by = self._now(), actor
            for name, value in news.items():
                self._record(campaign, product_id, name, getattr(target, name), value, actor, request_id)
                setattr(target, name, value)
            self._changed.notify_all()
        return campaign

    async def wait_until(self, holds: Callable[[AdNetwork], bool], *, timeout_seconds: float = 10.0) -> None:
        """Wait until something holds, looking after every change. Raises `TimeoutError`."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: holds(self)), timeout_seconds)

    def _record(
        self,
        campaign: Campaign,
        product_id: str | None,
        name: str,
        old: str | int,
        new: str | int,
        actor: str,
        request_id: str,
    ) -> None:
        seq = len(self.changes) + 1
        self.changes.append(
            Change(seq, campaign.updated_at, campaign.id, product_id, name, old, new, actor, request_id)
        )

    def _now(self) -> str:
        return self._clock.now().astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _check(status: str | None, bid_minor: int | None, *, least: int, person: bool) -> None:
    known = (ACTIVE, PAUSED, REMOVED) if person else (ACTIVE, PAUSED)
    if status is not None and status not in known:
        raise AdNetworkError(400, "INVALID", "status is active or paused")
    if bid_minor is not None and bid_minor < least:
        raise AdNetworkError(400, "INVALID", f"bid_minor is at least {least}")


def _ads(campaign: Campaign, product_id: str) -> ProductAds:
    for ads in campaign.products:
        if ads.product_id == product_id:
            return ads
    raise AdNetworkError(404, "NOT_FOUND", "the campaign has no ads for this product")


@asynccontextmanager
async def serve_ad_network(
    network: AdNetwork, *, token: str, faults: Faults | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """Serve the network over HTTP for the time of the block; gives the bound port."""
    edge = _Edge(network, token, faults or Faults())
    async with serve_http(edge.handle, host=host, port=port) as bound:
        yield bound


class _Edge:
    """HTTP requests → the network, with faults in between."""

    def __init__(self, network: AdNetwork, token: str, faults: Faults) -> None:
        self._network, self._faults = network, faults
        self._authorization = f"Bearer {token}".encode()

    async def handle(self, request: Request) -> Answer:
        self._network.requests += 1
        faults = self._faults
        if latency := faults.latency():
            await asyncio.sleep(latency)
        sent = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(sent, self._authorization):
            return _error(401, "UNAUTHENTICATED", "a bearer token is wanted")
        if (fault := self._fault()) is not None:
            return fault
        try:
            answer = await self._route(request)
        except AdNetworkError as error:
            return _error(error.status, error.code, error.message)
        if request.method == "PATCH" and faults.draw() < faults.lost_answer_rate:
            return Answer(hang_up=True) if faults.draw() < 0.5 else _error(500, "INTERNAL", "something went wrong")
        return answer

    def _fault(self) -> Answer | None:
        faults = self._faults
        if faults.offline:
            return _error(503, "UNAVAILABLE", "try again later", {"Retry-After": "1"})
        if faults.draw() < faults.hang_up_rate:
            return Answer(hang_up=True)
        if faults.draw() < faults.error_rate:
            return _error(500, "INTERNAL", "something went wrong")
        if faults.draw() < faults.unavailable_rate:
            return _error(503, "UNAVAILABLE", "try again later", {"Retry-After": "1"})
        if faults.draw() < faults.rate_limited_rate:
            return _error(429, "RATE_LIMITED", "slow down", {"Retry-After": "1"})
        return None

    async def _route(self, request: Request) -> Answer:
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["v1", "campaigns"]:
                return self._list(request)
            case "GET", ["v1", "campaigns", campaign_id]:
                return Answer.json(self._network.get(campaign_id))
            case "PATCH", ["v1", "campaigns", campaign_id]:
                patch = _decode(request.body, _CampaignPatch)
                return await self._change(request, campaign_id, status=patch.status, bid_minor=patch.bid_minor)
            case "PATCH", ["v1", "campaigns", campaign_id, "products", product_id]:
                status = _decode(request.body, _ProductPatch).status
                return await self._change(request, campaign_id, status=status, product_id=product_id)
            case "GET", ["v1", "changes"]:
                return self._changes(request)
        raise AdNetworkError(404, "NOT_FOUND", "no such route")

    def _list(self, request: Request) -> Answer:
        limit = _number(request.query.get("limit"), default=100, most=500)
        page = self._network.list(after=request.query.get("after", ""), limit=limit + 1)
        more = page[limit - 1].id if len(page) > limit else None
        return Answer.json({"campaigns": page[:limit], "next_after": more})

    def _changes(self, request: Request) -> Answer:
        after = _number(request.query.get("after"), default=0, most=2**53, least=0)
        limit = _number(request.query.get("limit"), default=1000, most=1000)
        found = self._network.changes[after : after + limit]
        return Answer.json({"changes": found, "last_seq": found[-1].seq if found else after})

    async def _change(
        self,
        request: Request,
        campaign_id: str,
        *,
        status: str | None,
        bid_minor: int | None = None,
        product_id: str | None = None,
    ) -> Answer:
        if self._faults.ignored_rate and self._faults.draw() < self._faults.ignored_rate:
            return Answer.json(self._network.get(campaign_id))
        wanted = request.headers.get("if-match", "").strip('"')
        campaign = await self._network.change(
            campaign_id,
            status=status,
            bid_minor=bid_minor,
            product_id=product_id,
            actor=_BY_API,
            request_id=request.headers.get("x-request-id", ""),
            if_revision=_number(wanted, default=0, most=2**53) if wanted else None,
        )
        return Answer.json(campaign)


def _decode(body: bytes, kind: type[_Patch]) -> _Patch:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AdNetworkError(400, "INVALID", str(error)) from None


def _number(text: str | None, *, default: int, most: int, least: int = 1) -> int:
    if not text:
        return default
    if not text.isdecimal() or not least <= int(text) <= most:
        raise AdNetworkError(400, "INVALID", f"a whole number from {least} to {most} is wanted")
    return int(text)


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer.json({"error": {"code": code, "message": message}}, status, headers)
