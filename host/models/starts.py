"""Where the search for an ARMA begins: coefficients worth a look, in groups of near relatives.

The optima that one start misses are of two kinds: a root near the unit circle that the other side
all but cancels, and a resonance, a pair of complex roots at one frequency with the other side's
pair beside it. A resonance of radius rho is about 1 - rho wide in frequency, which sets the grid.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from host.data.table import FloatArray

FREQUENCIES = 48  # over (0, pi)
RADII = ((0.95, 0.975), (0.975, 0.95), (0.985, 0.97), (0.8, 0.9), (0.9, 0.8))  # of AR, of MA
ROOTS = (-0.985, -0.95, -0.85, -0.6, -0.3, 0.3, 0.6, 0.85, 0.95, 0.985)
SHIFTS = (-0.25, -0.06, -0.015, 0.015, 0.06, 0.25)  # from a real AR root to the MA root beside it
RANDOM = 40
_SEED = 20_170_817


class Start(NamedTuple):
    """Coefficients of a stationary, invertible ARMA; relatives share a group."""

    group: tuple[str, int]
    ar: FloatArray
    ma: FloatArray


def starts(p: int, q: int) -> Iterator[Start]:
    """All candidates for orders p and q, the same at each call."""
    yield Start(("none", 0), np.zeros(p), np.zeros(q))
    random = np.random.default_rng(_SEED)
    if p and q:
        yield from _real_roots(p, q, random)
    if p > 1 and q > 1:
        yield from _resonances(p, q)
    for index in range(RANDOM if p + q else 0):
        ar, ma = (random.uniform(-0.9, 0.9, order) for order in (p, q))
        yield Start(("random", index), _coefficients(ar, p), -_coefficients(ma, q))


def _real_roots(p: int, q: int, random: np.random.Generator) -> Iterator[Start]:
    for index, root in enumerate(ROOTS):
        for shift in SHIFTS:
            beside = min(max(root + shift, -0.995), 0.995)
            ar = [root, *random.uniform(-0.5, 0.5, min(p - 1, 1))]
            ma = [beside, *random.uniform(-0.5, 0.5, min(q - 1, 1))]
            for group, *roots in (("real", ar[:1], ma[:1]), ("mixed", ar, ma)):
                yield Start((group, index), _coefficients(roots[0], p), -_coefficients(roots[1], q))


def _resonances(p: int, q: int) -> Iterator[Start]:
    for index in range(FREQUENCIES):
        turn = np.exp(1j * np.pi * (index + 0.5) / FREQUENCIES)
        for of_ar, of_ma in RADII:
            ar, ma = ([radius * turn, radius * turn.conjugate()] for radius in (of_ar, of_ma))
            yield Start(("resonance", index), _coefficients(ar, p), -_coefficients(ma, q))


def _coefficients(roots, order: int) -> FloatArray:
    """c of 1 - c1 B - c2 B^2 .. with these inverse roots, filled up with zeros."""
    found = np.zeros(order)
    if len(roots):
        polynomial = np.real(np.poly(roots))
        found[: len(roots)] = -polynomial[1:]
    return found
