"""The models by name: what a contract may say, and what can be computed side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.orchestrator.attribution.default_model import DefaultModel
from kiki.orchestrator.attribution.fitted import Fitted, LearnedParameters, MarkovParameters
from kiki.orchestrator.attribution.learned_model import LearnedModel
from kiki.orchestrator.attribution.model import Model
from kiki.orchestrator.attribution.path_models import markov_model, shapley_model
from kiki.orchestrator.attribution.touch_models import TOUCH_MODELS

MODELS = {
    "default": "signals with fixed weights: click 0.5, acquired 0.5, promoted 0.3",
    "first": "all credit to the first click",
    "last": "all credit to the last click",
    "linear": "the same credit to every click",
    "time_decay": "half the credit for each seven days before the order",
    "position": "40 % first, 40 % last, 20 % between",
    "markov": "credit by removal effect in the chain of all paths",
    "shapley": "credit by Shapley value of the channels",
    "learned": "the probability that ads caused the order, learned from a hold-out",
    "candidate": "the learned model's next version in its shadow run: recorded, never billed until it is adopted",
}
"""Names in the order in which they are shown."""
FITTED: dict[str, type[Fitted]] = {
    "markov": MarkovParameters,
    "learned": LearnedParameters,
    "candidate": LearnedParameters,
}
"""Models that want parameters, and which."""
CANDIDATE = "candidate"
BY_FACTS = frozenset({"learned", CANDIDATE})
"""Models that ask what was known about the buyer before any ad, and for no channels of others."""


def build_model(name: str, parameters: Fitted | None = None) -> Model:
    """The model. Raises InvalidInput for an unknown name, FailedPrecondition for one that wants a fit and has none."""
    if name not in MODELS:
        raise InvalidInput(f"a model is one of {', '.join(MODELS)}, got {name!r}", reason="UNKNOWN_MODEL")
    if name in FITTED and not isinstance(parameters, FITTED[name]):
        raise FailedPrecondition(f"the model {name} has not been fitted for this store", reason="NOT_FITTED")
    if isinstance(parameters, MarkovParameters):
        return markov_model(parameters)
    if isinstance(parameters, LearnedParameters):
        return LearnedModel(parameters, name)
    if name in TOUCH_MODELS:
        return TOUCH_MODELS[name]
    return shapley_model() if name == "shapley" else DefaultModel()


def read_parameters(name: str, plain: object) -> Fitted | None:
    """Stored parameters of the model; None for models without any. Raises InvalidInput."""
    return FITTED[name].from_plain(plain) if name in FITTED else None


def check_parameters(parameters: Fitted) -> None:
    """Refuse parameters that came from elsewhere and that no fit could have made. Raises InvalidInput."""
    told = _numbers(parameters.to_plain())
    if not all(map(math.isfinite, told)):
        raise InvalidInput("parameters are finite numbers", reason="BAD_PARAMETERS")
    if isinstance(parameters, LearnedParameters) and any(feature.scale <= 0 for feature in parameters.features):
        raise InvalidInput("a feature's scale is over zero", reason="BAD_PARAMETERS")
    if isinstance(parameters, MarkovParameters) and any(not 0 <= each.effect <= 1 for each in parameters.effects):
        raise InvalidInput("a removal effect is 0 to 1", reason="BAD_PARAMETERS")


def _numbers(plain: object) -> Iterator[float]:
    if isinstance(plain, float):
        yield plain
    elif isinstance(plain, Mapping):
        for value in plain.values():
            yield from _numbers(value)
    elif isinstance(plain, (list, tuple)):
        for value in plain:
            yield from _numbers(value)


def available_models(fitted: Mapping[str, Fitted]) -> list[Model]:
    """Every model that can speak now: all but those that want a fit and have none."""
    return [build_model(name, fitted.get(name)) for name in MODELS if name not in FITTED or name in fitted]
