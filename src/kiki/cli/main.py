"""`kiki`: the commands, and the one place where a failure becomes an exit code."""

from __future__ import annotations

import errno
import inspect
import os
import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from kiki.cli import exits
from kiki.cli.output import error_console, print_failure
from kiki.cli.streams import make_legible
from kiki.kit.errors import InvalidInput, KikiError

RUN, SHOPS, LOOK = "Run", "Shops and campaigns", "Look and prove"
_EPILOG = "Exit codes: " + " · ".join(f"{code} {meaning}" for code, meaning in exits.TABLE.items()) + "."
_COMMANDS = (
    ("up", RUN),
    ("demo", RUN),
    ("serve", RUN),
    ("migrate", RUN),
    ("doctor", RUN),
    ("backup", RUN),
    ("restore", RUN),
    ("stores", SHOPS),
    ("campaigns", SHOPS),
    ("touchpoints", SHOPS),
    ("orders", LOOK),
    ("deliveries", LOOK),
    ("calls", LOOK),
    ("bounces", LOOK),
    ("audit", LOOK),
    ("ledger", LOOK),
    ("report", LOOK),
    ("months", LOOK),
    ("rates", LOOK),
    ("value", LOOK),
    ("experiment", LOOK),
    ("attribution", LOOK),
    ("bench", LOOK),
    ("openapi", LOOK),
)


class _InOrder(TyperGroup):
    """Commands and groups of commands in one order; typer puts groups last."""

    def list_commands(self, ctx: Any) -> list[str]:
        names = [name for name, _ in _COMMANDS]
        return sorted(super().list_commands(ctx), key=names.index)


def build_command() -> Any:
    """The whole command line, ready to run; its texts fit themselves to any width."""
    command = get_command(build_app())
    waiting: list[Any] = [command]
    while waiting:
        each = waiting.pop()
        each.help = unwrapped(each.help or "")
        waiting.extend(getattr(each, "commands", {}).values())
    return command


def unwrapped(text: str) -> str:
    """A docstring whose paragraphs are one line each: the terminal breaks them where it ends."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


def build_app() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="kiki",
        help="KIKI SyncPortal: store webhooks in, agents at work, outcome-based fees that anyone can verify.",
        epilog=_EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode="rich",
        cls=_InOrder,
    )
    app.callback()(_options)
    for name, panel in _COMMANDS:
        module = f"kiki.cli.{name}"
        if find_spec(module):
            register = getattr(import_module(module), "register", None)
            if register:
                register(app, panel)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"kiki {version('kiki-syncportal')}")
        raise typer.Exit


def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """KIKI SyncPortal: store webhooks in, agents at work, outcome-based fees that anyone can verify."""


def main() -> None:
    """Entry point."""
    make_legible()
    code = run(sys.argv[1:])
    if code == exits.INTERRUPTED:
        error_console().print("interrupted")
    raise SystemExit(code)


def run(arguments: list[str]) -> int:
    """Run one command line; its exit code."""
    as_json = "--json" in arguments
    try:
        code = build_command()(arguments, standalone_mode=not as_json)
        sys.stdout.flush()
    except KikiError as error:
        print_failure(error, as_json=as_json)
        return exits.code_of(error)
    except TyperException as error:
        print_failure(_not_understood(error), as_json=as_json)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return exits.INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else exits.FAILED
    except OSError as error:
        return _unwritable(error, as_json=as_json)
    return code if isinstance(code, int) else exits.OK


def _not_understood(error: TyperException) -> KikiError:
    """A command line that programs are told about; people see the usage beside it."""
    message = error.format_message() or "what is to be done is missing"
    return InvalidInput(f"the command was not understood: {message}", reason="USAGE")


def _unwritable(error: OSError, *, as_json: bool) -> int:
    """Standard output is a full disk, or a pipe that nobody reads; anything else is a defect."""
    if error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EIO):
        raise error
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # What waits in the buffer goes there at the end.
    if error.errno != errno.EPIPE:
        print_failure(KikiError(f"standard output cannot be written ({error.strerror})"), as_json=as_json)
    return exits.FAILED


if __name__ == "__main__":
    main()
