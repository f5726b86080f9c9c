"""The model that serves stores for which nothing was fitted: a typical shop's MBG/NBD, laid out for serving.

Its table is that of `tabulate.py`, from the same formulas, but made with numpy alone and in some thirty milliseconds
when SyncValue starts: the process that serves loads nothing more. Given activity at T, with S = r + x and A = α + T,
the mean rate of purchases at a time t later is S/A · E[(1 + p·t/A)^−(S+1)], p ~ Beta(a, b + x + 1); its integral over
t, as it is and discounted, gives the table's columns. MBG/NBD lets nobody leave between purchases, so that
P(no purchase in t) = (1 + t/A)^−S.

Money is in mean purchases of the store. The ends of the interval come from `prior_ends.py`: they allow for how far
shops are apart, so that over shops, not over one shop's customers, an interval holds with its level.
"""

from __future__ import annotations

import math

import numpy as np

from kiki.council.syncvalue.models import typical
from kiki.council.syncvalue.models.histories import DAYS_PER_YEAR, Floats
from kiki.council.syncvalue.models.nodes import log_spaced
from kiki.council.syncvalue.models.tabled import AGES, COLUMNS, REPEATS, TabledModel, grid

NAME = "prior-1"
"""What is told as the model; changes with every change that moves a figure."""
MODEL = "mbgnbd"
LEVEL = 0.9
ENDS = (-0.2744, 0.0997, -0.0521, -0.2424, 1.0629, -0.1717, 0.6319, -0.887, 0.0298, 0.0692)
"""`prior_ends.prior_ends()`, rounded."""
_TIMES = 20
_LOGITS = np.arange(-26.0, 14.0, 0.65)
_FAR = 37.0
"""A discount of exp(−37) is nothing."""


def prior_model(yearly_discount: float = 0.1, horizon_days: float = DAYS_PER_YEAR) -> TabledModel:
    """The model in days and mean purchases; `yearly_discount` more than 0."""
    return TabledModel(
        MODEL,
        np.array(typical.TRANSACTIONS[MODEL]),
        np.array(typical.SPEND),
        prior_table(yearly_discount, horizon_days),
        np.array(ENDS),
        LEVEL,
    )


def prior_table(yearly_discount: float, horizon_days: float) -> Floats:
    """`TabledModel.table`, within 1e-4 of what `tabulate` makes of the same parameters."""
    r, alpha, a, b = typical.TRANSACTIONS[MODEL]
    discount = math.log1p(yearly_discount) / DAYS_PER_YEAR
    first, step = grid(alpha)
    scale = np.exp(first + step * np.arange(AGES))
    table = np.empty((COLUMNS, len(REPEATS), AGES))
    for row, x in enumerate(REPEATS):
        shape = r + x
        leaving, weights = _leaving(a, b + x + 1.0)
        for ends, columns in ((horizon_days, ((0, 0.0), (1, discount))), (_FAR / discount, ((2, discount),))):
            times, spacing = log_spaced(np.full(AGES, ends), np.minimum(scale / shape, 1.0 / discount), _TIMES)
            reach = leaving[None, None, :] * (times / scale[:, None])[:, :, None]
            rates = np.exp(-(shape + 1.0) * np.log1p(reach)) @ weights
            for column, rate in columns:
                table[column, row] = (spacing * np.exp(-rate * times) * rates).sum(axis=-1)
        table[3, row] = np.log1p(horizon_days / scale)
    return table


def _leaving(a: float, b: float) -> tuple[Floats, Floats]:
    """Values of p ~ Beta(a, b) and their weights: the trapezoidal rule in logit(p), as in `quadrature.py`."""
    log_p, log_q = -np.logaddexp(0.0, -_LOGITS), -np.logaddexp(0.0, _LOGITS)
    density = a * log_p + b * log_q
    weights = np.exp(density - density.max())
    used = weights > 1e-12
    return np.exp(log_p[used]), weights[used] / weights.sum()
