"""What `runtime` starts: a name, a `run()` that blocks until cancelled, and a `ready()`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a component can do its work now, and why not."""

    ok: bool
    reason: str = ""


class Component(Protocol):
    """One runnable part. `run()` returns only when cancelled, after a bounded drain; anything else is a failure."""

    @property
    def name(self) -> str: ...

    async def run(self) -> None: ...

    def ready(self) -> Readiness: ...
