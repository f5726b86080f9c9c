"""Models that divide an order's credit by where and when its touchpoints lie: rules of thumb, fitted to nothing.

They say who gets the credit, not whether the order would have come anyway; `docs/attribution.md` says what they bill.
"""

from __future__ import annotations

from kiki.orchestrator.attribution.crediting import Contacts, CreditModel

HALF_LIFE_DAYS = 7.0
POSITION_ENDS, POSITION_BETWEEN = 0.4, 0.2


def first(contacts: Contacts) -> list[float]:
    """All to the oldest."""
    return [1.0] + [0.0] * (len(contacts) - 1)


def last(contacts: Contacts) -> list[float]:
    """All to the newest."""
    return [0.0] * (len(contacts) - 1) + [1.0]


def linear(contacts: Contacts) -> list[float]:
    """The same to each."""
    return [1.0] * len(contacts)


def time_decay(contacts: Contacts) -> list[float]:
    """Half as much for each seven days before the order: 2^(-days / 7), scaled so that the newest weighs 1."""
    newest = contacts.days[-1]
    return [2.0 ** ((newest - days) / HALF_LIFE_DAYS) for days in contacts.days]


def position(contacts: Contacts) -> list[float]:
    """40 % to the first, 40 % to the last, 20 % to those between in equal parts; two share in halves, one has all."""
    count = len(contacts)
    if count <= 2:
        return [1.0] * count
    between = POSITION_BETWEEN / (count - 2)
    return [POSITION_ENDS] + [between] * (count - 2) + [POSITION_ENDS]


TOUCH_MODELS = {
    "first": CreditModel("first", "1", first, separable=False),
    "last": CreditModel("last", "1", last, separable=False),
    "linear": CreditModel("linear", "1", linear, separable=True),
    "time_decay": CreditModel("time_decay", "1", time_decay, separable=True),
    "position": CreditModel("position", "1", position, separable=False),
}
"""The rules of thumb by name."""
