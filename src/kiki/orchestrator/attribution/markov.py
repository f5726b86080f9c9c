"""Markov removal effects, exact: the absorbing chain of all paths, solved as a linear system.

The chain (Anderl, Becker, von Wangenheim and Schumann 2016) has a state per channel, `start`, `conversion` and `null`;
transition probabilities are observed frequencies. The removal effect of a channel is the relative loss of P(conversion)
when everything that enters it is lost. With N = (I - Q)^-1, u = expected visits and v = N r, the probability of ever
reaching c is u_c / N_cc (Kemeny and Snell, *Finite Markov Chains*, 3.5), so the loss is u_c v_c / N_cc: one
factorisation serves all channels. Expected visits of a chain of observed frequencies are the observed visits per
path, because both solve the same balance equations; hence P(conversion) is conversions / (conversions + nulls),
always.

A chain of order k has the last k channels as its states; removing a channel removes every state that ends in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.chain import Chain, losses, lost_without, reaching
from kiki.orchestrator.attribution.fitted import ChannelEffect, MarkovParameters
from kiki.orchestrator.attribution.paths import Channels, Floats, Ints, Paths

MAX_ORDER = 4
_LARGEST_KEY = 2**62


@dataclass(slots=True)
class TransitionCounts:
    """What a chain is fitted on: how often each state was left for each other, for conversion, for null.

    Grown chunk by chunk and merged by adding, in any order; a state is a tuple of channel numbers, packed into one
    integer.
    """

    order: int = 1
    moves: dict[tuple[int, int], float] = field(default_factory=dict)
    """(from state, to state) to paths; the state 0 is the start."""
    ends: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    """State to conversions, nulls and value of the paths that end there."""

    def __post_init__(self) -> None:
        if not 1 <= self.order <= MAX_ORDER:
            raise InvalidInput(f"a Markov order is 1 to {MAX_ORDER}, got {self.order}", reason="BAD_ORDER")

    def add(self, paths: Paths) -> None:
        """Count a chunk. Paths that neither converted nor did not are nobody's."""
        weights = paths.conversions + paths.nulls
        states = self._states(paths)
        firsts, before = paths.offsets[:-1], np.concatenate([np.zeros(1, dtype=np.int64), states[:-1]])
        filled = paths.lengths > 0
        before[firsts[filled]] = 0
        self._add_moves(before, states, weights[paths.path_of])
        last = np.zeros(len(paths), dtype=np.int64)
        last[filled] = states[paths.offsets[1:][filled] - 1]
        self._add_ends(last, paths)

    def merge(self, other: TransitionCounts) -> None:
        """Add what was counted elsewhere under the same channel numbers."""
        if self.order != other.order:
            raise InvalidInput(f"orders {self.order} and {other.order} do not add up", reason="BAD_ORDER")
        for move, paths in other.moves.items():
            self.moves[move] = self.moves.get(move, 0.0) + paths
        for state, (conversions, nulls, value) in other.ends.items():
            held = self.ends.get(state, (0.0, 0.0, 0.0))
            self.ends[state] = (held[0] + conversions, held[1] + nulls, held[2] + value)

    def _states(self, paths: Paths) -> Ints:
        """Per touchpoint the last `order` channels of its path, packed: digits are channel numbers + 1, newest last."""
        base = _base(self.order)
        if int(paths.codes.max(initial=0)) + 2 > base:
            raise InvalidInput(
                f"a chain of order {self.order} takes at most {base - 2} channels; use order 1", reason="BAD_ORDER"
            )
        place = np.arange(len(paths.codes)) - paths.offsets[paths.path_of]
        states = np.zeros(len(paths.codes), dtype=np.int64)
        for back in range(self.order):
            digit = np.zeros(len(paths.codes), dtype=np.int64)
            reach = place >= back
            digit[reach] = paths.codes[np.flatnonzero(reach) - back] + 1
            states += digit * base**back
        return states

    def _add_moves(self, before: Ints, after: Ints, weights: Floats) -> None:
        origins, origin_of = np.unique(before, return_inverse=True)
        targets, target_of = np.unique(after, return_inverse=True)
        width = max(len(targets), 1)
        pairs, pair_of = np.unique(origin_of * width + target_of, return_inverse=True)
        for pair, paths in zip(pairs.tolist(), np.bincount(pair_of, weights).tolist(), strict=True):
            if paths > 0:
                move = (int(origins[pair // width]), int(targets[pair % width]))
                self.moves[move] = self.moves.get(move, 0.0) + paths

    def _add_ends(self, last: Ints, paths: Paths) -> None:
        states, state_of = np.unique(last, return_inverse=True)
        sums = [
            np.bincount(state_of, amounts, minlength=len(states)).tolist()
            for amounts in (paths.conversions, paths.nulls, paths.value)
        ]
        for state, conversions, nulls, value in zip(states.tolist(), *sums, strict=True):
            held = self.ends.get(state, (0.0, 0.0, 0.0))
            self.ends[state] = (held[0] + conversions, held[1] + nulls, held[2] + value)


def fit_markov(counts: TransitionCounts, channels: Channels, *, keep: Iterable[str] = ()) -> MarkovParameters:
    """Removal effects of all channels but those of `keep`, which cannot be removed: direct visits, for example.

    Conversions are credited by removal effect, value by the removal effect on value. What no removable channel touched
    (empty paths, paths of kept channels alone) is credited to nobody: `unattributed`. Without a conversion all is zero.
    """
    kept = {code for name in keep if (code := channels.find(name)) is not None}
    conversions, nulls, value = (float(sum(end[which] for end in counts.ends.values())) for which in range(3))
    chain = _chain(counts)
    lost, lost_value = losses(chain, len(channels), kept)
    removable = ~np.isin(chain.channel_of, list(kept))
    reached, reached_value = (lost_without(chain, reward, removable) for reward in (chain.conversion, chain.value))
    shares, value_shares = _normalised(lost), _normalised(lost_value)
    effects = tuple(
        ChannelEffect(
            channel=name,
            effect=min(float(lost[code]) / conversions, 1.0) if conversions else 0.0,
            value_effect=float(lost_value[code]) / value if value else 0.0,
            share=float(shares[code]),
            conversions=float(shares[code]) * reached,
            value=float(value_shares[code]) * reached_value,
        )
        for code, name in enumerate(channels.names)
        if code not in kept
    )
    return MarkovParameters(
        order=counts.order,
        conversions=conversions,
        nulls=nulls,
        value=value,
        unattributed=conversions - reached,
        unattributed_value=value - reached_value,
        effects=effects,
    )


def joint_removal_effect(counts: TransitionCounts, channels: Channels, removed: Iterable[str]) -> float:
    """The relative loss of P(conversion) when all these channels are removed together; 0 without a conversion."""
    chain = _chain(counts)
    conversions = sum(end[0] for end in counts.ends.values())
    codes = [code for name in removed if (code := channels.find(name)) is not None]
    if not conversions or not codes:
        return 0.0
    return min(max(lost_without(chain, chain.conversion, np.isin(chain.channel_of, codes)) / conversions, 0.0), 1.0)


def solved_conversion(counts: TransitionCounts) -> float:
    """P(conversion) from the chain itself; equals conversions / (conversions + nulls), which proves the solution."""
    chain = _chain(counts)
    direct, nulls, _ = counts.ends.get(0, (0.0, 0.0, 0.0))
    paths = float(chain.starts.sum()) + direct + nulls
    if not paths:
        return 0.0
    everywhere = np.ones(len(chain.starts), dtype=bool)
    return (float(chain.starts @ reaching(chain, chain.conversion, everywhere)) + direct) / paths


def _base(order: int) -> int:
    """Digits of a packed state."""
    return int(_LARGEST_KEY ** (1.0 / order))


def _chain(counts: TransitionCounts) -> Chain:
    states = sorted({after for _, after in counts.moves})
    index = {state: row for row, state in enumerate(states)}
    size = len(states)
    moves = [(index[a], index[b], paths) for (a, b), paths in counts.moves.items() if a]
    starts, conversion, value = np.zeros(size), np.zeros(size), np.zeros(size)
    for (before, after), paths in counts.moves.items():
        if not before:
            starts[index[after]] += paths
    out = np.zeros(size)
    for row, _, paths in moves:
        out[row] += paths
    for state, (converted, lost, worth) in counts.ends.items():
        if state in index:
            out[index[state]] += converted + lost
            conversion[index[state]], value[index[state]] = converted, worth
    rows = np.array([row for row, _, _ in moves], dtype=np.int64)
    into = np.array([column for _, column, _ in moves], dtype=np.int64)
    amounts = np.array([paths for _, _, paths in moves]) / out[rows] if moves else np.zeros(0)
    return Chain(
        channel_of=np.array([state % _base(counts.order) - 1 for state in states], dtype=np.int64),
        transitions=csr_array((amounts, (rows, into)), shape=(size, size)),
        conversion=conversion / out if size else conversion,
        value=value / out if size else value,
        starts=starts,
        visits=out,
    )


def _normalised(losses: Floats) -> Floats:
    total = losses.sum()
    return losses / total if total else np.zeros(len(losses))
