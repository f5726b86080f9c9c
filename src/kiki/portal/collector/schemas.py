"""The beacon: what a browser tells, checked, and cut down to what is kept of it."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from kiki.kit.errors import InvalidInput
from kiki.kit.sealing import Sealer
from kiki.orchestrator.workflows.evidence import IDENTIFY, PIXEL
from kiki.orchestrator.workflows.identities import identities
from kiki.platforms.visits import CLICK_IDS, known_pairs

MAX_BODY_BYTES = 8192
OPT_OUT = "optout"
_MAX_AGE = dt.timedelta(days=1)
_UTM_LENGTH = 200
_CLICK_ID_LENGTH = 500
_LANDING_LENGTH = 200
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_FIELD = re.compile(r"`\$\.([a-z0-9_]+)")

Opaque = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{16,64}\Z")]


class Beacon(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a browser tells. What is not named here is not looked at."""

    event_id: Opaque
    """Made by the browser; told twice it counts once."""
    kind: Literal["click", "visit", "identify", "optout"]
    """`click`: the address named a campaign or a click. `visit`: another host led here."""
    visitor: Opaque | None = None
    consent: Annotated[str, Meta(max_length=20)] = ""
    """What allowed it: see `consent.py`."""
    age_ms: Annotated[float, Meta(ge=0)] = 0
    """How long ago it was: a browser's clock is not asked."""
    landing: Annotated[str, Meta(max_length=2048)] = ""
    referrer: Annotated[str, Meta(max_length=2048)] = ""
    params: Annotated[dict[str, Annotated[str, Meta(max_length=2048)]], Meta(max_length=40)] = {}
    customer_id: Annotated[str, Meta(max_length=200)] | None = None
    """As the shop writes it; of `gid://shopify/Customer/1` the last part."""
    proof: Annotated[str, Meta(max_length=64, pattern=r"\A[0-9a-f]*\Z")] = ""
    """That the shop's server named the person: see `proof.py`."""
    email_sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")] | None = None


_decode = msgspec.json.Decoder(Beacon).decode


def read_beacon(body: bytes) -> Beacon:
    """Raises `InvalidInput` that names the field and repeats nothing of what was sent."""
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        field = _FIELD.search(str(error))
        where = f"the field {field[1]}" if field else "an object with event_id and kind"
        raise InvalidInput(f"the beacon cannot be used: wanted {where} as docs/collector.md has it") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidInput("a beacon is a JSON object in UTF-8", reason="INVALID_JSON") from None


def entry_of(beacon: Beacon, sealer: Sealer, store_id: int, now: dt.datetime) -> dict[str, Any]:
    """The beacon as the orchestrator takes touchpoints: ids of persons as blind indexes, an address without query."""
    found = dict(known_pairs((name, _clean(value)) for name, value in beacon.params.items()))
    given = identities(
        sealer,
        store_id,
        customer_id=customer_of(beacon),
        email_sha256=beacon.email_sha256,
        first_party_id=beacon.visitor,
        click_ids=[(name, found[name][:_CLICK_ID_LENGTH]) for name in sorted(CLICK_IDS & found.keys())],
    )
    if beacon.visitor is None and not (CLICK_IDS & found.keys()):
        raise InvalidInput("a beacon names its visitor, or a click id", reason="NO_IDENTITY")
    if beacon.kind == IDENTIFY and beacon.customer_id is None and beacon.email_sha256 is None:
        raise InvalidInput("an identify beacon has a customer_id or an email_sha256", reason="NO_IDENTITY")
    at = now - min(dt.timedelta(milliseconds=min(beacon.age_ms, 1e9)), _MAX_AGE)
    return {
        "touchpoint_id": f"{PIXEL}:{beacon.event_id}",
        "at": at.isoformat(),
        "kind": beacon.kind,
        "source": PIXEL,
        **{name: found[name][:_UTM_LENGTH] for name in _KEPT & found.keys()},
        "landing": _path(beacon.landing),
        "referrer": _host(beacon.referrer),
        "consent": beacon.consent,
        "identities": [{"kind": kind, "value": value.hex()} for _, kind, value in given],
    }


def customer_of(beacon: Beacon) -> str | None:
    """The plain customer id."""
    return _clean(beacon.customer_id or "").rpartition("/")[2] or None


_KEPT = frozenset(["utm_source", "utm_medium", "utm_campaign", "utm_id"])


def _clean(text: str) -> str:
    """PostgreSQL keeps no U+0000."""
    return text.replace("\x00", "").strip()


def _path(text: str) -> str | None:
    path = _clean(text).partition("?")[0].partition("#")[0]
    return path[:_LANDING_LENGTH] if path.startswith("/") else None


def _host(text: str) -> str | None:
    """The host alone, whatever came with it."""
    clean = _clean(text).lower()
    try:
        host = urlsplit(clean if "//" in clean else f"//{clean}").hostname or ""
    except ValueError:
        return None
    return host if _HOST.fullmatch(host) else None
