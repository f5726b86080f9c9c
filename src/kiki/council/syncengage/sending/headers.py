"""Header fields as the wire wants them: addresses, RFC 2047 words, lines that no relay has to fold. Pure.

The standard library folds a long URL into encoded words, which no mail client undoes in `List-Unsubscribe`, and decodes
encoded words that somebody wrote into a name. Here a text is a text, and what is not one is never encoded.
"""

from __future__ import annotations

import base64
import re

import idna

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf'{_ATOM}(?:\.{_ATOM})*|"(?:[ !#-\[\]-~]|\\[ -~])*"')
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_LINE = 76
_WORD_BYTES = 45
"""As base64 within `=?utf-8?b?…?=`: 72 of the 75 letters that RFC 2047 allows."""


def mail_address(text: str) -> str:
    """An address as SMTP and headers take it (RFC 5321), its domain as IDNA 2008 spells it.

    Raises `ValueError` when it is none; letters outside ASCII before the `@` would need SMTPUTF8 on every hop.
    """
    local, at, domain = text.strip().rpartition("@")
    try:
        host = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:
        host = ""
    if not at or not _LOCAL.fullmatch(local) or len(local) > 64 or not _DOMAIN.fullmatch(host) or len(host) > 253:
        raise ValueError("not a mail address")
    return f"{local}@{host}"


def mailbox(address: str, name: str) -> str:
    """`Name <address>`; the name quoted or encoded where it has to be."""
    if not name:
        return address
    if _needs_encoding(name):
        return f"{_encoded(name)}\r\n <{address}>"
    if not _PLAIN_NAME.fullmatch(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address}>"


def unstructured(text: str) -> str:
    """The text of a header such as `Subject`."""
    return _encoded(text) if _needs_encoding(text) else _folded(text)


def _needs_encoding(text: str) -> bool:
    return not text.isascii() or not text.isprintable() or "=?" in text


def _encoded(text: str) -> str:
    """Encoded words, each of whole characters and one on a line."""
    words: list[bytes] = [b""]
    for char in text:
        raw = char.encode("utf-8", "replace")
        if len(words[-1]) + len(raw) > _WORD_BYTES:
            words.append(b"")
        words[-1] += raw
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode('ascii')}?=" for word in words)


def _folded(text: str) -> str:
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _LINE - 10:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\r\n ".join(lines)
