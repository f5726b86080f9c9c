"""Revenue that comes on few days, told evenly over spans that mostly hold some.

The model cuts single freak days. Where most days have no revenue, every sale would be one: such a series is taken by
spans of 7, 28 or 91 days, in which a sale is nothing unusual, each spread evenly over its days. Totals stay what they
were; the days of the week are then alike.
"""

from __future__ import annotations

import numpy as np

from kiki.council.syncvalue.seasonal.series import Array, Daily

_SPANS = (1, 7, 28, 91)
_TOGETHER = 12
"""So many spans are looked at together, so that a season without sales does not make a shop sparse."""
_ENOUGH = 0.5


def evened(series: Daily) -> Daily:
    """The series by the shortest of the spans of which usually half or more hold revenue; most series as they are."""
    span = usual_span(series.revenue)
    if span == 1:
        return series
    days = len(series.revenue)
    starts = np.unique(np.maximum(np.arange(days - span * (-(-days // span)), days, span), 0))
    lengths = np.diff(np.append(starts, days))
    return Daily(series.start, np.repeat(np.add.reduceat(series.revenue, starts) / lengths, lengths))


def usual_span(revenue: Array) -> int:
    """1, 7, 28 or 91 days."""
    for span in _SPANS[:-1]:
        sold = _cells(revenue, span) > 0
        shares = _cells(sold.astype(np.float64), _TOGETHER) / _TOGETHER
        if shares[shares > 0].size and float(np.median(shares[shares > 0])) >= _ENOUGH:
            return span
    return _SPANS[-1]


def _cells(values: Array, width: int) -> Array:
    """Sums of so many values, whole cells counted back from the end; one of them all where there are fewer."""
    whole = len(values) // width
    if not whole:
        return np.asarray(values.sum(keepdims=True) * width / max(len(values), 1))
    return np.asarray(values[len(values) - whole * width :].reshape(whole, width).sum(axis=1))
