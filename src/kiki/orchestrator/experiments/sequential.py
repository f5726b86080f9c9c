"""An interval that stays right however often, and whenever, somebody looks.

The registered p-value is for the registered end: reading it every day until it is small finds an effect where there is
none. Looking early goes through the asymptotic confidence sequence with a Gaussian mixture of Waudby-Smith, Arbour,
Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics
52 (2024): wider, and right at all times together.
"""

from __future__ import annotations

import math

from kiki.kit.errors import InvalidInput


def always_valid_reach(standard_error: float, users: int, planned_users: int, alpha: float) -> float:
    """Half the width of the interval after `users`, made narrowest at `planned_users`.

    s.e. · √((nρ² + 1) ÷ (nρ²) · ln((nρ² + 1) ÷ α²)), with ρ² = (−2 ln α + ln(1 − 2 ln α)) ÷ planned users.
    """
    if users < 1 or planned_users < 1 or not 0 < alpha < 1:
        raise InvalidInput(
            f"an always-valid interval wants users and an alpha, got {users} of {planned_users}, {alpha:g}",
            reason="BAD_ALPHA",
        )
    scale = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned_users
    information = users * scale
    return standard_error * math.sqrt((information + 1) / information * math.log((information + 1) / alpha**2))
