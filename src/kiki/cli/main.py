"""`kiki`: the commands, and the one place where a failure becomes an exit code."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated

import typer

from kiki.cli import exits
from kiki.cli.output import print_failure
from kiki.kit.errors import KikiError

RUN, SHOPS, LOOK = "Run", "Shops and campaigns", "Look and prove"
_EPILOG = "Exit codes: " + " · ".join(f"{code} {meaning}" for code, meaning in exits.TABLE.items()) + "."
_COMMANDS = (
    ("up", RUN),
    ("demo", RUN),
    ("serve", RUN),
    ("migrate", RUN),
    ("doctor", RUN),
    ("stores", SHOPS),
    ("campaigns", SHOPS),
    ("touchpoints", SHOPS),
    ("deliveries", LOOK),
    ("calls", LOOK),
    ("report", LOOK),
    ("months", LOOK),
    ("rates", LOOK),
    ("value", LOOK),
    ("experiment", LOOK),
    ("attribution", LOOK),
    ("bench", LOOK),
    ("openapi", LOOK),
)


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
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; its exit code."""
    try:
        build_app()(arguments, standalone_mode=True)
    except KikiError as error:
        print_failure(error, as_json="--json" in arguments)
        return exits.code_of(error)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return exits.FAILED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else exits.FAILED
    return exits.OK


if __name__ == "__main__":
    main()
