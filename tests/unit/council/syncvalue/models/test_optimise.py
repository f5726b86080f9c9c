"""The search ends on the best peak that its starts lead to."""

from __future__ import annotations

import numpy as np
import pytest

from kiki.council.syncvalue.models.histories import Floats
from kiki.council.syncvalue.models.optimise import maximise


def ridge_and_peak(parameters: Floats) -> tuple[float, Floats]:
    """Over logarithms (u, v): a ridge along v at u = 0, flat but for one peak at v = 6."""
    u, v = np.log(parameters)
    bump = np.exp(-(u**2) - (v - 6) ** 2)
    slope = np.array([-2 * u - 2 * u * bump, -2 * (v - 6) * bump])
    return float(bump - u**2), slope / parameters


def test_a_flat_ridge_does_not_end_the_search() -> None:
    found = maximise(ridge_and_peak, [np.exp([0.5, 0.0]), np.exp([0.3, 5.5])])
    assert found.value == pytest.approx(1.0)
    assert found.identified


def test_a_peak_does() -> None:
    asked: list[Floats] = []

    def counted(parameters: Floats) -> tuple[float, Floats]:
        asked.append(np.log(parameters))
        return ridge_and_peak(parameters)

    far = np.array([0.0, -9.0])
    found = maximise(counted, [np.exp([0.3, 5.5]), np.exp(far)])
    assert found.value == pytest.approx(1.0)
    assert not any(np.allclose(logs, far) for logs in asked)


def test_where_every_start_ends_on_a_ridge_that_is_said() -> None:
    found = maximise(ridge_and_peak, [np.exp([0.5, 0.0]), np.exp([0.5, -4.0])])
    assert found.value == pytest.approx(0.0, abs=1e-9)
    assert not found.identified
