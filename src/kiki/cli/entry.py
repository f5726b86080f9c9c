"""What the shell calls. It imports nothing heavy, so that Ctrl-C is understood while commands are imported."""

from __future__ import annotations

import os
import signal
from types import FrameType

_INTERRUPTED = 130


def main() -> None:
    """Import the commands and run one; an interrupt ends the import at once, since nothing has begun."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # Not ignored, as in the background of a script.
        signal.signal(signal.SIGINT, _end)
    from kiki.cli.main import main as commands

    signal.signal(signal.SIGINT, before)
    commands()


def _end(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
