"""The modeller of a backtest: fits by the same rules, at once, and of nothing that comes later."""

from __future__ import annotations

import numpy as np

from host.backtest.market import Market
from host.config import Modeller as Settings
from host.forecast import Forecast
from host.hotpath.forward import Tail
from host.modeller.fitter import Request, fit
from host.modeller.loop import LEVEL


class Forecasts:
    """What host.engine.forecasts.Forecasts is to a trader: `last`, `seen` and `look`.

    A row is in the forecast before the engine decides on it: the modeller has no delay here.

    fits, failures -- of the models so far; `failures` in a row; failed -- in all
    """

    def __init__(self, market: Market, settings: Settings) -> None:
        self._settings = settings
        self._market = market
        self.tail = Tail(settings.horizon_bars, round(settings.max_fit_age_s * 1e9))
        has_one = ~np.isnan(market.change)
        self._returns = market.change[has_one]
        self._counts = np.cumsum(has_one)
        self.fits = self.failures = self.failed = 0
        self._row = 0
        self._due_count = settings.least_bars
        self._due_ns = 0

    @property
    def last(self) -> Forecast | None:
        """The forecast of the next bar, None before the first."""
        tail = self.tail
        if not tail.var_share:
            return None
        return Forecast(
            self._row, tail.mean_pct, tail.sigma_pct, tail.var_share, tail.cvar_share,
            self.fits, self.failures,
        )  # fmt: skip

    def seen(self, row: int, now_ns: int) -> None:
        """Note which row it is."""
        self._row = row

    def look(self, now_ns: int) -> float:
        """Return the age of `last` in seconds."""
        return self.tail.age_s

    def due(self) -> int:
        """Return the row on which the next fit is due; the number of rows if on none."""
        by_count = int(np.searchsorted(self._counts, self._due_count))
        by_time = int(np.searchsorted(self._market.at_ns, self._due_ns))
        return min(max(by_count, by_time), self._market.rows)

    def fit(self, row: int) -> None:
        """Fit to the returns up to this row. What cannot be fitted keeps the model before."""
        settings, at_ns = self._settings, int(self._market.at_ns[row])
        count = int(self._counts[row])
        window = self._returns[max(0, count - settings.window_bars) : count]
        self._due_ns = at_ns + round(settings.refit_s * 1e9)
        try:
            found = fit(Request(window.tolist(), LEVEL))
        except (ValueError, ArithmeticError):
            self.failures += 1
            self.failed += 1
            return
        self.tail.fitted(found, at_ns)
        self.fits += 1
        self.failures = 0
        self._due_count = count + settings.refit_bars
