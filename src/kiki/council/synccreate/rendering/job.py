"""What a rendering process is told and what it gives back. Plain values that pickle; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kiki.council.synccreate.domain import Format


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One creative to draw."""

    seed: str
    """Decides the palette: the same product always looks the same."""
    title: str
    vendor: str
    tagline: str
    price: str
    price_plain: str
    """The same with the currency's code, for fonts without its symbol."""
    before: str
    before_plain: str
    action_text: str
    picture: bytes | None
    formats: tuple[Format, ...]
    font_files: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The bytes of one picture."""

    slot: str
    content: bytes


class Renderer(Protocol):
    """Draws all pictures of a creative."""

    async def render(self, job: RenderJob) -> list[Rendered]: ...
