"""Work that the tests of spawned workers have done; processes import it by its name."""

from __future__ import annotations

import os
import time

from kiki.kit.errors import InvalidInput


def whoami(_: None) -> int:
    time.sleep(0.05)
    return os.getpid()


def divide(by: int) -> float:
    return 1 / by


class Stubborn(InvalidInput):
    """An error that pickles and cannot be made again."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one}{two}")


def raise_stubborn(_: None) -> None:
    raise Stubborn(1, 2)
