"""Background rounds over stores: what fails of one is logged, and the others have their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from kiki.kit.errors import KikiError, Unavailable
from kiki.kit.logging import get_logger

_T = TypeVar("_T")
_log = get_logger("syncvalue.attempts")


async def attempt_round(work: Callable[[], Awaitable[object]], name: str) -> None:
    """One round; a database that is away, or whatever else fails it, leaves it to the next."""
    try:
        await work()
    except KikiError as error:
        _log.warning("round_postponed", round=name, reason=error.reason)
    except Exception as error:  # noqa: BLE001  An attempt: it is due again at the next turn.
        _log.error("round_failed", round=name, error=type(error).__name__)


async def for_each_store(stores: Iterable[int], work: Callable[[int], Awaitable[_T]], name: str) -> list[_T]:
    """What the work gave for each store, without those of which it failed.

    Raises `Unavailable` at once: a database that is away is away for every store.
    """
    done: list[_T] = []
    for store_id in stores:
        try:
            done.append(await work(store_id))
        except (Unavailable, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001  An attempt: one store's rows never end the agent.
            _log.error("store_failed", round=name, store_id=store_id, error=type(error).__name__)
    return done
