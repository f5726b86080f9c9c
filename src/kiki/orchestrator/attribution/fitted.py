"""What fitted models carry: small values that can be stored, told apart by fingerprint, and read back unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import msgspec

from kiki.kit.digest import semantic_digest
from kiki.kit.errors import InvalidInput

_FINGERPRINT_LENGTH = 12


class Fitted:
    """Parameters of a model; the same parameters and the same case give the same decision, for good."""

    __slots__ = ()

    def to_plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_plain(cls, plain: object) -> Self:
        """The parameters again, with the same fingerprint. Raises InvalidInput."""
        try:
            return msgspec.convert(plain, cls, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidInput(f"these are no {cls.__name__}: {error}", reason="BAD_PARAMETERS") from None

    @property
    def fingerprint(self) -> str:
        """12 hex characters over all parameters."""
        return semantic_digest(type(self).__name__, self).hex()[:_FINGERPRINT_LENGTH]


@dataclass(frozen=True, slots=True)
class ChannelEffect:
    """One channel's removal effect, and the credit that follows from it."""

    channel: str
    effect: float
    """Relative loss of P(conversion) without the channel, 0 to 1."""
    value_effect: float
    share: float
    """The effect's part of the sum of effects."""
    conversions: float
    value: float


@dataclass(frozen=True, slots=True)
class MarkovParameters(Fitted):
    """A fitted chain, as far as deciding needs it."""

    order: int
    conversions: float
    nulls: float
    value: float
    unattributed: float
    """Conversions that no removable channel touched."""
    unattributed_value: float
    effects: tuple[ChannelEffect, ...]

    @property
    def base_probability(self) -> float:
        """P(conversion) of a path; 0 without paths."""
        paths = self.conversions + self.nulls
        return self.conversions / paths if paths else 0.0


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature that is known before any ad, as the model sees it: (value - mean) / scale."""

    name: str
    mean: float
    scale: float
    base: float
    """Its coefficient on the log-odds to order without ads."""
    lift: float
    """What it adds to the lift's log-odds."""
    exposure: float
    """Its coefficient on the log-odds that an order of a treated buyer was exposed."""


@dataclass(frozen=True, slots=True)
class LearnedParameters(Fitted):
    """A model of who orders with and without ads, learned from a randomised hold-out."""

    features: tuple[Feature, ...]
    base: float
    """Log-odds to order without ads, of a buyer whose features are average."""
    lift: float
    """What ads add to them."""
    exposure: float | None
    """Log-odds that an order of a treated buyer was exposed; None: every treated buyer is exposed."""
    penalty: float | None
    """Ridge on the differences of lift between buyers, chosen by cross-validation; None: none was found."""
    slope: float
    """What cross-fitting left of those differences, 0 to 1."""
    treated: int
    held_out: int
    mean_standard_error: float
    """Of the mean confidence of exposed orders, from the fit's covariance."""
