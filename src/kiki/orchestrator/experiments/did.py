"""Difference in differences: the treated places' change minus the mean change of the others.

The same as a synthetic control with equal weights; it rests on parallel trends, which placebo tests in time can refute
and nothing can prove. Its spread comes from placebos too: with a handful of treated places, errors clustered by place
are far too small (Conley and Taber, "Inference with difference in differences with a small number of policy changes",
Review of Economics and Statistics 93, 2011).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kiki.orchestrator.experiments.synthetic_control import Counterfactual, fit_equal

Floats = NDArray[np.float64]


def fit_did(treated: Floats, controls: Floats, pre: int) -> Counterfactual:
    """The counterfactual: the treated places' own level before the start plus the controls' mean change."""
    return fit_equal(treated, controls, pre)
