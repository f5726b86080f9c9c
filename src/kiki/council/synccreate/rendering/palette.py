"""Colours by product: the same one every time, all pairs with a contrast of at least 4.5 to 1."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one creative."""

    top: Colour
    bottom: Colour
    ink: Colour
    quiet: Colour
    button: Colour
    button_ink: Colour
    shape: Colour


_WHITE: Colour = (255, 255, 255)
_NIGHT: Colour = (17, 24, 39)

PALETTES = (
    Palette((15, 23, 42), (30, 58, 95), _WHITE, (203, 213, 225), (250, 204, 21), _NIGHT, (56, 89, 138)),
    Palette((6, 55, 50), (13, 92, 80), _WHITE, (187, 224, 215), (253, 186, 116), _NIGHT, (20, 120, 104)),
    Palette((250, 245, 238), (240, 226, 206), (41, 37, 36), (87, 83, 78), (154, 52, 18), _WHITE, (226, 203, 172)),
    Palette((239, 246, 255), (207, 226, 252), (23, 37, 84), (51, 65, 105), (29, 78, 216), _WHITE, (170, 204, 250)),
    Palette((59, 7, 50), (112, 26, 82), _WHITE, (240, 205, 228), (251, 207, 232), _NIGHT, (142, 48, 108)),
    Palette((240, 253, 244), (208, 240, 219), (20, 50, 32), (52, 83, 64), (21, 101, 52), _WHITE, (170, 222, 188)),
    Palette((39, 39, 42), (63, 63, 70), _WHITE, (212, 212, 216), (244, 244, 245), _NIGHT, (92, 92, 101)),
    Palette((255, 241, 242), (254, 215, 220), (76, 5, 25), (112, 40, 60), (159, 18, 57), _WHITE, (250, 182, 192)),
)


def palette_for(seed: str) -> Palette:
    """The palette of a product."""
    return PALETTES[hashlib.blake2b(seed.encode(), digest_size=1).digest()[0] % len(PALETTES)]


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of WCAG 2."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
