"""The transient part of an absorbing chain, and what is lost when states are removed from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, identity
from scipy.sparse.linalg import LinearOperator, bicgstab, splu

from kiki.kit.errors import InvariantBroken
from kiki.orchestrator.attribution.paths import Floats, Ints

_DENSE_STATES = 600
_DENSE_STATES_WHEN_FULL, _FULL = 4_000, 0.005
"""A chain whose states lead everywhere fills up when it is factorised; dense is faster while memory allows."""
_BLOCK = 256
_RELATIVE, _SWEPT = 1e-12, 1e-15
_GOOD_ENOUGH = 1e-11
_MOST_SWEEPS = 1_000_000
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Chain:
    """Everything in visits, scaled by the number of paths, which keeps whole numbers whole."""

    channel_of: Ints
    """The newest channel of each state."""
    transitions: csr_array
    """Q: chances from state (row) to state."""
    conversion: Floats
    """Chance to convert on leaving a state."""
    value: Floats
    """Expected value on leaving a state."""
    starts: Floats
    """Paths that start in each state."""
    visits: Floats
    """Visits to each state."""


def losses(chain: Chain, channels: int, kept: set[int]) -> tuple[Floats, Floats]:
    """Conversions and value that are lost with each channel of those that are not kept.

    With N = (I - Q)^-1, u = visits, v = N r, and S the states that end in the channel, what enters S first at each of
    its states is f = u_S (N_SS)^-1, and f v_S is lost.
    """
    size = len(chain.starts)
    if size <= (_DENSE_STATES_WHEN_FULL if chain.transitions.nnz > _FULL * size * size else _DENSE_STATES):
        found = _dense_losses(chain)
    elif len(np.unique(chain.channel_of)) == size:
        found = _single_losses(chain)
    else:
        found = _large_losses(chain, kept)
    lost, lost_value = np.zeros(channels), np.zeros(channels)
    for code, conversions, value in found:
        if code not in kept:
            lost[code], lost_value[code] = max(conversions, 0.0), value
    return lost, lost_value


def lost_without(chain: Chain, reward: Floats, removed: Mask) -> float:
    """What all paths bring, less what they bring when entering a removed state loses the path."""
    return float(chain.visits @ reward) - float(chain.starts @ reaching(chain, reward, ~removed))


def reaching(chain: Chain, reward: Floats, stays: Mask) -> Floats:
    """Expected reward from each state on, when only the states that stay can be entered; 0 for the others."""
    found = np.zeros(len(reward))
    rows = np.flatnonzero(stays)
    if len(rows) <= _DENSE_STATES:
        inner = chain.transitions[rows][:, rows].toarray()
        found[rows] = np.linalg.solve(np.eye(len(rows)) - inner, reward[rows])
        return found
    return _iterated(chain, np.where(stays, reward, 0.0), stays.astype(np.float64))


def _dense_losses(chain: Chain) -> Iterator[tuple[int, float, float]]:
    inverse = np.linalg.inv(np.eye(len(chain.starts)) - chain.transitions.toarray())
    onward = inverse @ np.column_stack([chain.conversion, chain.value])
    order = np.argsort(chain.channel_of, kind="stable")
    codes, firsts = np.unique(chain.channel_of[order], return_index=True)
    parts = np.split(order, firsts[1:]) if len(codes) else []
    for code, states in zip(codes.tolist(), parts, strict=True):
        first = np.linalg.solve(inverse[np.ix_(states, states)].T, chain.visits[states])
        conversions, value = (first @ onward[states]).tolist()
        yield code, conversions, value


def _single_losses(chain: Chain) -> Iterator[tuple[int, float, float]]:
    """One state a channel, many of them: u_c v_c / N_cc for all of them from one sparse factorisation."""
    size = len(chain.starts)
    factors = splu(csc_array(identity(size, format="csc") - chain.transitions))
    returns = np.empty(size)
    for at in range(0, size, _BLOCK):
        columns = np.arange(at, min(at + _BLOCK, size))
        units = np.zeros((size, len(columns)))
        units[columns, np.arange(len(columns))] = 1.0
        returns[columns] = factors.solve(units)[columns, np.arange(len(columns))]
    first = chain.visits / returns
    lost, value = first * factors.solve(chain.conversion), first * factors.solve(chain.value)
    return zip(chain.channel_of.tolist(), lost.tolist(), value.tolist(), strict=True)


def _large_losses(chain: Chain, kept: set[int]) -> Iterator[tuple[int, float, float]]:
    """Many states of higher order: the chain without the channel, once per channel."""
    for code in np.unique(chain.channel_of).tolist():
        if code not in kept:
            removed = chain.channel_of == code
            yield code, lost_without(chain, chain.conversion, removed), lost_without(chain, chain.value, removed)


def _iterated(chain: Chain, reward: Floats, stays: Floats) -> Floats:
    """x = reward + stays Q stays x, by BiCGSTAB, and by plain sweeps where that breaks down; to twelve digits."""
    if not reward.any():
        return reward
    system = LinearOperator(
        (len(reward), len(reward)), matvec=lambda x: x - stays * (chain.transitions @ (stays * x)), dtype=np.float64
    )
    found: Floats = bicgstab(system, reward, rtol=_RELATIVE, atol=0.0, maxiter=1_000)[0]
    if np.abs(reward - system.matvec(found)).max() <= _GOOD_ENOUGH * np.abs(reward).max():
        return found
    found = reward
    for _ in range(_MOST_SWEEPS):
        after: Floats = reward + stays * (chain.transitions @ (stays * found))
        if np.abs(after - found).max() <= _SWEPT * np.abs(after).max():
            return after
        found = after
    raise InvariantBroken("a chain whose paths all end was not solved")
