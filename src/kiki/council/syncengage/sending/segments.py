"""How long an SMS is as networks count: 7-bit letters of GSM 03.38, or 16-bit units as soon as one is none. Pure."""

from __future__ import annotations

import unicodedata

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€")
"""Each takes an escape before it."""
_LETTERS = {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "œ": "oe", "Œ": "OE", "‘": "'", "’": "'", "“": '"',
            "”": '"', "„": '"', "–": "-", "—": "-", "…": "...", "\xa0": " "}  # fmt: skip
_PARTS = 3
_SEPTETS, _UNITS = 153 * _PARTS, 67 * _PARTS


def spelled(text: str) -> str:
    """The text in GSM's letters where accents and curly marks alone stand in the way; otherwise unchanged."""
    plain = "".join(char if char in _BASIC or char in _EXTENDED else _base(char) for char in text)
    return plain if _is_gsm(plain) else text


def fits(text: str) -> bool:
    """Whether a text takes at most three parts."""
    if _is_gsm(text):
        return sum(2 if char in _EXTENDED else 1 for char in text) <= _SEPTETS
    return len(text.encode("utf-16-le")) // 2 <= _UNITS


def _is_gsm(text: str) -> bool:
    return all(char in _BASIC or char in _EXTENDED for char in text)


def _base(char: str) -> str:
    if char in _LETTERS:
        return _LETTERS[char]
    base = unicodedata.normalize("NFD", char)[0]
    return base if base in _BASIC else char
