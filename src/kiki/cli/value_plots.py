"""Plots of a model's accuracy: calibration by decile, purchases expected and actual, P(alive)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kiki.cli.canvas import Box, Canvas, Dot, Line, Words

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 60, 60
_INK, _GREY, _EXPECTED, _ACTUAL = "#222222", "#d8d8d8", "#2563a8", "#d97706"
_TICKS = 5


def write_plots(report: dict[str, Any], folder: Path) -> list[Path]:
    """The report's plots as SVG and PNG in a folder, which is made; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    accuracy, model = report["accuracy"], report["model"]
    title = f"store {report['store_id']}, {model['name']} version {model['version']}"
    days = accuracy["horizon_days"]
    return [
        *calibration(accuracy["purchase_deciles"], f"Purchases in {days} days by decile: {title}", "purchases").write(
            folder, "calibration-purchases"
        ),
        *calibration(accuracy["spend_deciles"], f"Spend in {days} days by decile: {title}", "minor units").write(
            folder, "calibration-spend"
        ),
        *counts(accuracy["counts"], f"Customers by purchases in {days} days: {title}").write(
            folder, "actual-and-expected"
        ),
        *alive(accuracy["p_alive_bins"], f"Customers by P(alive): {title}").write(folder, "p-alive"),
    ]


def calibration(deciles: Sequence[dict[str, Any]], title: str, unit: str) -> Canvas:
    """Expected as bars, actual as dots with two standard errors to each side."""
    most = max(max(part["expected"], part["actual"] + 2 * part["standard_error"]) for part in deciles)
    frame = _Frame.of(title, most, [str(part["decile"]) for part in deciles], "decile, least expected first", unit)
    for place, part in enumerate(deciles):
        frame.bar(place, part["expected"], _EXPECTED, 0.0, 0.7)
        middle, spread = frame.middle(place), 2 * part["standard_error"]
        low, high = frame.y(max(part["actual"] - spread, 0.0)), frame.y(part["actual"] + spread)
        frame.canvas.draw(Line(middle, low, middle, high, _ACTUAL, 1.5))
        frame.canvas.draw(Dot(middle, frame.y(part["actual"]), 4, _ACTUAL))
    return frame.legend()


def counts(entries: Sequence[dict[str, Any]], title: str) -> Canvas:
    """Expected and actual customers side by side."""
    most = max(max(entry["expected"], entry["actual"]) for entry in entries)
    names = [str(entry["purchases"]) for entry in entries]
    frame = _Frame.of(title, most, [*names[:-1], f"{names[-1]}+"], "purchases", "customers")
    for place, entry in enumerate(entries):
        frame.bar(place, entry["expected"], _EXPECTED, -0.2, 0.38)
        frame.bar(place, entry["actual"], _ACTUAL, 0.2, 0.38)
    return frame.legend()


def alive(bins: Sequence[int], title: str) -> Canvas:
    """A histogram over 0 to 1."""
    names = [f"{number / len(bins):.1f}–{(number + 1) / len(bins):.1f}" for number in range(len(bins))]
    frame = _Frame.of(title, max(bins), names, "P(alive)", "customers")
    for place, customers in enumerate(bins):
        frame.bar(place, customers, _EXPECTED, 0.0, 0.9)
    return frame.canvas


@dataclass(frozen=True, slots=True)
class _Frame:
    """Axes: evenly spaced names along x, 0 to `most` along y."""

    canvas: Canvas
    most: float
    places: int

    @classmethod
    def of(cls, title: str, most: float, names: Sequence[str], x_name: str, y_name: str) -> _Frame:
        step = _round_step(most)
        frame = cls(Canvas(_WIDTH, _HEIGHT), step * max(math.ceil(most / step), 1), len(names))
        draw = frame.canvas.draw
        draw(Words(_LEFT, 24, title, 14, _INK))
        for tick in range(round(frame.most / step) + 1):
            y = frame.y(tick * step)
            draw(Line(_LEFT, y, _WIDTH - _RIGHT, y, _GREY))
            draw(Words(_LEFT - 6, y + 4, f"{tick * step:g}", 11, _INK, "end"))
        for place, name in enumerate(names):
            draw(Words(frame.middle(place), _HEIGHT - _BOTTOM + 16, name, 11, _INK, "middle"))
        draw(Words((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, x_name, 12, _INK, "middle"))
        draw(Words(_LEFT, _TOP - 12, y_name, 12, _INK))
        return frame

    def y(self, value: float) -> float:
        """Where a value lies."""
        return _HEIGHT - _BOTTOM - value / self.most * (_HEIGHT - _TOP - _BOTTOM)

    def middle(self, place: int) -> float:
        """The middle of a name."""
        return _LEFT + (place + 0.5) * self._slot

    def bar(self, place: int, value: float, colour: str, shift: float, width: float) -> None:
        """A bar from 0; shift and width in parts of the room that a name has."""
        left = self.middle(place) + (shift - width / 2) * self._slot
        self.canvas.draw(Box(left, self.y(value), width * self._slot, self.y(0.0) - self.y(value), colour))

    def legend(self) -> Canvas:
        """Says which colour is which."""
        for x, colour, name in ((_WIDTH - 200, _EXPECTED, "expected"), (_WIDTH - 100, _ACTUAL, "actual")):
            self.canvas.draw(Box(x, _TOP - 22, 10, 10, colour), Words(x + 15, _TOP - 12, name, 12, _INK))
        return self.canvas

    @property
    def _slot(self) -> float:
        return (_WIDTH - _LEFT - _RIGHT) / self.places


def _round_step(most: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that goes some five times into the whole."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most / _TICKS))
    return next(power * factor for factor in (1.0, 2.0, 5.0, 10.0) if power * factor * _TICKS >= most * 0.999)
