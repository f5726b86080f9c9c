"""Drawings of lines, boxes, dots and words, written as SVG and as PNG from one list of marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape

Anchor = Literal["start", "middle", "end"]
_SCALE = 2
"""Pixels of the PNG per unit."""
_PILLOW_ANCHORS: dict[Anchor, str] = {"start": "ls", "middle": "ms", "end": "rs"}


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    colour: str


@dataclass(frozen=True, slots=True)
class Words:
    """Text on its base line."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    anchor: Anchor = "start"


Mark = Line | Box | Dot | Words


@dataclass(slots=True)
class Canvas:
    """Marks, drawn in their order; y grows downwards."""

    width: int
    height: int
    marks: list[Mark] = field(default_factory=list)

    def draw(self, *marks: Mark) -> None:
        """Add marks."""
        self.marks += marks

    def svg(self) -> str:
        """The drawing as an SVG document."""
        body = "\n".join(_svg(mark) for mark in self.marks)
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}"'
            f' viewBox="0 0 {self.width} {self.height}" font-family="sans-serif">'
        )
        return f'{head}\n<rect width="{self.width}" height="{self.height}" fill="#ffffff"/>\n{body}\n</svg>\n'

    def write(self, folder: Path, name: str) -> list[Path]:
        """`name.svg` and `name.png` in a folder."""
        svg, png = folder / f"{name}.svg", folder / f"{name}.png"
        svg.write_text(self.svg(), encoding="utf-8")
        self._picture().save(png)
        return [svg, png]

    def _picture(self) -> Any:
        from PIL import Image, ImageDraw

        picture = Image.new("RGB", (self.width * _SCALE, self.height * _SCALE), "#ffffff")
        pen = ImageDraw.Draw(picture)
        for mark in self.marks:
            _paint(pen, mark)
        return picture


def _svg(mark: Mark) -> str:
    if isinstance(mark, Line):
        ends = f'x1="{mark.x1:.1f}" y1="{mark.y1:.1f}" x2="{mark.x2:.1f}" y2="{mark.y2:.1f}"'
        return f'<line {ends} stroke="{mark.colour}" stroke-width="{mark.width:g}"/>'
    if isinstance(mark, Box):
        place = f'x="{mark.x:.1f}" y="{mark.y:.1f}" width="{mark.width:.1f}" height="{mark.height:.1f}"'
        return f'<rect {place} fill="{mark.colour}"/>'
    if isinstance(mark, Dot):
        return f'<circle cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{mark.radius:g}" fill="{mark.colour}"/>'
    place = f'x="{mark.x:.1f}" y="{mark.y:.1f}" font-size="{mark.size:g}" text-anchor="{mark.anchor}"'
    return f'<text {place} fill="{mark.colour}">{escape(mark.text)}</text>'


def _paint(pen: Any, mark: Mark) -> None:
    if isinstance(mark, Line):
        ends = _scaled(mark.x1, mark.y1, mark.x2, mark.y2)
        pen.line(ends, fill=mark.colour, width=max(1, round(mark.width * _SCALE)))
    elif isinstance(mark, Box):
        if mark.width > 0 and mark.height > 0:
            pen.rectangle(_scaled(mark.x, mark.y, mark.x + mark.width, mark.y + mark.height), fill=mark.colour)
    elif isinstance(mark, Dot):
        r = mark.radius
        pen.ellipse(_scaled(mark.x - r, mark.y - r, mark.x + r, mark.y + r), fill=mark.colour)
    else:
        from PIL import ImageFont

        font = ImageFont.load_default(mark.size * _SCALE)
        place = (mark.x * _SCALE, mark.y * _SCALE)
        pen.text(place, mark.text, fill=mark.colour, font=font, anchor=_PILLOW_ANCHORS[mark.anchor])


def _scaled(*places: float) -> Sequence[float]:
    return [place * _SCALE for place in places]
