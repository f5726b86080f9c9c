"""Which model speaks for an order of a store: the contract's, or by the buyer's arm the one beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.orchestrator.attribution.default_model import LATEST_CLICKS, DefaultModel
from kiki.orchestrator.attribution.fitted import Fitted
from kiki.orchestrator.attribution.model import Case, Decision, Model
from kiki.orchestrator.attribution.registry import BY_FACTS, CANDIDATE, FITTED, MODELS, build_model
from kiki.orchestrator.experiments.assignment import MILLION, Split

FIRST, SECOND = "first", "second"
"""The arms of an A/B test: the contract's model, and the one beside it."""
_WITHOUT_OTHERS = frozenset({"default"}) | BY_FACTS


@dataclass(frozen=True, slots=True)
class Naming:
    """What a store's settings say about models."""

    model: str = "default"
    shadow: str = ""
    """Runs side by side and is recorded, never billed; empty: none."""
    share_ppm: int = 0
    """Of customers for whom `shadow` speaks and bills, in an A/B test; 0: none."""

    def check(self) -> None:
        """Raises InvalidInput for a name that no model has, one that may not bill, or a test without a second model."""
        for name in filter(None, (self.model, self.shadow)):
            if name not in MODELS:
                raise InvalidInput(f"a model is one of {', '.join(MODELS)}, got {name!r}", reason="UNKNOWN_MODEL")
        if self.model == CANDIDATE or (self.shadow == CANDIDATE and self.share_ppm):
            raise InvalidInput(
                f"a {CANDIDATE} is recorded and never billed: adopt it first, then name learned", reason="NEVER_BILLED"
            )
        if self.model == self.shadow:
            raise InvalidInput(f"the model beside {self.model} is another one, got the same", reason="SAME_MODEL")
        if not 0 <= self.share_ppm < MILLION:
            raise InvalidInput(
                f"a share is 0 to {MILLION - 1} parts per million, got {self.share_ppm}", reason="BAD_SHARE"
            )
        if self.share_ppm and not self.shadow:
            raise InvalidInput("an A/B test wants a second model in attribution_shadow", reason="NO_SECOND_MODEL")

    def wanting_fit(self) -> list[str]:
        """Those of the named models that speak by fitted parameters."""
        return [name for name in (self.model, self.shadow) if name in FITTED]


@dataclass(frozen=True, slots=True)
class Speakers:
    """A store's models, ready to be asked."""

    model: Model
    shadow: Model | None = None
    split: Split | None = None
    wants_others: bool = False
    """Whether channels that are not ours get a part of the credit."""
    wants_facts: bool = False

    @property
    def latest_clicks(self) -> int | None:
        """How many of the latest clicks of ours are all that these models look at; None: every contact counts."""
        only = self.shadow is None and not self.wants_others and self.model.name == DefaultModel.name
        return LATEST_CLICKS if only else None

    @property
    def rests_on_first(self) -> bool:
        """Whether what these models say of an order may rest on the buyer's first one."""
        return self.wants_facts or "default" in (self.model.name, self.shadow.name if self.shadow else "")

    def arm(self, subject: str) -> str:
        """The arm of a customer; empty without a test."""
        return "" if self.split is None or not subject else self.split.assign(subject).arm

    def of(self, subject: str) -> tuple[Model, Model | None, str]:
        """Who speaks for this customer, who is only recorded, and the arm."""
        arm = self.arm(subject)
        if arm == SECOND and self.shadow is not None:
            return self.shadow, self.model, arm
        return self.model, self.shadow, arm


class UnfittedModel:
    """Stands for a model whose parameters are gone: an order that it should decide waits for a person."""

    version = ""

    def __init__(self, name: str) -> None:
        self.name = name

    def decide(self, case: Case) -> Decision:
        """Raises FailedPrecondition."""
        raise FailedPrecondition(
            f"the model {self.name} of order {case.order_id[:64]} has not been fitted for this store",
            reason="NOT_FITTED",
        )


DEFAULT = Speakers(DefaultModel())


def speakers(store_id: int, naming: Naming, fitted: Mapping[str, Fitted]) -> Speakers:
    """The models of a store. One whose parameters are missing refuses its orders instead of the whole batch."""
    if naming == Naming():
        return DEFAULT
    shadow = _built(naming.shadow, fitted) if naming.shadow else None
    named = {naming.model, naming.shadow} - {""}
    return Speakers(
        model=_built(naming.model, fitted),
        shadow=shadow,
        split=_split(store_id, naming),
        wants_others=bool(named - _WITHOUT_OTHERS),
        wants_facts=bool(named & BY_FACTS),
    )


def alone(model: Model) -> Speakers:
    """One model that speaks for every customer."""
    return Speakers(model, wants_others=model.name not in _WITHOUT_OTHERS, wants_facts=model.name in BY_FACTS)


def all_facts(model: Model) -> Speakers:
    """The same, with everything that any model may ask for: for many models over the same cases."""
    return Speakers(model, wants_others=True, wants_facts=True)


def _split(store_id: int, naming: Naming) -> Split | None:
    if not naming.share_ppm:
        return None
    salt = f"attribution/{store_id}/{naming.model}/{naming.shadow}"
    return Split(salt, ((SECOND, naming.share_ppm), (FIRST, MILLION - naming.share_ppm)))


def _built(name: str, fitted: Mapping[str, Fitted]) -> Model:
    if name in FITTED and name not in fitted:
        return UnfittedModel(name)
    return build_model(name, fitted.get(name))
