"""The pixel as it is served: the file without its comments, with one store's rules."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from kiki.commerce.collectors import CollectorStore
from kiki.platforms.visits import CLICK_IDS, UTM

MAX_BYTES = 4096
_TOKEN = re.compile(r"'[^'\n]*'|\s+|[\w$]+|.")
_PLACE = "CONFIG"


@dataclass(frozen=True, slots=True)
class Script:
    """Bytes and their name for caches."""

    body: bytes
    etag: str


def pixel_of(store: CollectorStore, public_url: str) -> Script:
    """The script for a store; it talks to `public_url`."""
    head, tail = _parts()
    body = f"{head}{msgspec.json.encode(_rules(store, public_url)).decode()}{tail}".encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()[:12]).decode()
    return Script(body, f'"{digest}"')


def collect_url(store: CollectorStore, public_url: str) -> str:
    """Where the store's beacons go."""
    return f"{public_url.rstrip('/')}/collect?k={store.collector_key}"


def compact(source: str) -> str:
    """JavaScript without comment lines and without spaces between what does not need them.

    For our own file only: strings in single quotes, no regular expression literals, no statement that relies on the
    end of its line.
    """
    lines = [line for line in source.splitlines() if not line.lstrip().startswith("//")]
    out: list[str] = []
    gap = False
    for token in _TOKEN.findall("\n".join(lines)):
        if token.isspace():
            gap = True
            continue
        if gap and out and _is_word(out[-1][-1]) and _is_word(token[0]):
            out.append(" ")
        out.append(token)
        gap = False
    return "".join(out)


def _rules(store: CollectorStore, public_url: str) -> dict[str, Any]:
    settings = store.settings
    return {
        "url": collect_url(store, public_url),
        "cart": int(store.platform == "shopify"),
        "need": int(settings.pixel_consent == "required"),
        "dnt": int(settings.pixel_honours_dnt),
        "days": settings.attribution_window_days,
        "names": _names(),
    }


@cache
def _names() -> str:
    """A pattern of the parameters that are read off an address; the parsers of orders know the same."""
    utm = "|".join(sorted(name.removeprefix("utm_") for name in UTM))
    return f"^(utm_({utm})|{'|'.join(sorted(CLICK_IDS))})$"


@cache
def _parts() -> tuple[str, str]:
    source = files(__package__).joinpath("pixel.js").read_text(encoding="utf-8")
    head, _, tail = compact(source).rpartition(_PLACE)
    return head, tail


def _is_word(character: str) -> bool:
    return character.isalnum() or character in "_$"
