# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""From forecast, signal and mode to what to do: a pure function of numbers, compiled.

A number that no model should say is refused, not used: NaN, an infinity, a negative zero, a denormal.
The edge, expected return over sigma, is compared without the division.
"""

from libc.math cimport fabs
from libc.stdint cimport uint64_t

from host.hotpath.atomics cimport bot4_bits

from host import decisions, modes, outcomes

cdef enum:
    MODES = 4
    A_HOLD = 0
    A_OPEN_LONG = 1
    A_OPEN_SHORT = 2
    A_REDUCE_LONG = 3
    A_REDUCE_SHORT = 4
if [row[0] for row in decisions.ACTIONS] != list(range(A_REDUCE_SHORT + 1)):
    raise ImportError("decision was compiled for other actions: build it anew")

cdef bint MAY_OPEN[MODES]
cdef bint MAY_REDUCE[MODES]
for _mode in range(MODES):
    MAY_OPEN[_mode] = modes.permitted(_mode, modes.Intent.OPEN)
    MAY_REDUCE[_mode] = modes.permitted(_mode, modes.Intent.REDUCE)

cdef int BAD_FORECAST = outcomes.BAD_FORECAST
cdef int BAD_SIGMA = outcomes.BAD_SIGMA
cdef int BAD_SIGNAL = outcomes.BAD_SIGNAL
cdef int BAD_POSITION = outcomes.BAD_POSITION
cdef int BAD_MODE = outcomes.BAD_MODE


cdef inline bint usable(double value) noexcept nogil:
    """Zero, or a normal number."""
    cdef uint64_t bits = bot4_bits(value)
    cdef uint64_t exponent = bits >> 52 & 0x7FF
    return exponent != 0x7FF and (exponent != 0 or bits == 0)


cdef class Decision:
    """Decides by thresholds (host.decisions.Thresholds). Raises ValueError on ones that cannot be."""

    def __init__(self, thresholds):
        wanted = thresholds.check()
        self._enter_edge, self._exit_edge = wanted.enter_edge, wanted.exit_edge
        self._enter_signal, self._most_sigma = wanted.enter_signal, wanted.most_sigma
        self._may_short = wanted.may_short

    def __call__(self, double expected_return, double sigma, double signal, double position,
                 long long mode):
        """Return an action of host.decisions, or minus a code of host.outcomes.

        expected_return, sigma -- mean and standard deviation over the horizon, as shares of the price
        signal -- from -1 to 1
        position -- in base units, negative when short
        """
        return self.decide(expected_return, sigma, signal, position, mode)

    cdef int decide(self, double expected_return, double sigma, double signal, double position,
                    long long mode) noexcept nogil:
        cdef int wanted
        cdef double held
        if not usable(expected_return):
            return -BAD_FORECAST
        if not usable(sigma) or sigma <= 0:
            return -BAD_SIGMA
        if not usable(signal) or fabs(signal) > 1:
            return -BAD_SIGNAL
        if not usable(position):
            return -BAD_POSITION
        if mode < 0 or mode >= MODES:
            return -BAD_MODE
        if position != 0:
            held = expected_return if position > 0 else -expected_return
            if held >= self._exit_edge * sigma and sigma <= self._most_sigma or not MAY_REDUCE[mode]:
                return A_HOLD
            return A_REDUCE_LONG if position > 0 else A_REDUCE_SHORT
        if not MAY_OPEN[mode] or sigma > self._most_sigma:
            return A_HOLD
        if expected_return >= self._enter_edge * sigma and signal >= self._enter_signal:
            return A_OPEN_LONG
        if (self._may_short and -expected_return >= self._enter_edge * sigma
                and -signal >= self._enter_signal):
            return A_OPEN_SHORT
        return A_HOLD
