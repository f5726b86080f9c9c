"""Pareto/NBD: the integral over when a customer may have left since the last purchase.

The integrand is positive and falls, so nothing cancels. Needs numpy alone, as `nodes` does.
"""

from __future__ import annotations

import numpy as np

from kiki.council.syncvalue.models.histories import Floats
from kiki.council.syncvalue.models.nodes import log_spaced

_NODES = 24


def log_integral(
    parameters: Floats, x: Floats, t_x: Floats, age: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """log of the integral (minus infinity where t_x = T), and with it nodes τ's shares of it, and both logarithms."""
    r, alpha, s, beta = parameters.tolist()
    shape = r + x
    length = age - t_x
    from_alpha, from_beta = alpha + t_x, beta + t_x
    falls = shape / from_alpha + (s + 1.0) / from_beta
    after, weights = log_spaced(length, 1.0 / falls, _NODES)
    growth_alpha = np.log1p(after / from_alpha[:, None])
    growth_beta = np.log1p(after / from_beta[:, None])
    shares = weights * np.exp(-shape[:, None] * growth_alpha - (s + 1.0) * growth_beta)
    total = shares.sum(axis=-1)
    with np.errstate(divide="ignore"):
        log_total = np.log(total) - shape * np.log(from_alpha) - (s + 1.0) * np.log(from_beta)
    shares /= np.where(total > 0, total, 1.0)[:, None]
    return log_total, shares, growth_alpha, growth_beta, after
