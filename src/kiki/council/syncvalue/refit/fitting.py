"""Chooses, fits and lays out a store's model; runs in a process of its own.

A store with enough history chooses by back-test, and is fitted by maximum likelihood or under the prior, as did better
there. One with less borrows: the prior is that of the installation's other stores where there are three or more, a
typical shop's otherwise, and the model the one that most of these are served by. So does one whose own data leave a
parameter unbounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kiki.council.syncvalue.models import gammagamma
from kiki.council.syncvalue.models.backtest import LEAST_DAYS, BackTest, back_test
from kiki.council.syncvalue.models.errors import CannotFit
from kiki.council.syncvalue.models.estimate import FittedModel, fitted_model
from kiki.council.syncvalue.models.fitting import fit_spend, fit_transactions
from kiki.council.syncvalue.models.histories import Histories, Spend
from kiki.council.syncvalue.models.pooling import Prior, default_prior, pool
from kiki.council.syncvalue.models.prediction import Terms
from kiki.council.syncvalue.models.purchases import Purchases, observe, purchases
from kiki.council.syncvalue.models.tabled import Known, TabledModel
from kiki.council.syncvalue.models.tabulate import tabled
from kiki.council.syncvalue.models.transactions import MODELS
from kiki.council.syncvalue.refit.holdout import accuracy
from kiki.council.syncvalue.refit.job import FitJob, OtherStore, Plain, StoreFit

LEAST_CUSTOMERS = 200
"""With fewer, or fewer who came back, a store borrows."""
LEAST_RETURNED = 50
_DEFAULT = "mbgnbd"
_TESTED_CUSTOMERS = 8_000
_VALUED_CUSTOMERS = 10_000


@dataclass(frozen=True, slots=True)
class Priors:
    """What other stores say."""

    others: Sequence[OtherStore]

    @property
    def usual(self) -> str:
        """The model by which most other stores are served."""
        names = Counter(other.name for other in self.others if other.fits)
        return names.most_common(1)[0][0] if names else _DEFAULT

    def of(self, name: str) -> Prior:
        """That of the other stores, or a typical shop's while there are fewer than three."""
        known = [other for other in self.others if name in other.fits and other.mean_purchase > 0]
        try:
            return pool([fitted_model(other.fits[name]) for other in known], [other.mean_purchase for other in known])
        except CannotFit:
            return default_prior(name)


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that a store gets, and why."""

    name: str
    tested: BackTest | None
    reason: str

    @property
    def borrows(self) -> bool:
        """Whether there was too little for a choice."""
        return self.tested is None

    @property
    def leans(self) -> bool:
        """Whether the model is fitted under the prior."""
        return self.tested is None or self.tested.leans


def fit_store(job: FitJob) -> StoreFit:
    """The store's model. Raises `CannotFit` when nobody has paid anything."""
    of = purchases(job.customer, job.day, job.amount)
    paid = of.amount[of.amount > 0]
    if not len(paid):
        raise CannotFit("no customer of the store has paid anything yet")
    mean_purchase = float(paid.mean())
    seen = observe(of, job.until, "days")
    priors, terms = Priors(job.others), Terms(yearly_discount=job.yearly_discount)
    choice = choose(of, job.until, seen.histories, priors)
    transactions, reason = _transactions(choice, seen.histories, priors)
    spend = spend_model(seen.spend, mean_purchase, priors)
    served = tabled(transactions, spend, seen.histories, seen.spend, terms=terms)
    low, high = _limits(served, seen.histories, seen.spend, job)
    return StoreFit(
        name=transactions.name,
        chosen_by="prior" if choice.borrows else "back_test",
        reason=reason,
        transactions=transactions.as_dict(),
        spend=spend.as_dict(),
        fits=_own_fits(choice, transactions, spend, seen.histories),
        prior_stores=priors.of(transactions.name).stores if transactions.method == "map" else 0,
        mean_purchase=mean_purchase,
        table=served.table.astype(np.float32).tobytes(),
        ends=tuple(served.ends.tolist()),
        level=served.level,
        horizon_days=terms.horizon_days,
        yearly_discount=terms.yearly_discount,
        low_below_minor=low,
        high_from_minor=high,
        customers=of.customers,
        purchases=len(of.day),
        own_weight=transactions.own_weight,
        log_likelihood=transactions.log_likelihood,
        warnings=(*transactions.warnings, *spend.warnings),
        back_test=None if choice.tested is None else choice.tested.as_dict(),
        accuracy=_accuracy(of, job, transactions, mean_purchase, priors, served),
    )


def choose(of: Purchases, until: int, seen: Histories, priors: Priors) -> Choice:
    """By back-test, where there is enough to test with."""
    days, returned = until - of.first_day, int((seen.x > 0).sum())
    if len(seen) < LEAST_CUSTOMERS or returned < LEAST_RETURNED or days < 2 * LEAST_DAYS:
        few = f"{len(seen)} customers, {returned} of them returned, in {days} days"
        wanted = f"a choice needs {LEAST_CUSTOMERS}, {LEAST_RETURNED} and {2 * LEAST_DAYS}"
        return Choice(priors.usual, None, f"borrows from other stores: {few}; {wanted}")
    try:
        tested = back_test(of, until=until, unit="days", priors=priors.of, customers=_TESTED_CUSTOMERS)
    except CannotFit as error:
        return Choice(priors.usual, None, f"borrows from other stores: {error.message}")
    scores = ", ".join(f"{name} {score:.4f}" for name, score in sorted(tested.scores.items()))
    return Choice(tested.chosen, tested, f"did best in the back-test ({scores})")


def spend_model(spend: Spend, mean_purchase: float, priors: Priors) -> FittedModel:
    """Gamma-Gamma of the store; borrowed in whole while nobody has paid twice."""
    usable = int(((spend.purchases > 0) & (spend.mean > 0)).sum())
    if usable >= LEAST_RETURNED:
        try:
            own = fit_spend(spend, "days")
        except CannotFit:
            own = None
        if own is not None and not own.warnings:
            return own
    prior = priors.of(gammagamma.NAME)
    return fit_spend(spend, "days", prior) if usable else _borrowed_spend(prior, mean_purchase)


def _transactions(choice: Choice, seen: Histories, priors: Priors) -> tuple[FittedModel, str]:
    if not choice.leans:
        try:
            own = fit_transactions(choice.name, seen, "days")
        except CannotFit as error:
            return fit_transactions(choice.name, seen, "days", priors.of(choice.name)), f"leans on a prior: {error}"
        if not own.warnings:
            return own, choice.reason
        reason = f"{choice.reason}; leans on a prior: {own.warnings[0]}"
        return fit_transactions(choice.name, seen, "days", priors.of(choice.name)), reason
    return fit_transactions(choice.name, seen, "days", priors.of(choice.name)), choice.reason


def _own_fits(choice: Choice, transactions: FittedModel, spend: FittedModel, seen: Histories) -> dict[str, Plain]:
    """Every model fitted to the store alone: a store that borrows may want any of them."""
    if choice.borrows:
        return {}
    own = [transactions, spend]
    for name in MODELS:
        if name != transactions.name or transactions.method != "ml":
            try:
                own.append(fit_transactions(name, seen, "days"))
            except CannotFit:
                continue
    return {model.name: model.as_dict() for model in own if model.method == "ml" and not model.warnings}


def _borrowed_spend(prior: Prior, mean_purchase: float) -> FittedModel:
    p, q, v = np.exp(np.array(prior.log_mean)).tolist()
    return FittedModel(
        name=gammagamma.NAME,
        version=gammagamma.VERSION,
        unit="days",
        parameters=dict(zip(gammagamma.PARAMETER_NAMES, (p, q, v * mean_purchase), strict=True)),
        log_likelihood=0.0,
        log_covariance=prior.log_covariance,
        customers=0,
        purchases=0,
        method="map",
        own_weight=0.0,
    )


def _limits(served: TabledModel, seen: Histories, spend: Spend, job: FitJob) -> tuple[float, float]:
    """Values below which a customer is of the segment low, and from which of high."""
    rows = np.unique(np.linspace(0, len(seen) - 1, min(len(seen), _VALUED_CUSTOMERS)).astype(np.int64))
    some, worth = seen.take(rows), spend.take(rows)
    values = served.serve(Known(some.x, some.t_x, some.age, worth.purchases, worth.mean)).value
    low, high = np.quantile(values, [job.low_share, max(1.0 - job.high_share, job.low_share)]).tolist()
    return low, high


def _accuracy(
    of: Purchases, job: FitJob, model: FittedModel, mean_purchase: float, priors: Priors, served: TabledModel
) -> Plain | None:
    """Of the same model, fitted to what was known before the hold-out; `None` without a past to hold out."""
    borrowed = model.method == "map"

    def refitted(seen: Histories, spend: Spend) -> tuple[FittedModel, FittedModel]:
        prior = priors.of(model.name) if borrowed else None
        try:
            again = fit_transactions(model.name, seen, "days", prior)
        except CannotFit:
            again = fit_transactions(model.name, seen, "days", priors.of(model.name))
        return again, spend_model(spend, mean_purchase, priors)

    return accuracy(of, job.until, job.yearly_discount, served, refitted)
