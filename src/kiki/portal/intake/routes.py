"""The two forms of a delivery URL, and what a topic may look like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
_NOT_TOPIC = re.compile(r"[^A-Za-z0-9._/-]")
_MAX_TOKEN = 128
PREFIX = "/webhooks/"


@dataclass(frozen=True, slots=True)
class Route:
    """A parsed delivery URL."""

    platform: str
    token: str | None
    topic: str
    """As in the URL when it is well formed, otherwise a storable form of it."""
    well_formed: bool


@lru_cache(maxsize=16_384)
def parse_route(path: str) -> Route | None:
    """`/webhooks/{platform}/{topic}` or `/webhooks/{platform}/s/{token}/{topic}`; None for anything else."""
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
