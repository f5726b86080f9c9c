"""Every command and option of `kiki` says what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from kiki.cli import exits
from kiki.cli.main import build_app, build_command, run, unwrapped

PROMISED = {"up", "serve", "demo", "migrate", "doctor", "stores", "deliveries", "calls", "campaigns", "report", "bench"}
PROVING = {"audit", "ledger"}


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, f"{path} {name}")


_ALL = dict(_commands(typer.main.get_command(build_app()), "kiki"))


@pytest.mark.parametrize("path", list(_ALL))
def test_every_command_has_help(path: str) -> None:
    assert _ALL[path].help


@pytest.mark.parametrize("path", list(_ALL))
def test_every_option_has_help(path: str) -> None:
    hidden = {"install_completion", "show_completion", "help"}
    assert [p.name for p in _ALL[path].params if p.name not in hidden and not getattr(p, "help", None)] == []


def test_the_promised_commands_exist() -> None:
    assert set(_ALL["kiki"].commands) >= PROMISED | PROVING


def test_every_exit_code_is_documented() -> None:
    for code, meaning in exits.TABLE.items():
        assert f"{code} {meaning}" in _ALL["kiki"].epilog


def test_the_help_names_what_is_run_first_then_shops_then_what_is_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(["--help"])
    shown = capsys.readouterr().out
    panels = ["Run", "Shops and campaigns", "Look and prove"]
    assert sorted(panels, key=lambda panel: shown.index(f"─ {panel} ─")) == panels


def test_a_paragraph_is_broken_by_the_terminal_and_not_by_its_source() -> None:
    assert unwrapped("One\n    goes on.\n\n    Two\n    as well.") == "One goes on.\n\nTwo as well."
    texts = [command.help for _, command in _commands(build_command(), "kiki")]
    assert [text for text in texts if "\n" in text.replace("\n\n", "")] == []
