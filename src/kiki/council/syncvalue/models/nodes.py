"""Gauss-Legendre on 0..length in log(1 + time/scale), for integrands that fall on one scale, and on over many.

Needs numpy alone: predictions are served from here by a process that never loads more.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from kiki.council.syncvalue.models.histories import Floats


@lru_cache(maxsize=8)
def _legendre(size: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(size)
    return (nodes + 1) / 2, weights / 2


def log_spaced(length: Floats, scale: Floats, size: int) -> tuple[Floats, Floats]:
    """Nodes and weights on 0..length, shape (…, size); `scale` is where the integrand begins to change."""
    nodes, weights = _legendre(size)
    span = np.log1p(length / scale)[..., None]
    times = scale[..., None] * np.expm1(span * nodes)
    return times, span * weights * (times + scale[..., None])
