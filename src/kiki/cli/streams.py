"""Standard output and error in any locale: what an encoding lacks is written so that people can still read it."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
import unicodedata
from pathlib import Path

_LEGIBLE = "kiki.legible"
_INSTEAD = {
    "·": "-",
    "–": "-",
    "—": "-",
    "…": "...",
    "×": "x",
    "→": "->",
    "≥": ">=",
    "≤": "<=",
    "±": "+-",
    "’": "'",
    "“": '"',
    "”": '"',
    "ß": "ss",
}
_UNKNOWN = "?"


def make_legible() -> None:
    """From now on no character ends a command. A stream that the caller closed leads nowhere."""
    codecs.register_error(_LEGIBLE, _legible)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_LEGIBLE)


def json_text(value: object, indent: int | None = None) -> str:
    """JSON for standard output: characters as they are where it takes them, otherwise escaped, which says the same."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return json.dumps(value, indent=indent, default=str)
    return text


def write_bytes(content: bytes) -> None:
    """A document to standard output as it is, whatever its encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _legible(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_instead, error.object[error.start : error.end])), error.end


def _instead(character: str) -> str:
    """The same in ASCII: the letter without its accent, or a word of its own."""
    told = _INSTEAD.get(character)
    if told is not None:
        return told
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or ("" if unicodedata.combining(character) else _UNKNOWN)
