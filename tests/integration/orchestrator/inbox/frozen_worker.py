"""A worker in a process of its own that says when it is at a given point, so that a test can freeze it there."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

from integration.orchestrator.rig import PlainPlatform, Rig, open_rig
from kiki.kit.database import Connection
from kiki.orchestrator.inbox.protocol import WorkItem

_SECONDS_TO_BE_FROZEN_IN = 1.0


def _here() -> None:
    sys.stdout.write("here\n")
    sys.stdout.flush()


async def _in_transaction(_connection: Connection, _items: Sequence[WorkItem]) -> None:
    _here()
    await asyncio.sleep(_SECONDS_TO_BE_FROZEN_IN)


def _while_decoding(events: Any) -> Any:
    def slow(*arguments: Any) -> Any:
        _here()
        time.sleep(_SECONDS_TO_BE_FROZEN_IN)
        return events(*arguments)

    return slow


async def main(dsn: str, point: str) -> None:
    async with open_rig(dsn) as rig:
        await _work(rig, point)


async def _work(rig: Rig, point: str) -> None:
    if point == "transaction":
        rig.decider.before_commit = _in_transaction
    else:
        PlainPlatform.events = _while_decoding(PlainPlatform().events)  # type: ignore[method-assign]  # A process of its own.
    async with rig.worker():
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
