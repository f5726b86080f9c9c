"""Fitting text into boxes: the largest size at which it wraps into the lines that there are."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import ImageDraw

from kiki.council.synccreate.rendering.fonts import Face, Family, drawable
from kiki.council.synccreate.rendering.palette import Colour
from kiki.council.synccreate.text import graphemes, is_rtl

_LEADING = 1.22


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Block:
    """Wrapped text at a size."""

    lines: tuple[str, ...]
    size: int
    bold: bool
    rtl: bool

    @property
    def line_height(self) -> int:
        return round(self.size * _LEADING)

    @property
    def height(self) -> int:
        return self.line_height * len(self.lines)


def fit(
    text: str,
    family: Family,
    *,
    width: int,
    height: int,
    largest: int,
    smallest: int,
    max_lines: int,
    bold: bool = False,
) -> Block:
    """The text as large as it goes; at the smallest size what is too much ends in an ellipsis."""
    text, rtl = drawable(text, family), is_rtl(text)
    size = largest
    while size > smallest:
        face = family.face(size, bold=bold)
        lines = _wrap(text, face, width)
        if len(lines) <= max_lines and len(lines) * round(size * _LEADING) <= height and not _split_word(text, lines):
            return Block(tuple(lines), size, bold, rtl)
        size -= max(1, size // 16)
    face = family.face(smallest, bold=bold)
    room = max(1, min(max_lines, height // round(smallest * _LEADING)))
    return Block(tuple(_cut(_wrap(text, face, width), room, face, width, family)), smallest, bold, rtl)


def draw_block(canvas: ImageDraw.ImageDraw, block: Block, box: Box, family: Family, fill: Colour) -> int:
    """Draw from the top of a box, right-aligned when the text runs that way; the y below the last line."""
    face = family.face(block.size, bold=block.bold)
    stroke = family.embolden(block.size, bold=block.bold)
    y = box.top
    for line in block.lines:
        at = (box.right if block.rtl else box.left, y + round(block.line_height * 0.8))
        anchor = "rs" if block.rtl else "ls"
        canvas.text(at, line, font=face, fill=fill, anchor=anchor, stroke_width=stroke, stroke_fill=fill)
        y += block.line_height
    return y


def _wrap(text: str, face: Face, width: int) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if face.getlength(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = _pieces(word, face, width)
        lines += full
    return [*lines, line] if line else lines


def _pieces(word: str, face: Face, width: int) -> list[str]:
    """A word that is too long for a line (or a text without spaces) in pieces, never inside a character."""
    if face.getlength(word) <= width:
        return [word]
    pieces, piece = [], ""
    for cluster in graphemes(word):
        if piece and face.getlength(piece + cluster) > width:
            pieces.append(piece)
            piece = ""
        piece += cluster
    return [*pieces, piece]


def _split_word(text: str, lines: list[str]) -> bool:
    """Whether wrapping tore a word of a spaced script; a smaller size may avoid it."""
    return all(char < "\u2e80" for char in text) and " ".join(lines) != text


def _cut(lines: list[str], room: int, face: Face, width: int, family: Family) -> list[str]:
    if len(lines) <= room:
        return lines
    dots = "…" if family.holds("…") else "..."
    last = lines[room - 1]
    while last and face.getlength(last + dots) > width:
        last = "".join(list(graphemes(last))[:-1])
    return [*lines[: room - 1], last.rstrip(" ,.;:-") + dots]
