"""The two forms of a delivery URL, and what a topic may look like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

import httptools

_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
_NOT_TOPIC = re.compile(r"[^A-Za-z0-9._/-]")
_MAX_TOKEN = 128
_MAX_CACHED_URL = 512
"""A stranger's long addresses are not kept: thousands of them would fill the memory."""
PREFIX = "/webhooks/"


@dataclass(frozen=True, slots=True)
class Route:
    """A parsed delivery URL."""

    platform: str
    token: str | None
    topic: str
    """As in the URL when it is well formed, otherwise a storable form of it."""
    well_formed: bool


def webhook_path(url: bytes) -> str | None:
    """The path of a request's target when it is under `/webhooks/`. Raises httptools' error for what is no URL."""
    return _cached_path(url) if len(url) <= _MAX_CACHED_URL else _webhook_path(url)


def _webhook_path(url: bytes) -> str | None:
    path: str = httptools.parse_url(url).path.decode("ascii")
    if "%" in path:
        path = unquote(path)
    return path if path.startswith(PREFIX) else None


_cached_path = lru_cache(maxsize=8192)(_webhook_path)


def parse_route(path: str) -> Route | None:
    """`/webhooks/{platform}/{topic}` or `/webhooks/{platform}/s/{token}/{topic}`; None for anything else."""
    return _cached_route(path) if len(path) <= _MAX_CACHED_URL else _parse_route(path)


def _parse_route(path: str) -> Route | None:
    platform, _, rest = path.removeprefix(PREFIX).partition("/")
    token: str | None = None
    if rest.startswith("s/"):
        token, _, rest = rest[2:].partition("/")
    topic = rest.strip("/")
    if not platform or not topic or token == "" or (token is not None and len(token) > _MAX_TOKEN):
        return None
    if _TOPIC.fullmatch(topic):
        return Route(platform=platform, token=token, topic=topic, well_formed=True)
    return Route(platform=platform, token=token, topic=_NOT_TOPIC.sub("_", topic)[:128], well_formed=False)


_cached_route = lru_cache(maxsize=8192)(_parse_route)
