"""`kiki bench`: what the machine does per second, with every effect counted. Start in `commands.py`."""

from kiki.cli.bench.commands import register

__all__ = ["register"]
