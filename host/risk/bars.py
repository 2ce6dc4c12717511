"""Bars of one file as what risk is measured on: returns in percent, on a grid that is checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from host.data.reader import BadData, Series
from host.data.table import FloatArray, IntArray

DAY_S, HOUR_S = 86_400, 3_600
# Of a grid's steps, at least; the others are gaps, which must be whole multiples.
_MOSTLY = 0.7
_FRIDAY = 4


@dataclass(frozen=True)
class Bars:
    """`returns[i]` is over the bar that begins at `time_ns[i]`: log, percent.

    step_s -- the grid; gaps -- steps longer than it (weekends are such, in a market that has them)
    range_variance -- Parkinson's, percent squared: what the bar's own high and low say
    """

    name: str
    time_ns: IntArray
    returns: FloatArray
    range_variance: FloatArray
    step_s: int
    gaps: int

    @property
    def daily(self) -> bool:
        """True for bars of a day."""
        return self.step_s == DAY_S

    @property
    def hourly(self) -> bool:
        """True for bars of an hour."""
        return self.step_s == HOUR_S

    @property
    def every_day(self) -> bool:
        """True for a market without weekends: crypto."""
        weekday = (self.time_ns // (DAY_S * 10**9) + 3) % 7
        return bool((weekday > _FRIDAY).any())

    @property
    def baseline(self) -> int:
        """Bars of the historical simulation that others are held against: 250 days, or 720 hours."""
        return 720 if self.hourly else 250

    def times(self) -> np.ndarray:
        """As datetime64."""
        return self.time_ns.astype("datetime64[ns]")

    def begin(self, date: str | None, least: int) -> int:
        """Return the index of the first bar on or after `date`, at least `least`.

        Raises BadData when no bar is left to test.
        """
        first = 0 if date is None else int(np.searchsorted(self.times(), np.datetime64(date)))
        first = max(first, least)
        if first >= len(self.returns):
            raise BadData(
                f"{self.name}: {len(self.returns)} returns: none is left after {date or 'the start'} "
                f"and the first {least}"
            )
        return first

    def with_next(self) -> Bars:
        """With one more bar, which is to come; its return is not known and reads 0."""
        end_ns = self.time_ns[-1:] + self.step_s * 10**9
        return Bars(
            self.name,
            np.append(self.time_ns, end_ns),
            np.append(self.returns, 0.0),
            np.append(self.range_variance, 0.0),
            self.step_s,
            self.gaps,
        )


def of(series: Series) -> Bars:
    """Take the bars of a series. Raises BadData when they are none, or on no one grid."""
    name = series.source
    if series.kind != "bar" or series.high is None or series.low is None:
        raise BadData(f"{name}: bars are needed, these are {series.kind}s")
    if series.rows < 3:
        raise BadData(f"{name}: {series.rows} bars are too few")
    steps_s = np.diff(series.time_ns) // 10**9
    grid_s = int(np.median(steps_s))
    odd = steps_s % grid_s != 0
    if odd.any() or (steps_s == grid_s).mean() < _MOSTLY:
        at = int(odd.argmax()) + 2
        raise BadData(f"{name}: row {at}: bars of {grid_s} s and of others are mixed")
    returns = 100.0 * np.diff(np.log(series.price))
    if not np.ptp(returns) > 0:
        raise BadData(f"{name}: the price never changes, or always by the same share")
    ranges = 100.0 * np.log(series.high[1:] / series.low[1:])
    return Bars(
        name,
        series.time_ns[1:],
        returns,
        ranges * ranges / (4.0 * np.log(2.0)),
        grid_s,
        int((steps_s > grid_s).sum()),
    )
