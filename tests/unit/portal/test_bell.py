"""When the bell rings: at once where it was quiet, together and later in lanes that are busy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import pytest

from kiki.kit.database import Database
from kiki.portal.intake.bell import Bell


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> tuple[Bell, list[set[int]]]:
    rung: list[set[int]] = []

    async def ring(_self: Bell, lanes: Iterable[int]) -> None:
        rung.append(set(lanes))

    monkeypatch.setattr(Bell, "_ring", ring)
    return Bell(cast("Database", cast("Any", None))), rung


async def test_a_quiet_lane_is_rung_in_at_once_and_a_busy_one_when_its_pause_is_over(
    bell: tuple[Bell, list[set[int]]],
) -> None:
    one, rung = bell
    one.ring([2])
    assert await one._turn(10.0) == 0.0
    assert rung == [{2}]
    one.ring([2])
    assert await one._turn(10.05) == pytest.approx(0.2)
    assert rung == [{2}]
    one.ring([1, 2])
    assert await one._turn(10.1) == pytest.approx(0.15)
    assert rung == [{2}, {1}]
    assert await one._turn(10.25) == 0.0
    assert rung == [{2}, {1}, {2}]


async def test_nothing_is_rung_twice(bell: tuple[Bell, list[set[int]]]) -> None:
    one, rung = bell
    one.ring([0, 1])
    assert await one._turn(5.0) == 0.0
    assert await one._turn(9.0) == 0.0
    assert rung == [{0, 1}]
