"""Returns: rows of orders with less than nothing are no purchases, and lessen what was bought before them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.models.histories import Floats, Integers


@dataclass(frozen=True, slots=True)
class Returned:
    """Orders net of their returns."""

    customer: Integers
    day: Integers
    amount: Floats
    returns: int
    """Rows that were returns."""
    unmatched: float
    """Worth of the returns beyond what their customers had bought until then."""


def net_of_returns(customer: Integers, day: Integers, amount: Floats) -> Returned:
    """The rows of zero or more, less the returns: each is taken from its customer's latest purchases until its day.

    A purchase that was returned whole stays one, worth nothing: the customer came back for it.
    """
    back = amount < 0
    if not back.any():
        return Returned(customer, day, amount, 0, 0.0)
    rest = amount.copy()
    touched = np.flatnonzero(np.isin(customer, customer[back]))
    order = touched[np.lexsort((back[touched], day[touched], customer[touched]))]
    unmatched = 0.0
    last, open_rows = -1, list[int]()
    for row in order.tolist():
        if customer[row] != last:
            last, open_rows = int(customer[row]), []
        if not back[row]:
            open_rows.append(row)
            continue
        owed = -float(amount[row])
        while owed > 0 and open_rows:
            taken = min(owed, float(rest[open_rows[-1]]))
            rest[open_rows[-1]] -= taken
            owed -= taken
            if rest[open_rows[-1]] <= 0:
                open_rows.pop()
        unmatched += owed
    kept = ~back
    return Returned(customer[kept], day[kept], rest[kept], int(back.sum()), unmatched)
