"""What the demo looks like: a live view on a terminal, a line now and then elsewhere, JSON lines for programs.

A state is a mapping: `stores` (rows), `feed` (sentences, newest last), and figures by name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kiki.cli.output import cell, console
from kiki.cli.streams import json_text
from kiki.kit.clock import monotonic

_LINE_EVERY_SECONDS = 5.0
_FEED_LINES = 8


class DemoView(Protocol):
    """Shows states of the demo as they come."""

    def show(self, state: Mapping[str, Any]) -> None: ...

    def ended(self) -> None: ...


@contextmanager
def choose_view(url: str, *, as_json: bool) -> Iterator[DemoView]:
    """The view that fits where the output goes."""
    if as_json:
        yield _JsonLines()
    elif not sys.stdout.isatty():
        yield _PlainLines()
    else:
        with Live(console=console(), refresh_per_second=4, transient=False) as live:
            yield _LiveView(live, url)


class _LiveView:
    def __init__(self, live: Live, url: str) -> None:
        self._live = live
        self._url = url

    def show(self, state: Mapping[str, Any]) -> None:
        self._live.update(render(state, self._url))

    def ended(self) -> None:
        self._live.refresh()


class _PlainLines:
    """Figures, at most every five seconds and once at the end."""

    def __init__(self) -> None:
        self._next = 0.0
        self._last: Mapping[str, Any] = {}

    def show(self, state: Mapping[str, Any]) -> None:
        self._last = state
        if monotonic() >= self._next:
            self._next = monotonic() + _LINE_EVERY_SECONDS
            self._print()

    def ended(self) -> None:
        if self._last:
            self._print()

    def _print(self) -> None:
        told = "  ".join(f"{name.replace('_', ' ')} {cell(value)}" for name, value in figures(self._last).items())
        sys.stdout.write(told + "\n")
        sys.stdout.flush()


class _JsonLines:
    def show(self, state: Mapping[str, Any]) -> None:
        sys.stdout.write(json_text({"event": "demo", **state}) + "\n")
        sys.stdout.flush()

    def ended(self) -> None:
        """Nothing more to say."""


def figures(state: Mapping[str, Any]) -> dict[str, Any]:
    """What a state says in single values."""
    return {name: value for name, value in state.items() if not isinstance(value, (list, tuple))}


def render(state: Mapping[str, Any], url: str) -> RenderableType:
    """The whole view."""
    numbers = Table.grid(padding=(0, 3))
    shown = figures(state)
    for name in shown:
        numbers.add_column(name, justify="right")
    numbers.add_row(*(Text(name.replace("_", " "), style="dim") for name in shown))
    numbers.add_row(*(Text(cell(value), style="bold") for value in shown.values()))
    parts: list[RenderableType] = [Panel(numbers, title="KIKI SyncPortal", title_align="left")]
    if state.get("stores"):
        parts.append(_stores(state["stores"]))
    feed = [Text(str(line), overflow="ellipsis", no_wrap=True) for line in list(state.get("feed", ()))[-_FEED_LINES:]]
    if feed:
        parts.append(Panel(Group(*feed), title="just now", title_align="left"))
    links = f"portal {url}   API {url}/docs   metrics {url}/metrics   Ctrl-C ends it"
    parts.append(Text(links, style="dim"))
    return Group(*parts)


def _stores(rows: list[Mapping[str, Any]]) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row.values()))
    return Panel(table, title="stores", title_align="left")
