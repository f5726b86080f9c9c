"""WooCommerce's REST API v3 as a `ShopReader`: its objects have the form of the webhooks.

A page is asked for by its offset, ordered by id, and begins with the last object of the page before: as long as that is
there, nothing was left out; when it is gone, the list has moved and the reader steps back. A page may be short before
the end: WooCommerce drops what it cannot load (`get_objects`, `get_items` of its REST controllers) and counts it in
`X-WP-Total`, which therefore says where the list ends. Variations are asked for product by product. Keys travel by
basic authentication over https; over plain http requests are signed (OAuth 1.0a without a token, RFC 5849), as the shop
wants it, and the secret does not travel at all.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import msgspec

from kiki.kit.clock import Clock, SystemClock
from kiki.kit.http import HttpAnswer
from kiki.platforms.protocol import CursorRefused, Resource, ShopObject, ShopPage, StoreApi, StoreCredentials
from kiki.platforms.shop_http import ApiRequest, ShopHttp, read_answer

_APART = "apart"
_VARIATIONS_AT_ONCE = 100
_MAX_VARIATION_PAGES = 100
_SECOND = dt.timedelta(seconds=1)
_HIDDEN = "the shop counts {resource} that it does not show: records that it cannot load, as a rule"
_TOPICS = {Resource.PRODUCTS: "product.updated", Resource.ORDERS: "order.updated"}


class _Object(msgspec.Struct):
    id: int
    type: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a list is read on."""

    last_id: int = 0
    offset: int = 0
    """How many objects stood before the last one that was read, at most."""
    apart: bool = False
    """Behind a whole page of what the shop does not show: there is nothing to join on to."""

    @classmethod
    def read(cls, cursor: str) -> _Place:
        last_id, _, rest = cursor.partition("@")
        offset, _, apart = rest.partition("@")
        if not cursor:
            return cls()
        if not (last_id.isdecimal() and offset.isdecimal() and apart in ("", _APART)):
            raise CursorRefused("the place in the shop's list cannot be read")
        return cls(int(last_id), int(offset), bool(apart))

    def text(self) -> str:
        return f"{self.last_id}@{self.offset}" + (f"@{_APART}" if self.apart else "")

    def after(self, last_id: int, shown: int, size: int) -> _Place:
        """Behind a page of `size` of which `shown` were shown; the next one begins with the last of them."""
        if shown > 1:
            return _Place(last_id, self.offset + shown - 1)
        return _Place(last_id, self.offset + size - 1, apart=True)


class WooCommerceReader:
    """Pages of 100 at most, ascending by id."""

    page_size = 100

    def __init__(
        self, http: ShopHttp, api: StoreApi, clock: Clock | None = None, nonce: Callable[[], str] | None = None
    ) -> None:
        self._http = http
        self._base = f"{api.base_url.rstrip('/')}/wp-json/wc/v3"
        self._credentials = api.credentials
        self._clock = clock or SystemClock()
        self._nonce = nonce or (lambda: secrets.token_hex(16))

    async def reach(self, resource: Resource, now: dt.datetime) -> dt.datetime | None:  # noqa: ARG002 - the protocol's
        """Everything: no right narrows the time."""
        return None

    async def page(self, resource: Resource, cursor: str, since: dt.datetime | None, limit: int) -> ShopPage:
        place, size = _Place.read(cursor), max(limit, 2)
        answer, found, place = await self._joined(resource, place, since, size)
        fresh = [(each, raw) for each, raw in found if each.id > place.last_id]
        objects = [ShopObject(_TOPICS[resource], bytes(raw)) for _, raw in fresh]
        if resource is Resource.PRODUCTS:
            for each, _ in fresh:
                objects += await self._variations(each)
        total = _total(answer)
        listed = size if total is None else min(size, total - place.offset)
        more = len(found) == size or (total is not None and place.offset + size < total)
        last_id = max([place.last_id, *(each.id for each, _ in fresh)])
        after = place.after(last_id, len(found), size).text() if more else None
        hidden = (_HIDDEN.format(resource=resource.value),) if total is not None and len(found) < listed else ()
        return ShopPage(objects, len(fresh), after, None if cursor else total, hidden)

    async def _joined(
        self, resource: Resource, place: _Place, since: dt.datetime | None, size: int
    ) -> tuple[HttpAnswer, list[tuple[_Object, msgspec.Raw]], _Place]:
        """A page that joins on to what was read: it begins at or before the last object, or with the whole list."""
        while True:
            answer = await self._ask(resource.value, _filters(place.offset, since, size))
            raws = read_answer(answer, list[msgspec.Raw], "a list")
            found = [(_identity(raw), raw) for raw in raws]
            if place.offset == 0 or place.apart or (found and found[0][0].id <= place.last_id):
                return answer, found, place
            place = _Place(place.last_id, max(0, place.offset - size + 1))

    async def _variations(self, product: _Object) -> list[ShopObject]:
        """Variations as their own webhooks tell them: with their type and their parent."""
        found: list[ShopObject] = []
        if product.type != "variable":
            return found
        for number in range(1, _MAX_VARIATION_PAGES + 1):
            query = {"per_page": str(_VARIATIONS_AT_ONCE), "page": str(number), "orderby": "id", "order": "asc"}
            answer = await self._ask(f"products/{product.id}/variations", query)
            page = read_answer(answer, list[dict[str, msgspec.Raw]], "a list of variations")
            for fields in page:
                fields |= {"type": msgspec.Raw(b'"variation"'), "parent_id": msgspec.Raw(str(product.id).encode())}
                found.append(ShopObject("product.updated", msgspec.json.encode(fields)))
            if len(page) < _VARIATIONS_AT_ONCE:
                break
        return found

    async def _ask(self, path: str, query: Mapping[str, str]) -> HttpAnswer:
        url = f"{self._base}/{path}"
        return await self._http.get(lambda: authorised(url, query, self._credentials, self._clock.now(), self._nonce()))


def authorised(
    url: str, query: Mapping[str, str], credentials: StoreCredentials, now: dt.datetime, nonce: str
) -> ApiRequest:
    """The request with the keys in the way that the address allows; for one use."""
    headers = {"accept": "application/json"}
    if url.lower().startswith("https://"):
        keys = f"{credentials.consumer_key}:{credentials.consumer_secret}".encode()
        return ApiRequest(
            f"{url}?{urlencode(query)}", {**headers, "authorization": f"Basic {base64.b64encode(keys).decode()}"}
        )
    signed = {
        **query,
        "oauth_consumer_key": credentials.consumer_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(now.timestamp())),
    }
    signed["oauth_signature"] = oauth_signature("GET", url, signed, credentials.consumer_secret)
    return ApiRequest(f"{url}?{urlencode(signed)}", headers)


def oauth_signature(method: str, url: str, parameters: Mapping[str, str], consumer_secret: str) -> str:
    """RFC 5849 §3.4 with HMAC-SHA256 and no token, in base64; `url` without its query."""
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in parameters.items())
    normalised = "&".join(f"{name}={value}" for name, value in pairs)
    base = "&".join(quote(part, safe="~") for part in (method.upper(), url, normalised))
    key = f"{quote(consumer_secret, safe='~')}&".encode()
    return base64.b64encode(hmac.digest(key, base.encode(), "sha256")).decode()


def _filters(offset: int, since: dt.datetime | None, size: int) -> dict[str, str]:
    filters = {"per_page": str(size), "offset": str(offset), "orderby": "id", "order": "asc", "status": "any"}
    if since is not None:
        # `after` leaves its own second out.
        after = (since.astimezone(dt.UTC) - _SECOND).strftime("%Y-%m-%dT%H:%M:%S")
        filters |= {"after": after, "dates_are_gmt": "true"}
    return filters


def _identity(raw: msgspec.Raw) -> _Object:
    return read_answer(HttpAnswer(200, {}, bytes(raw)), _Object, "objects with an id")


def _total(answer: HttpAnswer) -> int | None:
    text = answer.headers.get("x-wp-total", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
