# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Rows of a backtest in which nobody but the strategy has anything to do, in one compiled loop.

Each row does what host.backtest.run does with it by host.engine.trader: the venue's prices are
compared with what rests there, the forecast takes the row in, the features and the checks do, and
the strategy decides. The loop ends at the first row that reaches an order, or on which one leaves.
"""

from libc.math cimport INFINITY, NAN, expm1, isfinite, log, pow, sqrt
from libc.stdint cimport int64_t

from host.hotpath.pipeline cimport Pipeline

from host import refusals
from host.engine.forecasts import NEVER_S
from host.hotpath.pipeline import HOLD

REACHED = -2  # the row reaches an order, and nothing is done about it yet
STOPPED = -3  # the rows have ended
cdef int C_HOLD = HOLD
cdef int C_REACHED = REACHED
cdef int C_STOPPED = STOPPED
cdef int R_SENT = refusals.SENT
cdef int R_UNKNOWN = refusals.OUTCOME_UNKNOWN
cdef double NEVER = NEVER_S
cdef enum:
    CODES = 64
if max(refusals.NAMES) >= CODES:
    raise ImportError("forward was compiled for fewer refusals: build it anew")


def changes(double[::1] price not None, double[::1] change not None, bint bars):
    """Write the log return of each row, in percent; NaN where there is none.

    bars -- every row but the first has one; else only where the price has changed
    """
    cdef Py_ssize_t row
    if price.shape[0] != change.shape[0]:
        raise ValueError("as many changes as prices")
    for row in range(price.shape[0]):
        if row == 0 or (not bars and price[row] == price[row - 1]):
            change[row] = NAN
        else:
            change[row] = 100.0 * log(price[row] / price[row - 1])


cdef class Tail:
    """GARCH(1,1) a row at a time: the twin of host.modeller.filter.Filter, with the age of its word.

    bars -- the horizon; most_age_ns -- of a fit, after which it is confirmed no more
    """

    cdef readonly bint known
    cdef readonly double mean_pct, sigma_pct, var_share, cvar_share, age_s
    cdef readonly double variance
    cdef int64_t _fitted_ns, _confirmed_ns, _most_age_ns
    cdef double _mu, _omega, _alpha, _beta, _quantile, _tail_mean, _level, _decayed
    cdef int _bars
    cdef bint _usable

    def __init__(self, int bars, int64_t most_age_ns):
        self._bars, self._most_age_ns, self.age_s = bars, most_age_ns, NEVER

    def fitted(self, fit, int64_t now_ns):
        """Take a host.modeller.filter.Fit over, whose last return is that of this row."""
        cdef double persistence
        self._mu, self._omega, self._alpha, self._beta = fit.mean, fit.omega, fit.alpha, fit.beta
        self._quantile, self._tail_mean, self.variance = fit.quantile, fit.tail_mean, fit.variance
        persistence = self._alpha + self._beta
        self._level = self._omega / (1.0 - persistence)
        self._decayed = (1.0 - pow(persistence, self._bars)) / (1.0 - persistence)
        self._fitted_ns = now_ns
        self.known = True
        self._forecast()
        self._confirm(now_ns)

    def update(self, double change, int64_t now_ns):
        """Take a row's return, NaN where it has none."""
        self.take(change, now_ns)

    cdef void take(self, double change, int64_t now_ns) noexcept nogil:
        cdef double shock
        if not self.known:
            return
        if change == change:
            shock = change - self._mu
            self.variance = self._omega + self._alpha * shock * shock + self._beta * self.variance
            self._forecast()
        self._confirm(now_ns)

    cdef void _confirm(self, int64_t now_ns) noexcept nogil:
        if self._usable and now_ns - self._fitted_ns <= self._most_age_ns:
            self._confirmed_ns = now_ns
        if self._confirmed_ns:
            self.age_s = <double> (now_ns - self._confirmed_ns) / 1e9

    cdef void _forecast(self) noexcept nogil:
        cdef double mean = self._bars * self._mu
        cdef double sigma = sqrt(self._bars * self._level
                                 + (self.variance - self._level) * self._decayed)
        cdef double var = _loss(mean, sigma, self._quantile)
        cdef double cvar = _loss(mean, sigma, self._tail_mean)
        self._usable = (isfinite(mean) and isfinite(sigma) and sigma > 0 and 0 < var <= cvar
                        and isfinite(cvar))
        if self._usable:
            self.mean_pct, self.sigma_pct = mean, sigma
            self.var_share, self.cvar_share = var, cvar


cdef inline double _loss(double mean, double sigma, double z) noexcept nogil:
    cdef double fall = -expm1((mean + sigma * z) / 100.0)
    cdef double rise = expm1((mean - sigma * z) / 100.0)
    return rise if rise > fall else fall


cdef class Forward:
    """The rows of one backtest.

    price, change, at_ns -- of each row; low, high -- what it reaches, spread included
    var_share -- is written: the forecast after each row, NaN without a fresh one
    position_value, exposure_share, most_var, most_cvar, target_sigma_pct -- as host.engine.sizing has
        them; a sigma of 0 is none
    cost_per_ns -- fixed costs: with nothing left after them, the run ends
    refused -- how often the checks and the gate said each code, in rows that nobody else has seen
    """

    cdef Pipeline _path
    cdef Tail _tail
    cdef double[::1] _price, _change, _low, _high, _var_share
    cdef int64_t[::1] _at_ns
    cdef double _position_value, _exposure_share, _most_var, _most_cvar, _target_sigma
    cdef double _cost_per_ns
    cdef int64_t _refused[CODES]

    def __init__(self, Pipeline path not None, Tail tail not None, double[::1] price not None,
                 double[::1] change not None, double[::1] low not None, double[::1] high not None,
                 int64_t[::1] at_ns not None, double[::1] var_share not None,
                 double position_value, double exposure_share, double most_var, double most_cvar,
                 double target_sigma_pct, double cost_per_ns):
        cdef Py_ssize_t rows = price.shape[0]
        if not (change.shape[0] == low.shape[0] == high.shape[0] == at_ns.shape[0]
                == var_share.shape[0] == rows):
            raise ValueError("columns of different length")
        self._path, self._tail = path, tail
        self._price, self._change, self._low, self._high = price, change, low, high
        self._at_ns, self._var_share = at_ns, var_share
        self._position_value, self._exposure_share = position_value, exposure_share
        self._most_var, self._most_cvar = most_var, most_cvar
        self._target_sigma, self._cost_per_ns = target_sigma_pct, cost_per_ns

    @property
    def refused(self):
        """Return {code: times}."""
        return {code: self._refused[code] for code in range(CODES) if self._refused[code]}

    def forecast(self, Py_ssize_t row):
        """Let the forecast take one row; this is the first thing that happens on it."""
        if not 0 <= row < self._price.shape[0]:
            raise IndexError(f"row {row}")
        self._see(row)

    def run(self, Py_ssize_t first, Py_ssize_t stop, double floor, double ceiling,
            long long told_epoch):
        """Work rows off from `first` until `stop`; return (row, what ended it).

        floor, ceiling -- a row that comes to one of them is left for the venue itself
        told_epoch -- of the mode in which a refusal has been told; another one is told first
        REACHED and STOPPED: `row` is not begun. Else HOLD or a code of host.refusals: it is decided on,
        and an order has left, a refusal is to be told, or the run ends.
        """
        cdef Py_ssize_t row = first
        cdef int code = C_STOPPED
        if not 0 <= first <= stop <= self._price.shape[0]:
            raise IndexError(f"rows {first} to {stop}")
        with nogil:
            while row < stop:
                if self._low[row] <= floor or self._high[row] >= ceiling:
                    code = C_REACHED
                    break
                self._see(row)
                self._path.take(self._price[row], self._at_ns[row])
                self._size()
                code = self._path.act(0, True, self._at_ns[row])
                if code == R_SENT or code == R_UNKNOWN or self._ended(row):
                    break
                if code != C_HOLD:
                    if <long long> self._path.epoch != told_epoch:
                        break
                    self._refused[code] += 1
                code = C_STOPPED
                row += 1
        return row, code

    cdef bint _ended(self, Py_ssize_t row) noexcept nogil:
        cdef bint lost
        cdef double fixed = self._cost_per_ns * <double> (self._at_ns[row] - self._at_ns[0])
        lost = self._path.checks._lost or self._path.checks._drawn
        return lost or self._path._world.equity - fixed <= 0

    cdef void _see(self, Py_ssize_t row) noexcept nogil:
        cdef bint fresh
        self._tail.take(self._change[row], self._at_ns[row])
        fresh = self._tail.known and self._tail.age_s == 0
        self._var_share[row] = self._tail.var_share if fresh else NAN

    cdef void _size(self) noexcept nogil:
        """What host.engine.sizing.Sizing.position answers, into the path."""
        cdef double equity = self._path._world.equity
        cdef double most = self._exposure_share * equity, within = 0.0, other
        most = most if most > 0.0 else 0.0
        most = most if most < self._position_value else self._position_value
        if self._tail.known and self._tail.age_s < NEVER:
            if self._target_sigma > 0:
                other = self._target_sigma / self._tail.sigma_pct
                most *= other if other < 1.0 else 1.0
            if self._most_var < INFINITY or self._most_cvar < INFINITY:
                if equity > 0:
                    within = self._most_var / self._tail.var_share
                    other = self._most_cvar / self._tail.cvar_share
                    within = equity * (other if other < within else within)
                most = within if within < most else most
            self._path._world.var_share = self._tail.var_share
            self._path._world.cvar_share = self._tail.cvar_share
        else:
            self._path._world.var_share = self._path._world.cvar_share = 0.0
        self._path._most_value, self._path._factor = most, 1.0
        self._path._world.forecast_age_s = self._tail.age_s
