"""VaR and CVaR of each bar from the bars before it: quantile and mean of the tail of its return.

Models are fitted on everything before, anew with each calendar month. Intraday bars are divided by the
volatility of their hour of the day first, as far as it was known a month before.

combined is the median of three: GARCH-t, filtered historical simulation on a log-HAR of the bars' ranges
(intraday: on GARCH), and plain historical simulation. A method that is off alone does not move it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from host.data.table import FloatArray
from host.models import Spec, walk_forward
from host.models.walk import monthly
from host.risk import rolling, tails
from host.risk.bars import DAY_S, Bars

# Bars before the first forecast of a model, and before its residuals are a history.
LEAST_BARS, LEAST_RESIDUALS = 250, 250
# Residuals of filtered historical simulation.
WINDOW, INTRADAY_WINDOW = 1_000, 8_760
# Bars of the averages of the log-HAR: a day, a week, a month.
HAR_BARS = (1, 5, 22)
_LEAST_RANGE = 1e-4  # percent squared: a bar without a range has one, for the logarithm

Tails = tuple[FloatArray, FloatArray]
Moments = tuple[FloatArray, FloatArray, FloatArray]


class Methods:
    """Forecasts of one file from bar `first` on; entries before it are NaN.

    df -- of the t: a number, or the range that the estimate is bounded to
    Raises ValueError when there are not enough bars, host.models.ModelError when no model fits them.
    """

    def __init__(
        self, bars: Bars, first: int, level: float, df: float | tuple[float, float]
    ) -> None:
        if first < least(bars):
            raise ValueError(
                f"{bars.name}: {first} bars before the first, {least(bars)} are needed"
            )
        self.bars, self.first, self.level = bars, first, level
        self._spec = Spec(ar=0, ma=0, df=df)
        self._window = WINDOW if bars.step_s >= DAY_S else INTRADAY_WINDOW
        # Residuals begin where there is a history for a model, a window before the first forecast.
        self._begin = max(LEAST_BARS, first - self._window)
        self._season = seasonal(bars, self._begin)
        self._moments: Moments | None = None

    def tails(self, method: str) -> Tails:
        """Return quantile and tail mean by a name of METHODS."""
        return METHODS[method](self)

    def hs(self) -> Tails:
        """Historical simulation over the baseline's window."""
        return rolling.tails(self.bars.returns, self.bars.baseline, self.first, self.level)

    def garch_t(self) -> Tails:
        """A constant mean and GARCH(1,1) with t innovations."""
        mean, variance, nu = self._garch()
        return self._seasoned(tails.of_returns(mean, variance, nu, self.level))

    def fhs(self) -> Tails:
        """The same, with the past residuals in place of the t."""
        mean, variance, _nu = self._garch()
        sigma = np.sqrt(variance)
        residuals = (self.bars.returns / self._season - mean) / sigma
        low, beyond = self._filtered(residuals)
        return self._seasoned((mean + sigma * low, mean + sigma * beyond))

    def har_fhs(self) -> Tails:
        """Filtered historical simulation on a log-HAR of the ranges."""
        sigma = np.sqrt(log_har(self.bars, self._begin))
        low, beyond = self._filtered(self.bars.returns / sigma)
        return sigma * low, sigma * beyond

    def combined(self) -> Tails:
        """The median of three; of their quantiles and of their tail means, which keeps the order."""
        filtered = self.har_fhs() if self.bars.step_s >= DAY_S else self.fhs()
        three = np.array([self.garch_t(), filtered, self.hs()])
        quantile, mean = np.median(three, axis=0)
        return quantile, mean

    def _garch(self) -> Moments:
        if self._moments is None:
            self._moments = self._walked()
        return self._moments

    def _walked(self) -> Moments:
        returns = self.bars.returns / self._season
        refits = monthly(self.bars.time_ns, self._begin)
        walked = walk_forward(returns, self._spec, self._begin, refits)
        found = np.full((3, len(returns)), np.nan)
        found[:, self._begin :] = walked.mean, walked.variance, walked.nu
        return found[0], found[1], found[2]

    def _filtered(self, residuals: FloatArray) -> Tails:
        """Tail of the residuals before each bar; those before `_begin` are none."""
        skip = self._begin
        both = rolling.tails(residuals[skip:], self._window, self.first - skip, self.level)
        pad = np.full(skip, np.nan)
        return np.append(pad, both[0]), np.append(pad, both[1])

    def _seasoned(self, both: Tails) -> Tails:
        quantile, mean = (np.where(np.arange(len(a)) < self.first, np.nan, a) for a in both)
        return quantile * self._season, mean * self._season


METHODS: dict[str, Callable[[Methods], Tails]] = {
    "combined": Methods.combined,
    "garch-t": Methods.garch_t,
    "fhs": Methods.fhs,
    "har-fhs": Methods.har_fhs,
    "hs": Methods.hs,
}


def least(bars: Bars) -> int:
    """Return how many bars must come before the first forecast."""
    return max(bars.baseline, LEAST_BARS + LEAST_RESIDUALS)


def seasonal(bars: Bars, begin: int) -> FloatArray:
    """Return the volatility of each bar's time of the day, relative to the whole; 1 for daily bars.

    From `begin` on it is of the months before; the bars before `begin` share its first estimate.
    """
    factor = np.ones(len(bars.returns))
    if bars.step_s >= DAY_S:
        return factor
    slot = (bars.time_ns // 10**9 % DAY_S) // bars.step_s
    slots = DAY_S // bars.step_s
    squares = bars.returns * bars.returns
    stops = [begin, *monthly(bars.time_ns, begin)]
    for at, (start, stop) in enumerate(zip(stops, [*stops[1:], len(factor)], strict=True)):
        counts = np.bincount(slot[:start], minlength=slots)
        sums = np.bincount(slot[:start], squares[:start], slots)
        # A time of the day that is missing so far is taken as an average one.
        share = (sums + squares[:start].mean()) / (counts + 1) / squares[:start].mean()
        where = slice(0 if at == 0 else start, stop)
        factor[where] = np.sqrt(share)[slot[where]]
    return factor


def log_har(bars: Bars, begin: int) -> FloatArray:
    """Return the variance that a log-HAR forecasts for each bar from `begin` on: Corsi's averages.

    Of the range, so only in proportion to that of the return: filtering takes the rest.
    """
    logs = np.log(np.maximum(bars.range_variance, _LEAST_RANGE))
    longest = max(HAR_BARS)
    sums = np.concatenate([[0.0], np.cumsum(logs)])
    ends = np.arange(longest, len(logs) + 1)
    columns = [(sums[ends] - sums[ends - bars_]) / bars_ for bars_ in HAR_BARS]
    # Row i is what is known before bar i + longest.
    known = np.column_stack([np.ones(len(ends)), *columns])
    found = np.full(len(logs), np.nan)
    stops = [begin, *monthly(bars.time_ns, begin)]
    for start, stop in zip(stops, [*stops[1:], len(logs)], strict=True):
        past, wanted = known[: start - longest], logs[longest:start]
        weights, *_rest = np.linalg.lstsq(past, wanted, rcond=None)
        spread = float(np.var(wanted - past @ weights))
        found[start:stop] = np.exp(known[start - longest : stop - longest] @ weights + spread / 2)
    return found
