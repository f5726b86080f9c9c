"""Where a visit came from, as URLs and name/value pairs tell it: UTM parameters and click ids."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from urllib.parse import parse_qsl

from kiki.commerce.events import OrderTouch

CLICK_IDS = frozenset(
    [
        *("gclid", "wbraid", "gbraid", "dclid"),  # Google Ads, Campaign Manager
        *("fbclid", "ttclid", "msclkid"),  # Meta, TikTok, Microsoft
        *("twclid", "li_fat_id", "epik", "sccid", "rdt_cid"),  # X, LinkedIn, Pinterest, Snapchat, Reddit
    ]
)
"""Parameters by which an ad network marks one click, in lower case."""
UTM = frozenset(["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "utm_id"])
FIRST_PARTY_ID = "kiki_visitor"
"""Under this name, or `_kiki_visitor`, the collector's visitor id travels in cart attributes and order meta."""

_NAMES = CLICK_IDS | UTM | {FIRST_PARTY_ID}
_MAX_VALUE = 512
_MAX_URL = 2048


def query_pairs(url: str | None) -> list[tuple[str, str]]:
    """The known parameters of a URL's query."""
    if not url or "=" not in url:
        return []
    query = url[:_MAX_URL].partition("?")[2].partition("#")[0]
    try:
        pairs = parse_qsl(query, max_num_fields=100)
    except ValueError:
        return []
    return list(known_pairs(pairs))


def known_pairs(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """The pairs that name a visit's origin, names in their plain lower-case form."""
    for name, value in pairs:
        plain = plain_name(name)
        if plain is not None and value:
            yield plain, value


def plain_name(name: str) -> str | None:
    """What a parameter, attribute or meta key is called here; None when it says nothing about a visit's origin."""
    plain = name.strip().lower().lstrip("_")
    return plain if plain in _NAMES else None


def touch_of(
    pairs: Iterable[tuple[str, str]],
    *,
    landing_page: str | None = None,
    referrer: str | None = None,
    at: dt.datetime | None = None,
) -> OrderTouch | None:
    """The touch that the pairs describe, earlier pairs first in rank; None when nothing is known."""
    found: dict[str, str] = {}
    for name, value in pairs:
        clean = value.replace("\x00", "").strip()[:_MAX_VALUE]
        if clean and not (clean[0] == "(" and clean[-1] == ")"):
            found.setdefault(name, clean)
    if not (found or landing_page or referrer):
        return None
    return OrderTouch(
        utm_source=found.get("utm_source"),
        utm_medium=found.get("utm_medium"),
        utm_campaign=found.get("utm_campaign"),
        utm_content=found.get("utm_content"),
        utm_term=found.get("utm_term"),
        utm_id=found.get("utm_id"),
        click_ids=tuple((name, found[name]) for name in sorted(CLICK_IDS & found.keys())),
        landing_page=landing_page[:_MAX_URL] if landing_page else None,
        referrer=referrer[:_MAX_URL] if referrer else None,
        first_party_id=found.get(FIRST_PARTY_ID),
        at=at,
    )
