"""What every model of repeat purchases can do; `MODELS` names them.

A customer buys at random times at a rate λ while active, λ ~ Gamma(r, α) over the store's customers, and becomes
inactive unseen. Given that a customer is still active at T, the posterior of λ is Gamma(r + x, α + T) in all of these
models, and independent of the posterior of how they leave; the models differ in the latter alone.
"""

from __future__ import annotations

from typing import Protocol

from kiki.council.syncvalue.models.betageometric import BGNBD, MBGNBD
from kiki.council.syncvalue.models.errors import BadModel
from kiki.council.syncvalue.models.histories import Floats, Grouped, Histories
from kiki.council.syncvalue.models.pareto import PARETO_NBD


class TransactionModel(Protocol):
    """A model of repeat purchases. Pure and vectorised; parameters are a vector in the order of `parameter_names`."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def parameter_names(self) -> tuple[str, ...]: ...

    @property
    def times(self) -> tuple[bool, ...]:
        """Which parameters are times, and so change with the unit."""
        ...

    def starts(self, data: Grouped) -> list[Floats]:
        """Parameters to begin a fit from, the most promising first."""
        ...

    def log_likelihood(self, parameters: Floats, data: Grouped) -> tuple[float, Floats]:
        """Log-likelihood of all customers, and its derivative by each parameter."""
        ...

    def p_alive(self, parameters: Floats, of: Histories) -> Floats:
        """Probability that the customer is still active at T."""
        ...

    def expected(self, parameters: Floats, of: Histories, horizon: Floats) -> Floats:
        """E[Y(t) | x, t_x, T]: purchases expected in the `horizon` after T, one horizon per customer or for all."""
        ...

    def discounted(self, parameters: Floats, of: Histories, horizon: float, rate: float) -> Floats:
        """The same, each purchase discounted by exp(−rate · time from T); `horizon` may be infinite if rate > 0."""
        ...

    def counts(self, parameters: Floats, of: Histories, horizon: float, limit: int) -> Floats:
        """P(Y(t) = n | x, t_x, T) for n = 0 … limit, shape (customers, limit + 1)."""
        ...


MODELS: dict[str, TransactionModel] = {model.name: model for model in (BGNBD, MBGNBD, PARETO_NBD)}


def transaction_model(name: str) -> TransactionModel:
    """The model of that name. Raises `BadModel`."""
    try:
        return MODELS[name]
    except KeyError:
        raise BadModel(f"unknown model {name!r}; known are {', '.join(MODELS)}") from None
