"""Components share a process: all ready, all drained, and one death is everybody's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kiki.kit.component import Component, Readiness
from kiki.kit.errors import InvariantBroken
from kiki.kit.sealing import Keyring
from kiki.runtime import supervisor
from kiki.runtime.composition import Ground
from kiki.runtime.settings import RuntimeSettings


class _Part:
    def __init__(self, name: str, death: BaseException | None = None, drain_seconds: float = 0.0) -> None:
        self.name = name
        self.death = death
        self.drain_seconds = drain_seconds
        self.drained = False
        self.closed = False

    def ready(self) -> Readiness:
        return Readiness(ok=True)

    async def run(self) -> None:
        try:
            if self.death:
                raise self.death
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(self.drain_seconds)
            self.drained = True


@pytest.fixture
def ground() -> Ground:
    return Ground(RuntimeSettings(drain_seconds=0.3), "", Keyring.parse(Keyring.generate()))


def _offer(monkeypatch: pytest.MonkeyPatch, *parts: _Part) -> list[str]:
    known = {part.name: part for part in parts}

    @asynccontextmanager
    async def open_component(name: str, _ground: Any) -> AsyncIterator[Component]:
        yield known[name]
        known[name].closed = True

    monkeypatch.setattr(supervisor, "open_component", open_component)
    return list(known)


async def test_a_stop_drains_and_closes_everything(monkeypatch: pytest.MonkeyPatch, ground: Ground) -> None:
    parts = (_Part("one"), _Part("two"))
    stop = asyncio.Event()
    await supervisor.run_components(_offer(monkeypatch, *parts), ground, stop=stop, on_ready=stop.set)
    assert all(part.drained and part.closed for part in parts)


async def test_a_component_that_dies_takes_the_others_down(monkeypatch: pytest.MonkeyPatch, ground: Ground) -> None:
    good, bad = _Part("good"), _Part("bad", death=ValueError("broken"))
    names = _offer(monkeypatch, good, bad)
    with pytest.raises(InvariantBroken, match="bad died: ValueError"):
        await supervisor.run_components(names, ground, stop=asyncio.Event())
    assert good.drained


async def test_a_drain_has_an_end(monkeypatch: pytest.MonkeyPatch, ground: Ground) -> None:
    slow = _Part("slow", drain_seconds=30)
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(5):
        await supervisor.run_components(_offer(monkeypatch, slow), ground, stop=stop)
    assert not slow.drained
