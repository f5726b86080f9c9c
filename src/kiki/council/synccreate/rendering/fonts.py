"""Fonts: the one that Pillow ships, then what the machine has. Every text is drawn in a font that holds its letters.

Pillow's own font covers basic Latin alone. For other letters the usual free and system fonts are looked for; where
none is
found, accents are taken off, and what still cannot be drawn is left out rather than shown as empty boxes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import ImageFont

Face = ImageFont.FreeTypeFont
_PROBE = 24
_MISSING = "\uffff"
_KNOWN = (
    "DejaVuSans.ttf:DejaVuSans-Bold.ttf",
    "NotoSans-Regular.ttf:NotoSans-Bold.ttf",
    "LiberationSans-Regular.ttf:LiberationSans-Bold.ttf",
    "Arial.ttf:Arial Bold.ttf",
    "arial.ttf:arialbd.ttf",
    "NotoSansCJK-Regular.ttc:NotoSansCJK-Bold.ttc",
    "NotoSansArabic-Regular.ttf:NotoSansArabic-Bold.ttf",
    "NotoSansHebrew-Regular.ttf:NotoSansHebrew-Bold.ttf",
    "wqy-microhei.ttc",
)


@dataclass(slots=True)
class Family:
    """A regular and a bold file, or Pillow's own font."""

    regular: str | None
    bold: str | None
    _known: dict[str, bool] = field(default_factory=dict)
    _sized: dict[tuple[int, bool], Face] = field(default_factory=dict)

    def face(self, size: int, *, bold: bool = False) -> Face:
        """The font at a size in pixels."""
        key = (size, bold)
        if key not in self._sized:
            path = (self.bold if bold else None) or self.regular
            self._sized[key] = ImageFont.truetype(path, size) if path else _default(size)
        return self._sized[key]

    def embolden(self, size: int, *, bold: bool) -> int:
        """Stroke width that stands in for a bold cut where there is none."""
        return max(1, round(size / 42)) if bold and self.bold is None else 0

    def holds(self, char: str) -> bool:
        """Whether the font has a picture for a character."""
        if char not in self._known:
            self._known[char] = char.isspace() or (
                not unicodedata.category(char).startswith("L") and char in "\u200c\u200d"
            )
            if not self._known[char]:
                face = self.face(_PROBE)
                mask, missing = face.getmask(char), face.getmask(_MISSING)
                self._known[char] = mask.size != missing.size or bytes(mask) != bytes(missing)
        return self._known[char]

    def covers(self, text: str) -> int:
        """How many characters of a text the font lacks."""
        return sum(not self.holds(char) for char in text)


class FontBook:
    """The families of this machine, looked for once."""

    def __init__(self, configured: str = "") -> None:
        found = [_family(entry.strip()) for entry in configured.split(",") if entry.strip()]
        own = Family(None, None)
        self._families = [*filter(None, found), own, *filter(None, map(_family, _KNOWN))]

    def family_for(self, texts: Sequence[str]) -> Family:
        """The first family that holds every letter, else the one that lacks fewest."""
        text = "".join(sorted(set("".join(texts))))
        return min(self._families, key=lambda family: family.covers(text))


def drawable(text: str, family: Family) -> str:
    """The text with what the font lacks replaced by its base letters or left out."""
    if all(map(family.holds, text)):
        return text
    return " ".join("".join(char if family.holds(char) else _plainer(char, family) for char in text).split())


def _plainer(char: str, family: Family) -> str:
    known = _SUBSTITUTES.get(char)
    if known is not None:
        return known
    return "".join(part for part in unicodedata.normalize("NFKD", char) if part.isalnum() and family.holds(part))


_SUBSTITUTES = {
    "–": "-", "—": "-", "−": "-", "×": "x", "·": "-", "•": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "„": '"',
    "«": '"',
    "»": '"', "ß": "ss", "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "Oe", "ł": "l", "Ł": "L", "đ": "d",
    "…": "...",
}  # fmt: skip


def _default(size: int) -> Face:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType")  # noqa: TRY004 - the build is at fault, not a value
    return font


def _family(entry: str) -> Family | None:
    regular, _, bold = entry.partition(":")
    path = _located(regular)
    return Family(path, _located(bold) if bold else None) if path else None


def _located(name: str) -> str | None:
    try:
        return str(ImageFont.truetype(name, _PROBE).path)
    except OSError:
        return None
