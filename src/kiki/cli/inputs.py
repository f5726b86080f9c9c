"""What commands read: files of rows, times, secrets that must not stand in a shell's history."""

from __future__ import annotations

import datetime as dt
import getpass
import io
import json
import math
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.kit.textfile import BadFile, header_of, open_text, rows_of

ASK = "-"
"""Instead of a secret on the command line: read it from standard input, or ask for it."""

_YES = ("y", "yes")
StoreId = Annotated[int, typer.Argument(metavar="STORE", min=1, help="The store's id, as `kiki stores list` shows it.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Show at most so many.")]


class DateOrder(StrEnum):
    """Of day and month, where they stand before the year."""

    DMY = "dmy"
    MDY = "mdy"


ByDateOrder = Annotated[
    DateOrder | None,
    typer.Option("--date-order", help="Of dates such as 01/02/2026, where no other date of the file says."),
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="JSON (a list), JSON lines or CSV; - for standard input.")]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file. JSON and JSON lines are told by their first character, CSV by its name or by neither."""
    with open_text(path) as file:
        text = file.text.read()
    first = text.lstrip()[:1]
    if first not in ("[", "{"):
        return _csv_rows(text)
    try:
        rows = _json(text) if first == "[" else [_json(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{path} cannot be read as JSON, JSON lines or CSV: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadFile(f"{path} is not a list of objects")
    return rows


def _json(text: str) -> Any:
    """JSON that can be sent on: `ValueError` for NaN, numbers beyond a double, and halves of characters."""
    found = json.loads(text, parse_constant=_no_number, parse_float=_number)
    json.dumps(found, ensure_ascii=False).encode()
    return found


def _number(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _csv_rows(text: str) -> list[dict[str, Any]]:
    """Rows by the names of their columns, without empty cells; a file that holds a header at most has none."""
    lines = iter(io.StringIO(text, newline=""))
    if not text.strip():
        return []
    header = header_of(lines)
    if again := header.repeated():
        raise BadFile(f"the header names {again!r} twice")
    return [_without_empty(dict(zip(header.names, cells, strict=False))) for _, cells in rows_of(lines, header)]


def confirm(question: str) -> None:
    """Ask before what cannot be taken back. Raises FailedPrecondition unless somebody says yes."""
    sys.stderr.write(f"{question} [y/N]: ")  # Standard output is for the answer of the command.
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        message = "nobody is there to be asked, and nothing was done; --yes says yes beforehand"
        raise FailedPrecondition(message, reason="NOT_CONFIRMED")
    if answer.strip().lower() not in _YES:
        raise FailedPrecondition("not confirmed, and nothing was done", reason="NOT_CONFIRMED")


def read_secret(option: str | None, prompt: str) -> str | None:
    """A secret: `-` reads a line of standard input, or asks without echo on a terminal."""
    if option != ASK:
        return option
    return getpass.getpass(f"{prompt}: ") if sys.stdin.isatty() else sys.stdin.readline().strip()


def read_time(text: str | None, *, ahead: bool = False) -> str | None:
    """A time as ISO 8601, or how long ago (`ahead`: in how long): `90m`, `24h`, `7d`."""
    if text is None:
        return None
    units = {"m": "minutes", "h": "hours", "d": "days"}
    if text[:-1].isdecimal() and text[-1:] in units:
        from kiki.kit.clock import SystemClock

        try:
            distance = dt.timedelta(**{units[text[-1]]: int(text[:-1])})
            return (SystemClock().now() + (distance if ahead else -distance)).isoformat()
        except (OverflowError, ValueError):
            if ahead:
                raise InvalidInput(f"a time lies before the year 10000, got {text!r}", reason="BAD_TIME") from None
            raise InvalidInput(f"an age reaches back to the year 1 at most, got {text!r}", reason="BAD_TIME") from None
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        distance_text = "how long from now, such as 24h" if ahead else "an age such as 24h"
        raise InvalidInput(f"a time is ISO 8601 or {distance_text}, got {text!r}", reason="BAD_TIME") from None
    return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).isoformat()


def _without_empty(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name and value not in ("", None)}
