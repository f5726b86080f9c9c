"""What a refit is asked, and what it answers; both travel between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kiki.council.syncvalue.models.histories import Floats, Integers

Plain = dict[str, Any]
"""Data as JSON has it."""


@dataclass(frozen=True, slots=True)
class OtherStore:
    """A store to borrow from."""

    name: str
    """The model that serves it."""
    fits: Mapping[str, Plain]
    """Its fits by maximum likelihood, as `FittedModel.as_dict`, by name; Gamma-Gamma's among them."""
    mean_purchase: float


@dataclass(frozen=True, slots=True)
class FitJob:
    """A store's purchases, one element per customer and day, and how they are to be fitted."""

    customer: Integers
    day: Integers
    """As `date.toordinal`."""
    amount: Floats
    """In minor units of the store's main currency."""
    until: int
    """The last day known."""
    others: tuple[OtherStore, ...]
    yearly_discount: float
    low_share: float
    high_share: float


@dataclass(frozen=True, slots=True)
class StoreFit:
    """A store's fitted model with all that is known about it; money in minor units."""

    name: str
    chosen_by: str
    """`back_test`, or `prior` for a store with too little history for a choice of its own."""
    reason: str
    """The same in words."""
    transactions: Plain
    spend: Plain
    fits: Mapping[str, Plain]
    """Fits by maximum likelihood, for other stores to borrow from; empty for a store that borrows itself."""
    prior_stores: int
    """Other stores that the prior was made of; 0: a typical shop's."""
    mean_purchase: float
    table: bytes
    """`TabledModel.table` as 32-bit floats."""
    ends: tuple[float, ...]
    level: float
    horizon_days: float
    yearly_discount: float
    low_below_minor: float
    high_from_minor: float
    customers: int
    purchases: int
    """All that were seen, first ones included."""
    own_weight: float
    log_likelihood: float
    warnings: tuple[str, ...]
    back_test: Plain | None
    accuracy: Plain | None
