"""What commands read: files of rows, times, secrets that must not stand in a shell's history."""

from __future__ import annotations

import csv
import datetime as dt
import getpass
import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from kiki.kit.errors import InvalidInput

ASK = "-"
"""Instead of a secret on the command line: read it from standard input, or ask for it."""

StoreId = Annotated[int, typer.Argument(metavar="STORE", min=1, help="The store's id, as `kiki stores list` shows it.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Show at most so many.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="JSON (a list), JSON lines or CSV; - for standard input.")]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file. JSON and JSON lines are told by their first character, CSV by its name or by neither."""
    text = _read(path).strip()
    try:
        if text.startswith("["):
            rows = json.loads(text)
        elif text.startswith("{"):
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            rows = [_without_empty(row) for row in csv.DictReader(io.StringIO(text))]
    except (ValueError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read as JSON, JSON lines or CSV: {error}", reason="BAD_FILE") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidInput(f"{path} is not a list of objects", reason="BAD_FILE")
    return rows


def read_secret(option: str | None, prompt: str) -> str | None:
    """A secret: `-` reads a line of standard input, or asks without echo on a terminal."""
    if option != ASK:
        return option
    return getpass.getpass(f"{prompt}: ") if sys.stdin.isatty() else sys.stdin.readline().strip()


def read_time(text: str | None) -> str | None:
    """A time as ISO 8601, or how long ago: `90m`, `24h`, `7d`."""
    if text is None:
        return None
    units = {"m": "minutes", "h": "hours", "d": "days"}
    if text[:-1].isdecimal() and text[-1:] in units:
        from kiki.kit.clock import SystemClock

        return (SystemClock().now() - dt.timedelta(**{units[text[-1]]: int(text[:-1])})).isoformat()
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"a time is ISO 8601 or an age such as 24h, got {text!r}", reason="BAD_TIME") from None
    return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).isoformat()


def _read(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read ({type(error).__name__})", reason="BAD_FILE") from None


def _without_empty(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name and value not in ("", None)}
