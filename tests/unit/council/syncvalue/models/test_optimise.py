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


def low_and_high_peak(parameters: Floats) -> tuple[float, Floats]:
    """Over logarithms (u, v): a broad peak of 0.2 at (0, -6), and a higher one of 1 at (0, 6)."""
    u, v = np.log(parameters)
    low, high = 0.2 * np.exp(-((v + 6) ** 2) / 20), np.exp(-((v - 6) ** 2))
    slope = np.array([-2 * u, -low * (v + 6) / 10 - 2 * high * (v - 6)])
    return float(low + high - u**2), slope / parameters


def test_a_peak_that_is_hardly_one_does_not_end_the_search() -> None:
    found = maximise(low_and_high_peak, [np.exp([0.5, -7.0]), np.exp([0.3, 5.5])])
    assert found.value == pytest.approx(1.0, abs=1e-2)


def test_a_search_goes_on_where_the_value_is_large_and_gains_are_small() -> None:
    """As of customers with thousands of purchases each: 1e8 of log-likelihood, of which 0.02 is still to be had."""

    def bent_ridge(parameters: Floats) -> tuple[float, Floats]:
        u, v = np.log(parameters)
        off = u - v**2 / 4
        value = 1e8 - 100 * off**2 - 5e-4 * (v - 4) ** 2
        return float(value), np.array([-200 * off, 100 * off * v - 1e-3 * (v - 4)]) / parameters

    found = maximise(bent_ridge, [np.exp([1.0, -2.0])])
    assert found.value == pytest.approx(1e8, abs=1e-3)


def test_a_parameter_that_stops_just_short_of_the_end_of_the_search_is_said_to_be_at_it() -> None:
    def peak_near_the_end(parameters: Floats) -> tuple[float, Floats]:
        u, v = np.log(parameters)
        return float(-(u**2) - (v - 13.5) ** 2), np.array([-2 * u, -2 * (v - 13.5)]) / parameters

    found = maximise(peak_near_the_end, [np.exp([0.5, 0.0])])
    assert found.parameters[1] == pytest.approx(np.exp(13.5))
    assert found.at_bound
