"""The number of purchases of a customer whose rate is Gamma distributed."""

from __future__ import annotations

import numpy as np

from kiki.council.syncvalue.models.histories import Floats


def poisson_gamma(shape: Floats, scale: Floats, time: Floats, limit: int) -> Floats:
    """P(N = n), n = 0 … limit, of purchases in `time` at a rate ~ Gamma(shape, scale): negative binomial.

    `shape`, `scale` and `time` broadcast to any shape; the result has one more dimension. In logarithms: no overflow.
    """
    shape, scale, time = np.broadcast_arrays(shape, scale, time)
    n = np.arange(1, limit + 1, dtype=np.float64)
    with np.errstate(divide="ignore"):
        step = np.log(time / (scale + time))
    growth = np.log((shape[..., None] + n - 1.0) / n) + step[..., None]
    none = -shape * np.log1p(time / scale)
    logs = np.concatenate([none[..., None], none[..., None] + np.cumsum(growth, axis=-1)], axis=-1)
    return np.asarray(np.exp(logs))
