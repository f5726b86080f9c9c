"""The mean over a Beta distribution, vectorised and of fixed size; other rules are in `nodes`.

`beta_mean`: the mean of a smooth function of p ~ Beta(a, b) by the trapezoidal rule in logit(p). The integrand is
analytic within π of the real line whatever a, b and the function's scale, so the rule converges like exp(−2π²/step).
What does not die out at the ends, the function's values at 0 and 1, is integrated exactly and subtracted first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import betaln, expit

from kiki.council.syncvalue.models.histories import Floats

_BETA_NODES = 96
_NEWTON = 5
_NEGLIGIBLE = 28.0
"""What is exp(−28) of the whole is left out: 10⁻¹².

With these two an expectation errs by 3·10⁻⁹ of itself at most and a discounted one by 10⁻⁷, measured against 2,000
nodes in 6,000 cases with parameters from a fiftieth to fifty, up to 5,000 purchases and horizons up to 750.
"""


def beta_mean(function: Callable[[Floats], Floats], a: float, b: Floats, fall: Floats) -> Floats:
    """E[f(p)], p ~ Beta(a, b), one per element of b (one dimension).

    `function` takes p of shape (len(b), nodes) and gives values of that shape, or of (len(b), any, nodes); the result
    has shape (len(b),) or (len(b), any). It falls, from p = 0 to p = 1 by about exp(−fall).
    """
    low, high = _ends(a + 1.0, b + 1.0, np.minimum(fall, _NEGLIGIBLE))
    step = (high - low) / (_BETA_NODES - 1)
    y = low[:, None] + step[:, None] * np.arange(_BETA_NODES)
    log_p, log_q = -np.logaddexp(0.0, -y), -np.logaddexp(0.0, y)
    density = np.exp(a * log_p + b[:, None] * log_q - betaln(a, b)[:, None]) * step[:, None]
    p, q = np.exp(log_p), np.exp(log_q)
    ends = np.concatenate([np.zeros((len(b), 1)), p, np.ones((len(b), 1))], axis=1)
    values = function(ends)
    at_0, inner, at_1 = values[..., :1], values[..., 1:-1], values[..., -1:]
    mean = a / (a + b)
    if values.ndim == 3:
        density, p, q, mean = density[:, None, :], p[:, None, :], q[:, None, :], mean[:, None]
    rest = (density * (inner - at_0 * q - at_1 * p)).sum(axis=-1)
    return np.asarray(at_0[..., 0] * (1.0 - mean) + at_1[..., 0] * mean + rest)


def _ends(a: float, b: Floats, more: Floats) -> tuple[Floats, Floats]:
    """Where p^a (1 − p)^b, over y = logit(p), has fallen to what is negligible; on the left by so much `more`."""
    middle = np.log(a / b)
    top = -a * np.logaddexp(0.0, -middle) - b * np.logaddexp(0.0, middle)
    width = np.sqrt(1.0 / a + 1.0 / b)
    low = middle - (_NEGLIGIBLE + more) / a - 9.0 * width - 2.0
    high = middle + _NEGLIGIBLE / b + 9.0 * width + 2.0
    for _ in range(_NEWTON):
        low -= _excess(low, a, b, top - _NEGLIGIBLE - more)
        high -= _excess(high, a, b, top - _NEGLIGIBLE)
    return low, high


def _excess(y: Floats, a: float, b: Floats, target: Floats) -> Floats:
    """Newton's step to where the logarithm of p^a (1 − p)^b is `target`."""
    p = expit(y)
    value = -a * np.logaddexp(0.0, -y) - b * np.logaddexp(0.0, y)
    return np.asarray((value - target) / (a * (1.0 - p) - b * p))
