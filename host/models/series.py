"""From a file to returns in percent, with the rules for what lies between two prices.

A step is taken for one bar when it is within a tenth of the usual (median) one. Longer steps are
closed markets or missing bars: the return over them stays one return, and they are counted and
reported. What cannot be one series of equal bars is refused, with the row.
"""

from __future__ import annotations

import numpy as np

from host.data.reader import read_column
from host.data.table import BadData, FloatArray, IntArray

TOLERANCE = 0.12  # of the bar: daylight saving, months
LONGEST_GAP_DAYS = 10.0
LONGEST_GAP_BARS = 10
MAX_ODD_SHARE = 0.3  # weekends are 22 % of the steps of daily prices
MAX_RETURN = 300.0  # percent: a price that jumps further is damage (log return; a factor of 20)
YEAR_S = 365.25 * 86_400.0
DAY_S = 86_400.0


class Returns:
    """Returns in percent, 100 ln(p_t / p_{t-1}), and the times of their later prices."""

    def __init__(self, source: str, values: FloatArray, time_ns: IntArray | None) -> None:
        self.source = source
        self.values = values
        self.time_ns = time_ns
        self.bar_s: float | None = None
        self.gaps = 0  # steps longer than a bar
        self.longest_gap_bars = 1.0
        self.periods_per_year = 252.0

    def measure(self, time_ns: IntArray) -> None:
        """Find the bar, the gaps and how many bars a year has; BadData when it is no one series."""
        step_s = np.diff(time_ns) / 1e9
        bar_s = float(np.median(step_s))
        short = np.flatnonzero(step_s < bar_s * (1.0 - TOLERANCE))
        if short.size:
            raise self._bad(short[0], f"{_span(step_s[short[0]])}{_after(bar_s)}: mixed frequency")
        longer = step_s > bar_s * (1.0 + TOLERANCE)
        longest = int(step_s.argmax())
        if step_s[longest] > max(LONGEST_GAP_DAYS * DAY_S, LONGEST_GAP_BARS * bar_s):
            raise self._bad(longest, f"{_span(step_s[longest])}{_after(bar_s)}: a gap")
        if longer.mean() > MAX_ODD_SHARE:
            first = int(longer.argmax())
            what = f"{longer.sum()} of {len(step_s)} steps are longer than the bar"
            raise self._bad(first, f"{what} of {_span(bar_s)}: mixed frequency")
        self.bar_s, self.gaps = bar_s, int(longer.sum())
        self.longest_gap_bars = float(step_s[longest] / bar_s)
        years = float(time_ns[-1] - time_ns[0]) / 1e9 / YEAR_S
        measured = len(step_s) / years
        # Names for what everybody annualises with; anything else as measured.
        usual = (252.0, 365.0 * DAY_S / bar_s)
        self.periods_per_year = next((p for p in usual if abs(measured / p - 1) < 0.02), measured)

    def _bad(self, index: int, what: str) -> BadData:
        return BadData(f"{self.source}: row {index + 2}: {what}")


def _span(seconds: float) -> str:
    for unit, size in (("days", DAY_S), ("hours", 3_600.0), ("minutes", 60.0)):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _after(bar_s: float) -> str:
    return f" after the row before, where the bar is {_span(bar_s)}"


def read_returns(path: str, column: str = "close", *, are_returns: bool = False) -> Returns:
    """Read prices, or with `are_returns` percent returns, from any file; BadData names the row."""
    found = read_column(path, column, positive=not are_returns)
    time_ns = found.time_ns
    if are_returns:
        values = found.values
    else:
        if len(found.values) < 3:
            raise BadData(f"{found.source}: {len(found.values)} prices are too few")
        values = 100.0 * np.diff(np.log(found.values))
    returns = Returns(found.source, values, time_ns)
    wild = np.flatnonzero(np.abs(values) > MAX_RETURN)
    if wild.size and not are_returns:
        what = f"return {values[wild[0]]:g} %: no price moves so far"
        raise BadData(f"{found.source}: row {wild[0] + 2}: {what}")
    if time_ns is not None and len(time_ns) > 2:
        returns.measure(time_ns)
        returns.time_ns = time_ns if are_returns else time_ns[1:]
    return returns
