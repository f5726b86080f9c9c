"""Markov and Shapley as models: an order's credit, divided by what was fitted or by the game itself."""

from __future__ import annotations

from collections.abc import Mapping

from kiki.orchestrator.attribution.crediting import Contacts, CreditModel, Weigh
from kiki.orchestrator.attribution.fitted import MarkovParameters


def markov_model(parameters: MarkovParameters) -> CreditModel:
    """Divides an order among its distinct channels in proportion to their removal effects.

    A channel that was not in the fit weighs as much as the mean of those that were; where all weigh nothing, they share
    equally.
    """
    effects = {effect.channel: effect.effect for effect in parameters.effects}
    return CreditModel("markov", f"1:{parameters.fingerprint}", _by_effect(effects), separable=True)


def shapley_model() -> CreditModel:
    """Divides an order equally among its distinct channels: its own part of the Shapley value, with nothing to fit.

    The game is a sum over orders (`path_credit.shapley`), so what orders get adds up to the channels' Shapley values.
    """
    return CreditModel("shapley", "1", _equal_per_channel, separable=True)


def _by_effect(effects: Mapping[str, float]) -> Weigh:
    unseen = sum(effects.values()) / len(effects) if effects else 1.0

    def weigh(contacts: Contacts) -> list[float]:
        own = [effects.get(name, unseen) for name in contacts.names]
        shares = _equal_per_channel(contacts)
        weights = [own[code] * share for code, share in zip(contacts.codes, shares, strict=True)]
        return weights if any(weights) else shares

    return weigh


def _equal_per_channel(contacts: Contacts) -> list[float]:
    """One to each channel, in equal parts over its contacts."""
    times = [0] * len(contacts.names)
    for code in contacts.codes:
        times[code] += 1
    return [1.0 / times[code] for code in contacts.codes]
