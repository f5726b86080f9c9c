"""Text within limits: counting as ad networks count, cutting at words, never inside a character. Pure."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

_TAG = re.compile(
    r"<(?:!--.*?(?:-->|$)|(?:script|style)\b.*?(?:</(?:script|style)\s*>|$)|/?[a-zA-Z][^<>]*>)",
    re.DOTALL | re.IGNORECASE,
)
"""Long descriptions arrive cut: a comment, style or script without its end goes to the end."""
_MAX_MARKS = 6
_JOINERS = "\u200c\u200d"
_ELLIPSIS = "…"
_TRAILING = " \t,.;:!?–—-·/|&(\"'„“«¿¡、。，・"


def plain(text: str) -> str:
    """One line without markup (escaped once or twice), control and direction characters; letters composed (NFC)."""
    without = _TAG.sub(" ", html.unescape(_TAG.sub(" ", text)))
    without = unicodedata.normalize("NFC", without)
    kept = (char if _is_text(char) else " " if char.isspace() else "" for char in without)
    return " ".join(_unpiled("".join(kept)).split())


def _unpiled(text: str) -> str:
    """With at most six marks on a letter: piled up, they would fill a headline with a single character."""
    if text.isascii():
        return text
    kept, marks = [], 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks <= _MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def _is_text(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs")


def width(text: str) -> int:
    """Length as Google counts it: double-width characters (CJK, emoji) are two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def graphemes(text: str) -> Iterator[str]:
    """What a reader sees as one character: base with marks, joined emoji, flags."""
    cluster = ""
    for char in text:
        if cluster and not _joins(cluster, char):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def _joins(cluster: str, char: str) -> bool:
    if unicodedata.category(char) in ("Mn", "Me", "Mc") or char in _JOINERS or "\U0001f3fb" <= char <= "\U0001f3ff":
        return True
    if cluster[-1] == "\u200d" and is_emoji(char):
        return True
    return _is_flag(char) and all(_is_flag(one) for one in cluster) and len(cluster) == 1


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


_EMOJI = (
    (0x1F000, 0x1FBFF), (0x2600, 0x27BF), (0xFE0F, 0xFE0F), (0x20E3, 0x20E3), (0x231A, 0x231B), (0x2328, 0x2328),
    (0x23CF, 0x23CF), (0x23E9, 0x23F3), (0x23F8, 0x23FA), (0x25FD, 0x25FE), (0x2B1B, 0x2B1C), (0x2B50, 0x2B50),
    (0x2B55, 0x2B55),
)  # fmt: skip
"""Blocks of pictographs and what Unicode shows as one by default (UTS 51); ideographs lie beyond them."""


def is_emoji(char: str) -> bool:
    """Whether a character is a pictograph, or asks for one (U+FE0F) or frames one as a key (U+20E3)."""
    code = ord(char)
    return any(first <= code <= last for first, last in _EMOJI)


def without_emoji(text: str) -> str:
    """The text without pictographs and what belongs to them."""
    kept = (cluster for cluster in graphemes(text) if not any(is_emoji(char) for char in cluster))
    return " ".join("".join(kept).split())


def cut(text: str, limit: int) -> str:
    """At most `limit` wide: cut at a word where one ends in the last half, with an ellipsis."""
    if width(text) <= limit:
        return text
    taken: list[str] = []
    used = 0
    for cluster in graphemes(text):
        if used + width(cluster) > limit - 1:
            break
        taken.append(cluster)
        used += width(cluster)
    kept = "".join(taken)
    rest_starts_a_word = text[len(kept) : len(kept) + 1] == " "
    space = kept.rfind(" ")
    if not rest_starts_a_word and space > 0 and width(kept[:space]) >= (limit - 1) // 2:
        kept = kept[:space]
    return kept.rstrip(_TRAILING) + _ELLIPSIS


def sentences(text: str, limit: int) -> str:
    """As many whole sentences as fit, or the first one cut."""
    if width(text) <= limit:
        return text
    whole = ""
    for match in re.finditer(r".+?(?:[.!?](?=\s|$)|[。！？]|$)\s*", text):
        if width((whole + match.group()).rstrip()) > limit:
            break
        whole += match.group()
    whole = whole.rstrip()
    return whole if width(whole) >= limit // 3 else cut(text, limit)


def is_rtl(text: str) -> bool:
    """Whether the first strong character runs from right to left."""
    for char in text:
        direction = unicodedata.bidirectional(char)
        if direction in ("R", "AL"):
            return True
        if direction == "L":
            return False
    return False
