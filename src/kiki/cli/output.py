"""What a command prints: tables for people on standard output, JSON for programs, failures on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kiki.cli.streams import json_text
from kiki.kit.errors import InvalidInput, KikiError

_WIDE = 220
"""Columns when nobody's terminal limits them."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def console() -> Console:
    """Standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def error_console() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A block that writes a file or a folder: `InvalidInput` where that is not possible."""
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror or error}", reason="BAD_OUTPUT") from None


def print_json(value: object) -> None:
    """One JSON document."""
    sys.stdout.write(json_text(value, indent=2) + "\n")


def print_answer(fields: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing, for programs or for people."""
    if as_json:
        print_json(fields)
    else:
        print_fields(fields)


def print_progress(text: str) -> None:
    """How far long work is, on standard error."""
    error_console().print(text, style="dim", markup=False)


def print_failure(error: KikiError, *, as_json: bool = False) -> None:
    """A failure: what happened, and its stable reason."""
    if as_json:
        document = {"error": {"reason": error.reason, "message": error.message, "data": error.data}}
        sys.stderr.write(json.dumps(document) + "\n")
        return
    error_console().print(Text.assemble(("error ", "bold red"), error.message, (f"  [{error.reason}]", "dim")))


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Iterable[str], *, empty: str) -> None:
    """A table of the named fields; a sentence when there is nothing."""
    if not rows:
        console().print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = list(columns)
    for name in names:
        numeric = all(isinstance(row.get(name), (int, float)) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(row.get(name))) for name in names))
    console().print(table)


def print_fields(fields: Mapping[str, Any], title: str = "") -> None:
    """One thing, a field a line; long values are not broken, so that they can be copied."""
    out = console()
    if title:
        out.print(Text(title, style="bold"))
    width = max((len(name) for name in fields), default=0) + 2
    for name, value in fields.items():
        line = Text.assemble((name.replace("_", " ").ljust(width), "dim"), cell(value))
        out.print(line, soft_wrap=True)


def cell(value: Any) -> str:
    """A value as people read it; money as amount and currency."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        if set(value) == {"amount", "currency"}:
            return f"{value['amount']} {value['currency']}"
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(item) for item in value) or "-"
    return str(value)
